from odoo import api, fields, models


class AccountEscalationRemind(models.TransientModel):
    """Invoices of several customers were chosen: one reminder for each, read one by one or sent as the text says."""

    _name = "account.escalation.remind"
    _description = "Send Reminders"

    move_ids = fields.Many2many("account.move", string="Invoices", readonly=True)
    ready_ids = fields.Many2many("account.move", compute="_compute_ready")
    ready_count = fields.Integer(compute="_compute_ready")
    customer_count = fields.Integer(compute="_compute_ready")
    left_out = fields.Text(compute="_compute_ready")
    warning = fields.Text(compute="_compute_ready")

    @api.depends("move_ids")
    def _compute_ready(self):
        for wizard in self:
            moves = wizard.move_ids._origin
            _ready, refusals = moves._escalation_read_reminders()
            wizard.ready_ids = ready = moves.filtered(lambda move, refusals=refusals: not refusals[move])
            wizard.ready_count = len(ready)
            wizard.customer_count = len(ready.grouped(lambda move: (move.company_id, move.commercial_partner_id)))
            wizard.left_out = moves._escalation_describe_refusals(refusals) or False
            wizard.warning = ready._escalation_describe_warnings(ready._escalation_get_warnings().values()) or False

    def action_review(self):
        return self.move_ids._escalation_begin_reminders("todo")._review_one_by_one()

    def action_send(self):
        """Queue those of which there is nothing to know; the others wait in To Do for a person to decide."""
        reminders = self.move_ids._escalation_begin_reminders("todo")
        waiting, texts = reminders.filtered("warning"), []
        if leaving := reminders - waiting:
            leaving._release()
            texts.append(self.env._("Reminders that leave within a minute: %s.", len(leaving)))
        if waiting:
            texts.append(self.env._("Reminders that wait in To Do to be read: %s.", len(waiting)))
        action = reminders._notify_result()
        action["params"] |= {"type": "warning" if waiting else "success", "message": " ".join(texts)}
        return action
