from odoo import fields, models


class AccountEscalationHandOver(models.TransientModel):
    """Give the selected follow-ups to somebody else, for good."""

    _name = "account.escalation.hand.over"
    _description = "Hand Over Follow-ups"

    followup_ids = fields.Many2many(
        "account.escalation.followup", default=lambda self: self.env.context.get("active_ids", ())
    )
    user_id = fields.Many2one(
        "res.users",
        string="To",
        required=True,
        domain="[('share', '=', False), ('company_ids', 'in', allowed_company_ids)]",
    )

    def action_hand_over(self):
        """The answers to what is already sent go to the new responsible too."""
        self.followup_ids.user_id = self.user_id
        return {"type": "ir.actions.act_window_close"}
