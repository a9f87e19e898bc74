from datetime import date

from odoo import fields, models
from odoo.exceptions import AccessError, UserError


class AccountEscalationLog(models.TransientModel):
    """What an internal contact of a customer reports, without rights in invoicing: a call, or that we should wait."""

    _name = "account.escalation.log"
    _description = "Log a Call or a Pause"

    followup_id = fields.Many2one("account.escalation.followup", required=True, readonly=True)
    kind = fields.Selection([("call", "I called"), ("pause", "Please wait")], default="call", required=True)
    until = fields.Date(string="Last Day", help="Follow-ups of the customer go on after this day.")
    note = fields.Char(required=True)

    def action_log(self):
        """Note the call, or pause the customer.

        :raise AccessError: to whom the customer's follow-ups are no business of
        """
        self._check_colleague()
        getattr(self, f"_log_{self.kind}")()
        return {"type": "ir.actions.act_window_close"}

    def _check_colleague(self):
        followup = self.followup_id
        followup.check_access("read")
        colleagues = followup.partner_id.sudo().escalation_internal_user_ids  # sudo: a field of invoicing users
        if self.env.user not in colleagues and not followup.has_access("write"):
            raise AccessError(self.env._("Only an internal contact of %s can do so.", followup.partner_id.name))

    def _log_call(self):
        followup = self.followup_id.sudo()  # sudo: see _check_colleague
        if followup.channel == "call" and followup.state == "todo" and followup.user_id == self.env.user:
            return followup._end(self.note)
        return followup.partner_id._escalation_log(self.env._("Called: %s", self.note))

    def _log_pause(self):
        if not self.until:
            raise UserError(self.env._("Say until which day we should wait."))
        followup = self.followup_id.sudo()  # sudo: see _check_colleague
        customer = followup.partner_id.with_company(followup.company_id)
        if customer.escalation_hold and (customer.escalation_hold_until or date.max) >= self.until:
            return customer._escalation_log(self.env._("On hold already. %s", self.note))
        return customer._escalation_hold("pause", self.until, self.note)
