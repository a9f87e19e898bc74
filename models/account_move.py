from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

SETTLED = "account_escalation.settled"  # where the invoices that a transaction has settled are kept


class AccountMove(models.Model):
    """An invoice: what was done about it, and what stops at once when it changes."""

    _name = "account.move"
    _inherit = ["account.move", "account.escalation.target"]

    escalation_last_date = fields.Date(string="Last Follow-up", copy=False, readonly=True, groups="base.group_user")
    escalation_followup_ids = fields.Many2many(
        "account.escalation.followup",
        string="Follow-ups",
        compute="_compute_escalation_followup_ids",
        compute_sudo=True,
        search="_search_escalation_followup_ids",
        groups="base.group_user",
    )

    def _compute_escalation_followup_ids(self):
        followups = self.env["account.escalation.followup"]
        lines = self.env["account.escalation.followup.line"]._read_group(
            [("move_id", "in", self.ids), ("followup_id.state", "!=", "draft")], ["move_id"], ["followup_id:recordset"]
        )
        by_move = dict(lines)
        for move in self:
            move.escalation_followup_ids = by_move.get(move, followups).sorted()

    def _search_escalation_followup_ids(self, operator, value):
        if operator != "in":
            return NotImplemented
        lines = self.env["account.escalation.followup.line"]
        return [("id", "in", lines._search([("followup_id", "in", value)]).subselect("move_id"))]

    def write(self, vals):
        res = super().write(vals)
        self._escalation_react(vals)
        return res

    def button_draft(self):
        res = super().button_draft()
        self._escalation_recheck()
        return res

    def action_toggle_block_payment(self):
        res = super().action_toggle_block_payment()
        self._escalation_recheck()
        return res

    def _escalation_get_open_followups(self):
        # sudo: whoever pays in must be able to stop them
        followups = self.env["account.escalation.followup"].sudo()
        return followups._search_stoppable(Domain("line_ids.move_id", "in", self.ids))

    def _escalation_recheck_before_commit(self):
        """:meth:`_escalation_recheck`, once for all that one transaction settles: core reconciles one by one."""
        data = self.env.cr.precommit.data
        if SETTLED not in data:
            data[SETTLED] = set()
            self.env.cr.precommit.add(self.browse()._escalation_recheck_settled)
        data[SETTLED].update(self.ids)

    @api.model
    def _escalation_recheck_settled(self):
        self.browse(self.env.cr.precommit.data.pop(SETTLED, ())).exists()._escalation_recheck()

    def _escalation_set_last_date(self, today):
        """Note a contact. Plain SQL: it has no effect in accounting, and core's write costs a millisecond each."""
        if not self:
            return
        self.env.cr.execute(
            SQL(
                "UPDATE account_move SET escalation_last_date = %s WHERE id IN %s AND"
                " (escalation_last_date IS NULL OR escalation_last_date < %s)",
                today,
                tuple(self.ids),
                today,
            )
        )
        self.invalidate_recordset(["escalation_last_date"])

    def _escalation_refresh_last_date(self):
        """Find the last contact in the history again, after one was taken back."""
        if not self:
            return
        self.env["account.escalation.followup"].flush_model()
        self.env["account.escalation.followup.line"].flush_model()
        self.env.cr.execute(
            SQL(
                """
                UPDATE account_move m
                   SET escalation_last_date = (
                       SELECT max(f.date_done)
                         FROM account_escalation_followup_line fl
                         JOIN account_escalation_followup f ON f.id = fl.followup_id
                         JOIN account_escalation_step s ON s.id = f.step_id
                        WHERE fl.move_id = m.id AND f.state = 'done' AND f.reason = 'due'
                              AND f.level != 'summary' AND s.to_customer)
                 WHERE m.id IN %s
                """,
                tuple(self.ids),
            )
        )
        self.invalidate_recordset(["escalation_last_date"])
