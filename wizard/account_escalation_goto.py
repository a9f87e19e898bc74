from odoo import api, fields, models
from odoo.exceptions import UserError


class AccountEscalationGoto(models.TransientModel):
    """Go to another step of the plan: forward or back, now or on its day."""

    _name = "account.escalation.goto"
    _description = "Go to Step"

    move_ids = fields.Many2many("account.move", default=lambda self: self._default_ids("account.move"))
    partner_ids = fields.Many2many("res.partner", default=lambda self: self._default_ids("res.partner"))
    plan_id = fields.Many2one("account.escalation.plan", compute="_compute_plan_id")
    step_id = fields.Many2one("account.escalation.step", required=True, domain="[('plan_id', '=', plan_id)]")
    is_now = fields.Boolean(
        string="Now",
        help="Else on its own day, after the steps' usual rules. A contextual plan takes at once what is reached.",
    )
    note = fields.Char(string="Reason", required=True)

    @api.model
    def _default_ids(self, model):
        context = self.env.context
        return context.get("active_ids", ()) if context.get("active_model") == model else ()

    @api.depends("move_ids", "partner_ids")
    def _compute_plan_id(self):
        for wizard in self:
            wizard.plan_id = wizard._get_targets().escalation_plan_id[:1]

    def _get_targets(self):
        return self.move_ids or self.partner_ids.commercial_partner_id

    def action_goto(self):
        """Forget the steps after it, pass over those before it; with *now*, take it at once.

        :raise UserError: for records of several plans, or on which nothing is open; nothing is written
        """
        targets = self._get_targets()
        plans = {target.escalation_plan_id for target in targets}
        if plans != {self.plan_id} or self.step_id not in self.plan_id.step_ids:
            raise UserError(self.env._("Choose records of one plan, and one of its steps."))
        targets.check_access("write")
        plan = self.plan_id.sudo()  # sudo: the plan acts, not the user
        if len(plan._read_targets(targets)) < len(targets):
            raise UserError(
                self.env._("There is nothing to ask for on some of the selected records: not due, paid or excluded.")
            )
        targets._escalation_start_afresh()
        followups = plan._go_to(self.step_id, plan._read_targets(targets), self.is_now)
        targets._escalation_log(
            self.env._("Escalation: went to step “%(step)s”. %(note)s", step=self.step_id.display_name, note=self.note)
        )
        followups._process()
        return self._close(followups)

    def _close(self, followups):
        """Close; what was taken at once says what became of it."""
        close = {"type": "ir.actions.act_window_close"}
        if not followups:
            return close
        action = followups._notify_result()
        return {**action, "params": {**action["params"], "next": close}}
