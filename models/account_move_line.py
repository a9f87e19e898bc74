from odoo import api, fields, models


class AccountMoveLine(models.Model):
    """An open customer item: one instalment of an invoice."""

    _inherit = "account.move.line"

    escalation_reason = fields.Char(
        string="Follow-up Status", compute="_compute_escalation_reason", groups="base.group_user"
    )
    escalation_hold = fields.Selection(related="move_id.escalation_hold", groups="base.group_user")
    escalation_hold_until = fields.Date(related="move_id.escalation_hold_until", groups="base.group_user")

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
        if changed := posted.filtered(lambda line: due[line] != line.date_maturity):
            later = changed.filtered(lambda line: due[line] and line.date_maturity and line.date_maturity > due[line])
            changed._escalation_change_due_dates(later)
        return res

    def action_escalation_follow_up(self):
        """Ask for these items: core leaves out what is no invoice, such as opening balances, until somebody says so."""
        self.no_followup = False
        self._escalation_log_on_customers(self.env._("Followed up again."))

    def action_escalation_exclude(self):
        self.no_followup = True
        self._escalation_log_on_customers(self.env._("Excluded from follow-ups."))

    def _escalation_log_on_customers(self, text):
        """An invoice notes it by itself; nobody would look for it on another entry."""
        entries = self.filtered(lambda line: not line.move_id.is_invoice())
        for partner, lines in entries.grouped(lambda line: line.partner_id.commercial_partner_id).items():
            partner._escalation_log(f"{', '.join(lines.mapped('display_name'))}: {text}")

    def _escalation_change_due_dates(self, later):
        """What waits tells the due dates as they were; and what was put off is not asked for before its day.

        :param later: those of these for which the customer was given more time
        """
        waiting = self.move_id._escalation_get_open_followups()
        listed = waiting.line_ids.filtered(lambda line: line.counts and line.move_line_id in self)
        listed.followup_id.is_outdated = True
        put_off = listed.filtered(lambda line: line.move_line_id in later)
        put_off.filtered(lambda line: line.is_subject and not line._is_reached())._put_off("put_off")
        put_off.filtered(lambda line: line._is_beside())._list_beside()
