from odoo import api, models


class AccountPartialReconcile(models.Model):
    """Whatever settles an invoice, in whole or in part, is a reconciliation: its follow-ups are looked at again."""

    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        moves = (partials.debit_move_id | partials.credit_move_id).move_id
        moves._escalation_recheck_before_commit()
        self._escalation_update_promises(moves)
        return partials

    def unlink(self):
        """A payment that came back keeps no promise."""
        moves = (self.debit_move_id | self.credit_move_id).move_id
        res = super().unlink()
        self._escalation_update_promises(moves.exists())
        return res

    @api.model
    def _escalation_update_promises(self, moves):
        # sudo: whoever registers a payment keeps a promise, without access to promises
        promises = moves.sudo().escalation_promise_ids
        for company, ours in promises.grouped("company_id").items():
            ours._update_state(company._escalation_today())
