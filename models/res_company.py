from datetime import date, datetime, time, timedelta
from functools import cache

import pytz

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools import schedule

DAYS_BACK, DAYS_AHEAD = 366, 731  # how far around today a decision knows the company's days off
NEAR_BACK, NEAR_AHEAD = 31, 184  # further away few decisions look: core takes a tenth of a second for the whole time


class ResCompany(models.Model):
    """When a company sends: its hour, its time zone, its days off."""

    _inherit = "res.company"

    escalation_send_hour = fields.Float(
        string="Follow-ups From",
        default=8.5,
        help="The plans of the company are run once a day, at the first full hour after this time.",
    )

    escalation_min_days_any = fields.Integer(
        string="Days Between Any Two Messages",
        help="At least so many days lie between any two automatic messages to the same customer, over all plans and"
        " summaries. 0: off.",
    )
    escalation_max_messages = fields.Integer(
        string="Automatic Messages a Day",
        help="No more automatic messages than this are sent on one day, the oldest due first. 0: no limit.",
    )
    escalation_grace_days = fields.Integer(
        string="Days of Grace",
        default=3,
        help="After the day of a promise to pay, until the payment has arrived and is reconciled.",
    )
    escalation_collected_line_ids = fields.Many2many(
        "account.payment.method.line",
        "account_escalation_collected_rel",  # by default it would share a table with fields of other modules
        string="Collected by Us",
        help="Direct debit, bills of exchange...: what is to be paid in these ways gets no demand, until a person marks"
        " the collection as returned.",
    )
    escalation_letter_window = fields.Selection(
        [("left", "Left (DIN 5008)"), ("right", "Right (French)")],
        string="Window of Envelopes",
        default="left",
        required=True,
        help="Where the address stands on letters.",
    )
    escalation_max_attachment_mb = fields.Integer(
        string="Largest Attachments",
        default=10,
        help="In megabytes, all invoices of an email together. Above it, the email has links to the invoices instead,"
        " and says so. 0: as much as the mail server takes.",
    )
    escalation_user_id = fields.Many2one(
        "res.users",
        string="Follow-up Responsible",
        domain=[("share", "=", False)],
        check_company=True,
        help="Gets the to-do's of which nobody else is in charge.",
    )

    escalation_carrier = fields.Selection(
        "_selection_escalation_carrier",
        string="Letters Posted By",
        default="print",
        required=True,
        help="Who prints and posts the letters: ourselves, or a carrier, at a charge.",
    )
    escalation_carrier_key = fields.Char(
        string="Carrier's API Key", groups="base.group_system,account.group_account_manager", copy=False
    )

    @api.model
    def _selection_escalation_carrier(self):
        return [("print", self.env._("Ourselves")), *self.env["account.escalation.carrier"]._selection()]

    @api.constrains(
        "escalation_min_days_any", "escalation_max_messages", "escalation_grace_days", "escalation_max_attachment_mb"
    )
    def _check_escalation_limits(self):
        names = ("min_days_any", "max_messages", "grace_days", "max_attachment_mb")
        if any(company[f"escalation_{name}"] < 0 for company in self for name in names):
            raise ValidationError(self.env._("The limits of follow-ups cannot be negative."))

    @api.constrains("escalation_user_id")
    def _check_escalation_user_id(self):
        self._check_company(["escalation_user_id"])

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

    def _escalation_get_capacity(self, today):
        """How many more automatic messages may be sent today; None: as many as there are."""
        self.ensure_one()
        if not self.escalation_max_messages:
            return None
        sent = self.env["account.escalation.followup"].search_count(
            [
                ("company_id", "=", self.id),
                ("date", "=", today),
                ("channel", "=", "email"),
                ("is_reviewed", "=", False),
                ("is_manual", "=", False),
                ("step_id.to_customer", "=", True),
                ("state", "!=", "skipped"),
            ]
        )
        return max(0, self.escalation_max_messages - sent)

    def _escalation_get_limits(self, today):
        """What the decision must know of the company's limits."""
        self.ensure_one()
        return schedule.Limits(self.escalation_min_days_any, None, self._escalation_get_capacity(today) == 0)

    def _escalation_get_is_free(self, today):
        """A function that tells the company's days off (working schedule and public holidays) around ``today``.

        Days further away than the window count as working days.
        """
        self.ensure_one()

        @cache
        def get_free(back, ahead):
            start, end = today - timedelta(days=back), today + timedelta(days=ahead)
            unusual = self.resource_calendar_id._get_unusual_days(
                datetime.combine(start, time.min), datetime.combine(end, time.max), self
            )
            return frozenset(date.fromisoformat(day) for day, is_free in unusual.items() if is_free)

        def is_free(day):
            is_near = -NEAR_BACK <= (day - today).days <= NEAR_AHEAD
            return day in (get_free(NEAR_BACK, NEAR_AHEAD) if is_near else get_free(DAYS_BACK, DAYS_AHEAD))

        return is_free
