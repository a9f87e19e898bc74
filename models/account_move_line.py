from odoo import api, fields, models


class AccountMoveLine(models.Model):
    """An open customer item: one instalment of an invoice."""

    _inherit = "account.move.line"

    escalation_reason = fields.Char(
        string="Follow-up Status", compute="_compute_escalation_reason", groups="base.group_user"
    )

    @api.depends("move_id.escalation_reason")
    def _compute_escalation_reason(self):
        for line in self:
            line.escalation_reason = line.move_id.escalation_reason

    def write(self, vals):
        posted = self.filtered(lambda line: line.parent_state == "posted") if "date_maturity" in vals else self.browse()
        due = {line: line.date_maturity for line in posted}
        res = super().write(vals)
        if "no_followup" in vals:
            self.move_id._escalation_recheck()
        if later := posted.filtered(lambda line: due[line] and line.date_maturity and line.date_maturity > due[line]):
            later._escalation_put_off()
        return res

    def _escalation_put_off(self):
        """What the customer was given more time for is not asked for by what waits: the step comes in its time."""
        waiting = self.move_id._escalation_get_open_followups()
        lines = waiting.line_ids.filtered(lambda line: line._is_trigger() and line.move_line_id in self)
        lines.filtered(lambda line: not line._is_reached())._put_off("put_off")
