from odoo import models


class AccountMoveLine(models.Model):
    """An open customer item: one instalment of an invoice."""

    _inherit = "account.move.line"

    def _escalation_get_due(self):
        self.ensure_one()
        return self.date_maturity or self.date

    def _escalation_get_kind(self, today):
        """The block of the table of items that it belongs to: ``overdue``, ``upcoming`` or ``credit``."""
        self.ensure_one()
        if self.amount_residual_currency < 0:
            return "credit"
        return "overdue" if self._escalation_get_due() < today else "upcoming"

    def write(self, vals):
        res = super().write(vals)
        if "no_followup" in vals:
            self.move_id._escalation_recheck()
        return res
