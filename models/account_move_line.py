from odoo import api, fields, models


class AccountMoveLine(models.Model):
    """An open customer item: one instalment of an invoice."""

    _inherit = "account.move.line"

    escalation_reason = fields.Char(
        string="Follow-up Status", compute="_compute_escalation_reason", groups="base.group_user"
    )

    @api.depends("move_id.escalation_reason")
    def _compute_escalation_reason(self):
        for line in self:
            line.escalation_reason = line.move_id.escalation_reason

    def write(self, vals):
        res = super().write(vals)
        if "no_followup" in vals:
            self.move_id._escalation_recheck()
        return res
