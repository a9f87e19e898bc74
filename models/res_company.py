from datetime import date, datetime, time, timedelta

import pytz

from odoo import api, fields, models
from odoo.exceptions import ValidationError

DAYS_BACK, DAYS_AHEAD = 366, 731  # how far around today a decision knows the company's days off


class ResCompany(models.Model):
    """When a company sends: its hour, its time zone, its days off."""

    _inherit = "res.company"

    escalation_send_hour = fields.Float(
        string="Follow-ups From",
        default=8.5,
        help="The plans of the company are run once a day, at the first full hour after this time.",
    )

    @api.constrains("escalation_send_hour")
    def _check_escalation_send_hour(self):
        if any(not 0 <= company.escalation_send_hour <= 22 for company in self):
            raise ValidationError(self.env._("Choose an hour for follow-ups between 0:00 and 22:00."))

    def _escalation_now(self, now=None):
        """The company's local time.

        :param datetime now: in UTC, naive; by default the present moment
        """
        self.ensure_one()
        zone = pytz.timezone(self.resource_calendar_id.tz or self.partner_id.tz or "UTC")
        return pytz.utc.localize(now or fields.Datetime.now()).astimezone(zone)

    def _escalation_today(self, now=None):
        """The company's own date: the same instant can be two days in two companies."""
        return self._escalation_now(now).date()

    def _escalation_is_send_time(self, now):
        local = self._escalation_now(now)
        return local.hour + local.minute / 60 >= self.escalation_send_hour

    def _escalation_get_is_free(self, today):
        """A function that tells the company's days off (working schedule and public holidays) around ``today``.

        Days further away than the window count as working days. A schedule without any working day is not believed.
        """
        self.ensure_one()
        start, end = today - timedelta(days=DAYS_BACK), today + timedelta(days=DAYS_AHEAD)
        unusual = self.resource_calendar_id._get_unusual_days(
            datetime.combine(start, time.min), datetime.combine(end, time.max), self
        )
        free = frozenset(date.fromisoformat(day) for day, is_free in unusual.items() if is_free)
        return free.__contains__ if len(free) < len(unusual) else frozenset().__contains__
