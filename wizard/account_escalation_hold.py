from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.account_escalation_target import DISPUTES, EXCLUSIONS


class AccountEscalationHold(models.TransientModel):
    """Pause invoices or customers, or mark invoices as disputed."""

    _name = "account.escalation.hold"
    _description = "Hold Follow-ups"

    hold = fields.Selection(
        [("pause", "Pause"), ("dispute", "Mark as disputed"), ("exclude", "Exclude for good")],
        default="pause",
        required=True,
    )
    exclusion = fields.Selection(EXCLUSIONS, string="Because")
    until = fields.Date(string="Last Day", help="If empty, until somebody lifts it.")
    note = fields.Char()
    dispute_reason = fields.Selection(DISPUTES, string="About")
    user_id = fields.Many2one(
        "res.users", string="Resolved By", domain=[("share", "=", False)], default=lambda self: self.env.user
    )
    move_ids = fields.Many2many("account.move", default=lambda self: self._default_ids("account.move"))
    partner_ids = fields.Many2many("res.partner", default=lambda self: self._default_ids("res.partner"))
    invalid_count = fields.Integer(compute="_compute_invalid_count")
    leaves_out = fields.Boolean(string="Leave them out, and go on with the others")

    @api.model
    def _default_ids(self, model):
        context = self.env.context
        records = self.env[model].browse(context.get("active_ids", ()) if context.get("active_model") == model else ())
        return records.commercial_partner_id if model == "res.partner" else records

    @api.depends("move_ids", "hold")
    def _compute_invalid_count(self):
        for wizard in self:
            wizard.invalid_count = len(wizard.move_ids - wizard._get_valid_moves())

    def _get_valid_moves(self):
        """Those that can be held; what is disputed is not merely paused."""
        moves = self.move_ids._escalation_get_holdable()
        return moves.filtered(lambda move: self.hold != "pause" or move.escalation_hold != "dispute")

    def action_hold(self):
        """Hold all; or, if the user says so, those that can be held.

        :raise UserError: nothing is written
        """
        moves = self._get_valid_moves() if self.leaves_out else self.move_ids
        if self.hold == "pause" and "dispute" in moves.mapped("escalation_hold"):
            raise UserError(self.env._("Some of these invoices are disputed: resolve that first."))
        if not moves and not self.partner_ids:
            raise UserError(self.env._("There is nothing to hold among the selected records."))
        if self.hold == "exclude":
            return self._exclude(moves)
        until = self.until if self.hold == "pause" else False
        if moves:
            moves._escalation_hold(self.hold, until, self._get_note())
        if moves and self.hold == "dispute":
            moves.write(
                {
                    "escalation_dispute_reason": self.dispute_reason or "other",
                    "escalation_dispute_user_id": self.user_id.id,
                    "escalation_dispute_date": self.env.company._escalation_today(),
                }
            )
        if self.partner_ids:
            self.partner_ids._escalation_hold(self.hold, until, self._get_note())
        return {"type": "ir.actions.act_window_close"}

    def _exclude(self, moves):
        """Follow up no more, in no kind of message."""
        moves._escalation_check_holdable()
        moves.write({"no_followup": True, "escalation_exclusion": self.exclusion})
        self.partner_ids.write({"escalation_no_followup": True, "escalation_exclusion": self.exclusion})
        return {"type": "ir.actions.act_window_close"}

    def _get_note(self):
        about = dict(self._fields["dispute_reason"]._description_selection(self.env)).get(self.dispute_reason)
        return " – ".join(filter(None, [self.hold == "dispute" and about, self.note]))
