from odoo import api, models
from odoo.tools import SQL, format_date

from .account_escalation_step import FOLLOWUP_MODEL


class AccountEscalationFollowup(models.Model):
    """Changes of state: what justifies a follow-up, and what ends it."""

    _inherit = FOLLOWUP_MODEL

    def _has_subject(self):
        """Whether something still justifies it: a receivable that triggered it; for a summary, anything listed."""
        self.ensure_one()
        is_any = self.level == "summary" or self.is_manual
        return any(line.counts and (is_any or line.is_subject) for line in self.line_ids)

    def _is_off_plan(self):
        """Whether the customer has another plan now, or the plan is gone."""
        self.ensure_one()
        if self.is_manual or self.level == "invoice":
            return False
        field = "escalation_plan_id" if self.level == "customer" else "escalation_summary_plan_id"
        customer = self.partner_id.with_company(self.company_id).sudo()  # sudo: see _to_act
        return not self.plan_id.active or customer[field] != self.plan_id

    @api.model
    def _get_contact_condition(self):
        """Which lines say that the customer was asked for the receivable: on ``fl`` and ``f``, their follow-up."""
        return SQL("f.state = 'done' AND f.is_contact AND fl.is_left_out IS NOT TRUE")

    def _withdraw_if_empty(self, reason):
        """Withdraw those that nothing justifies any more."""
        self.filtered(lambda followup: not followup._has_subject())._withdraw(reason)

    def _withdraw(self, reason):
        """Take back by the machine: nothing was said, so nothing counts, and the step may come again."""
        self.line_ids._uncount()
        self._close("skipped", reason)

    def _skip(self, reason, today=None):
        """Pass over by a person, or for lack of one: the step counts as taken, but nobody was contacted."""
        for company, followups in self.grouped("company_id").items():
            day = today or company._escalation_today()
            followups._close("skipped", reason, day)
            if reason == "by_person":
                followups.reason_detail = f"{self.env.user.name}, {format_date(self.env, day)}"

    def _close(self, state, reason, day=False):
        activities = self.activity_id
        self._cancel_unsent()
        self.write({"state": state, "reason": reason, "reason_detail": False, "date_done": day})
        # sudo: the activity may be somebody else's. The state is written first: its end is not a person's answer
        activities.sudo().unlink()

    def _set_done(self, today, feedback=False):
        """Carried out; whom it has told of what, is history from now on, whatever becomes of step and lines."""
        self.write({"state": "done", "reason": "due", "reason_detail": feedback, "date_done": today})
        contacts = self.filtered(lambda followup: followup.level != "summary" and followup.step_id.to_customer)
        contacts.is_contact = True
        (self - contacts).is_contact = False
        self.line_ids.filtered(lambda line: not line.counts).is_left_out = True

    def _fail(self, reason, detail=False):
        """Nobody was contacted, and somebody must know; also of what was believed to be done."""
        self.write({"state": "failed", "reason": reason, "reason_detail": detail, "date_done": False})
