from odoo import models


class MailActivity(models.Model):
    """A call is done when its activity is; cancelling the activity skips the call."""

    _inherit = "mail.activity"

    def _action_done(self, feedback=False, attachment_ids=None):
        calls = self._escalation_get_calls()
        res = super()._action_done(feedback=feedback, attachment_ids=attachment_ids)
        for company, followups in calls.grouped("company_id").items():
            followups._set_done(company._escalation_today(), feedback)
        return res

    def unlink(self):
        calls = self._escalation_get_calls()
        res = super().unlink()
        # what cleans up after an archived customer, or by a rule of somebody's, does so with all rights
        calls._skip("activity_removed" if self.env.su else "by_person")
        return res

    def write(self, vals):
        res = super().write(vals)
        if "user_id" in vals:
            calls = self._escalation_get_calls()
            calls.filtered(lambda call: call.user_id.id != vals["user_id"]).user_id = vals["user_id"]
        return res

    def _escalation_get_calls(self):
        """The calls that wait for these activities."""
        # sudo: who may end the activity may end the call, without access to follow-ups
        return (
            self.env["account.escalation.followup"]
            .sudo()
            .search([("activity_id", "in", self.ids), ("state", "=", "todo")])
        )
