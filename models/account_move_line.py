from odoo import models


class AccountMoveLine(models.Model):
    """An open customer item: one instalment of an invoice."""

    _inherit = "account.move.line"

    def write(self, vals):
        res = super().write(vals)
        if "no_followup" in vals:
            self.move_id._escalation_recheck()
        return res
