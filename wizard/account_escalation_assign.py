from odoo import api, fields, models

from ..models.account_escalation_plan_read import INVOICE_TYPES


class AccountEscalationAssign(models.TransientModel):
    """Put the selected invoices under one plan, or under none, by hand."""

    _name = "account.escalation.assign"
    _description = "Set Escalation Plan"

    move_ids = fields.Many2many("account.move", string="Invoices", default=lambda self: self._default_move_ids())
    company_id = fields.Many2one("res.company", compute="_compute_company_id")
    plan_id = fields.Many2one(
        "account.escalation.plan",
        domain="[('company_id', '=', company_id), ('level', '=', 'invoice')]",
        help="Leave it empty to follow up these invoices no more.",
    )
    summary = fields.Char(compute="_compute_summary")

    @api.model
    def _default_move_ids(self):
        """Of what was selected, the customer invoices; credit notes and bills have no plan."""
        moves = self.env["account.move"].browse(self.env.context.get("active_ids", ()))
        return moves.filtered(lambda move: move.move_type in INVOICE_TYPES)

    @api.depends("move_ids")
    def _compute_company_id(self):
        for wizard in self:
            wizard.company_id = wizard.move_ids.company_id[:1]

    @api.depends("move_ids", "plan_id")
    def _compute_summary(self):
        for wizard in self:
            values = {"count": len(wizard.move_ids), "plan": wizard.plan_id.name}
            if wizard.plan_id:
                wizard.summary = self.env._("%(count)s invoices begin the plan “%(plan)s” from its start.", **values)
            else:
                wizard.summary = self.env._("%(count)s invoices are followed up no more.", **values)

    def action_assign(self):
        """Assign the plan; an invoice of another company than the plan's is refused, and nothing is written."""
        self.move_ids.write({"escalation_plan_id": self.plan_id.id})
        return {"type": "ir.actions.act_window_close"}
