from odoo import api, models


class AccountPartialReconcile(models.Model):
    """Whatever settles an invoice, in whole or in part, is a reconciliation: its follow-ups are looked at again."""

    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        moves = (partials.debit_move_id | partials.credit_move_id).move_id
        moves._escalation_recheck_before_commit()
        return partials

    def unlink(self):
        """A payment that came back keeps no promise."""
        moves = (self.debit_move_id | self.credit_move_id).move_id
        res = super().unlink()
        moves._escalation_recheck_before_commit()
        return res
