from odoo import models


class AccountPayment(models.Model):
    """A payment under way stops the follow-ups of its invoices, even one without journal entry.

    This one was a draft of theirs; what *Pay* makes is theirs only after it is posted, see the invoice.
    """

    _inherit = "account.payment"

    def action_post(self):
        res = super().action_post()
        (self.invoice_ids | self.reconciled_invoice_ids)._escalation_recheck()
        return res
