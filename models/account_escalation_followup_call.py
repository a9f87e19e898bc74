from odoo import api, fields, models

from .account_escalation_step import FOLLOWUP_MODEL
from .account_escalation_target import ACCOUNTANTS

TOLD_PROMISES = ("open", "partial", "broken")
HISTORY_SHOWN = 20  # follow-ups; the customer's own screen has them all


class AccountEscalationFollowup(models.Model):
    """What somebody who phones a customer wants to see first."""

    _inherit = FOLLOWUP_MODEL

    is_phone_of_recipient = fields.Boolean(compute="_compute_is_phone_of_recipient")
    has_foreign_items = fields.Boolean(compute="_compute_has_foreign_items", compute_sudo=True)
    history_ids = fields.Many2many(
        FOLLOWUP_MODEL,
        compute="_compute_history",
        help="The last follow-ups of the same customer, of whatever invoice.",
    )
    last_contact = fields.Date(
        compute="_compute_history", help="When this customer was last asked to pay, for whatever invoice."
    )
    last_result = fields.Char(
        string="Last Call", compute="_compute_history", help="What came of the last call with this customer."
    )
    told_promise_ids = fields.Many2many(
        "account.escalation.promise",
        string="Promises",
        compute="_compute_told_promise_ids",
        groups=ACCOUNTANTS,
        help="What this customer has promised: still open, broken, or kept in part.",
    )

    @api.depends("line_ids.move_line_id.currency_id", "currency_id")
    def _compute_has_foreign_items(self):
        for followup in self:
            followup.has_foreign_items = bool(followup.line_ids.move_line_id.currency_id - followup.currency_id)

    @api.depends("recipient_ids.phone")
    def _compute_is_phone_of_recipient(self):
        """Else the customer's own number is the one to call."""
        for followup in self:
            followup.is_phone_of_recipient = any(followup.recipient_ids.mapped("phone"))

    @api.depends("partner_id", "company_id")
    def _compute_history(self):
        """Of all customers at once, the latest first."""
        customers = self.filtered(lambda followup: followup.channel == "call").partner_id
        same = [("partner_id", "in", customers.ids), ("company_id", "in", self.company_id.ids)]
        found = self.search([*same, ("state", "in", ("done", "failed", "skipped"))], order="date_done desc, id desc")
        by_customer = found.grouped(lambda other: (other.partner_id, other.company_id))
        for followup in self:
            others = by_customer.get((followup.partner_id, followup.company_id), found.browse()) - followup._origin
            done = others.filtered(lambda other: other.state == "done")
            followup.history_ids = others[:HISTORY_SHOWN]
            followup.last_contact = done.filtered("is_contact")[:1].date_done
            followup.last_result = done.filtered(lambda other: other.channel == "call")[:1].reason_detail

    @api.depends("partner_id", "company_id")
    def _compute_told_promise_ids(self):
        same = [("partner_id", "in", self.partner_id.ids), ("company_id", "in", self.company_id.ids)]
        promises = self.env["account.escalation.promise"].search([*same, ("state", "in", TOLD_PROMISES)])
        by_customer = promises.grouped(lambda promise: (promise.partner_id, promise.company_id))
        for followup in self:
            followup.told_promise_ids = by_customer.get((followup.partner_id, followup.company_id), promises.browse())
