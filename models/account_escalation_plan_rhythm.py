from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools import schedule
from ..tools.days import never_free


class AccountEscalationPlan(models.Model):
    """Rhythm: on which days a plan looks at its customers."""

    _inherit = "account.escalation.plan"

    next_run_date = fields.Date(
        string="Next Run",
        help="The plan looks at its customers on this day, or on the next working day, and then again and again.",
    )
    first_run_date = fields.Date(
        compute="_compute_first_run_date",
        store=True,
        readonly=False,
        copy=False,
        help="The day from which the further ones are counted: the 31st stays the 31st.",
    )
    interval_number = fields.Integer(string="Every", default=1)
    interval_type = fields.Selection(
        [("days", "days"), ("weeks", "weeks"), ("months", "months")], default="months", required=True
    )

    @api.depends("next_run_date", "interval_number", "interval_type")
    def _compute_first_run_date(self):
        for plan in self:
            plan.first_run_date = plan.next_run_date

    @api.constrains("level", "interval_number", "next_run_date")
    def _check_rhythm(self):
        for plan in self.filtered(lambda plan: plan.level != "invoice"):
            if plan.interval_number < 1:
                raise ValidationError(
                    self.env._("“%s” must run every 1 day, week or month, or more rarely.", plan.name)
                )
            if not plan.next_run_date:
                raise ValidationError(
                    self.env._("Choose the day of the next run of “%s”: it looks at its customers then.", plan.name)
                )
            plan.step_ids._check_summary()

    def _get_rhythm(self):
        """When the plan looks at its customers; None for invoices, at which it looks every day."""
        self.ensure_one()
        if self.level == "invoice" or not self.next_run_date:
            return None
        first = self.first_run_date or self.next_run_date
        return schedule.Rhythm(first, self.interval_number, self.interval_type, self.next_run_date)

    def _is_look_day(self, today, is_free):
        """Whether the plan looks at its customers on ``today``; at invoices it looks every day.

        :param is_free: as the company answers
        """
        rhythm = self._get_rhythm()
        if not rhythm:
            return self.level == "invoice"
        return rhythm.look(today, today, is_free if self.workdays_only else never_free) == today

    def _prepare_next_look(self, today):
        """Once the plan has looked today: its next day, of which those that were missed are left out."""
        rhythm = self._get_rhythm()
        if not rhythm:
            return {}
        return {"next_run_date": rhythm.after(today), "first_run_date": rhythm.first}
