from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools.invoices import FOLLOWED_PAYMENT_STATES, OPEN_INVOICES
from .account_escalation_target import ACCOUNTANTS, DISPUTES, EXCLUSIONS, HOLDS


class AccountMove(models.Model):
    """Invoices that are paused, promised, disputed, excluded, or back from the bank: what a person says of them."""

    _inherit = "account.move"
    _escalation_stops = frozenset(
        {"escalation_hold", "escalation_hold_until", "escalation_is_returned", "preferred_payment_method_line_id"}
    )

    escalation_hold = fields.Selection(HOLDS, string="On Hold", copy=False, groups="base.group_user")
    escalation_hold_until = fields.Date(
        string="On Hold Until",
        copy=False,
        groups="base.group_user",
        help="The last day. If empty, until somebody lifts it.",
    )
    escalation_exclusion = fields.Selection(EXCLUSIONS, string="Excluded Because", copy=False, groups="base.group_user")
    escalation_is_returned = fields.Boolean(
        string="Collection Returned",
        copy=False,
        groups="base.group_user",
        help="The direct debit or bill came back unpaid: the invoice is followed up like any other.",
    )
    escalation_dispute_reason = fields.Selection(
        DISPUTES, string="Dispute About", copy=False, readonly=True, groups="base.group_user"
    )
    escalation_dispute_user_id = fields.Many2one(
        "res.users",
        string="Dispute Resolved By",
        copy=False,
        groups="base.group_user",
        domain="[('share', '=', False)]",
        help="Has the dispute as a to-do until the hold is lifted or the invoice is settled.",
    )
    escalation_dispute_activity_id = fields.Many2one(
        "mail.activity", copy=False, readonly=True, index="btree_not_null", groups="base.group_user"
    )
    escalation_dispute_date = fields.Date(string="Disputed Since", copy=False, readonly=True, groups="base.group_user")
    escalation_promise_ids = fields.Many2many(
        "account.escalation.promise",
        "account_escalation_promise_move_rel",
        string="Promises to Pay",
        copy=False,
        readonly=True,
        groups=ACCOUNTANTS,
    )

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._escalation_complete_exclusion(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._escalation_complete_exclusion(vals))

    def _post(self, soft=True):
        """What was excluded as a draft, or before it was one again, is excluded: core makes its items anew."""
        posted = super()._post(soft)
        excluded = posted.sudo().filtered("escalation_exclusion")  # sudo: whoever posts
        excluded.filtered(lambda move: not move.no_followup).no_followup = True
        return posted

    def _escalation_react(self, vals):
        if "escalation_dispute_user_id" in vals:
            self._escalation_ask_to_resolve()
        return super()._escalation_react(vals)

    def _escalation_ask_to_resolve(self):
        """Put the dispute on the list of whoever resolves it now, if that is not the user; and off the former one's."""
        self._escalation_end_dispute_activity()
        disputes = self.filtered("escalation_dispute_user_id").grouped(
            lambda move: (move.escalation_dispute_user_id, move.escalation_dispute_reason, move.company_id)
        )
        for (user, reason, company), moves in disputes.items():
            if user == self.env.user:
                continue
            localized = self.with_context(lang=user.lang)
            names = dict(localized._fields["escalation_dispute_reason"]._description_selection(localized.env))
            activities = moves.activity_schedule(
                "mail.mail_activity_data_todo",
                company._escalation_today(),
                summary=localized.env._("Resolve the dispute: %s", names.get(reason, names["other"])),
                user_id=user.id,
            )
            for move, activity in zip(moves, activities or (), strict=False):
                move._escalation_write({"escalation_dispute_activity_id": activity.id})

    def _escalation_end_dispute_activity(self):
        # sudo: it is somebody else's. What they have done is history
        self.sudo().escalation_dispute_activity_id.filtered("active").unlink()

    def _escalation_end_settled_disputes(self):
        """Nobody has to resolve what is paid; the hold itself stays, in case that the payment comes back."""
        settled = self.filtered(lambda move: move.payment_state not in FOLLOWED_PAYMENT_STATES)
        settled._escalation_end_dispute_activity()

    def _escalation_get_held_domain(self):
        return [*super()._escalation_get_held_domain(), ("company_id", "=", self.env.company.id)]

    def _escalation_get_holdable(self):
        """Those that can be paused, promised or disputed: posted, and something open on them."""
        return self.filtered_domain(OPEN_INVOICES)

    def _escalation_check_holdable(self):
        wrong = self - self._escalation_get_holdable()
        if wrong:
            raise UserError(
                self.env._(
                    "Only posted customer invoices on which something is open can be held, not %s.",
                    ", ".join(wrong[:5].mapped("display_name")),
                )
            )

    def action_escalation_lift(self):
        res = super().action_escalation_lift()
        self.write(
            {
                "escalation_dispute_reason": False,
                "escalation_dispute_user_id": False,
                "escalation_dispute_date": False,
            }
        )
        return res

    def action_escalation_promise(self):
        return self._escalation_open_wizard("account_escalation.account_escalation_promise_action_new")

    def action_escalation_says_paid(self):
        return self._escalation_open_result("paid")

    def action_escalation_not_received(self):
        return self._escalation_open_result("not_received")

    def action_escalation_log_call(self):
        """A call that nobody planned, about these invoices."""
        action = self._escalation_open_result("promised")
        action["context"] |= {"default_is_call": True}
        return {**action, "name": self.env._("Log a Call")}

    def _escalation_open_result(self, result):
        action = self._escalation_open_wizard("account_escalation.account_escalation_call_result_action")
        action["context"] |= {"default_result": result}
        return {**action, "name": self.env._("The Customer's Answer")}  # not only on the phone

    def action_escalation_returned(self):
        """The collection came back unpaid."""
        self.escalation_is_returned = True
        self._escalation_log(self.env._("Follow-ups: the collection was returned unpaid."))
