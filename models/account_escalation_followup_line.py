from odoo import fields, models

from ..tools import schedule


class AccountEscalationFollowupLine(models.Model):
    """One receivable that a follow-up listed. While it counts, the receivable has taken the step."""

    _name = "account.escalation.followup.line"
    _description = "Follow-up Line"
    _order = "followup_id, is_subject desc, id"

    followup_id = fields.Many2one(
        "account.escalation.followup", string="Follow-up", required=True, ondelete="cascade", index=True
    )
    plan_id = fields.Many2one("account.escalation.plan", required=True, ondelete="restrict")  # _once begins with it
    step_id = fields.Many2one("account.escalation.step", required=True, ondelete="restrict")
    currency_id = fields.Many2one("res.currency", required=True, help="The company's.")
    move_id = fields.Many2one("account.move", string="Invoice", required=True, ondelete="cascade", index=True)
    instalment = fields.Integer(
        required=True, default=1, help="Rank by due date among the instalments of the invoice, from 1."
    )
    move_line_id = fields.Many2one(
        "account.move.line", string="Receivable", ondelete="set null", index="btree_not_null"
    )
    is_subject = fields.Boolean(
        string="Triggered It", help="It triggered the step; the others are only listed beside it."
    )
    occurrence = fields.Integer(default=1, required=True, help="1, then 2, 3… each time a repeated step comes again.")
    counts = fields.Boolean(
        default=True, help="The receivable has taken the step. Unset when the follow-up was withdrawn."
    )
    amount_residual = fields.Monetary(string="Open Amount", help="In company currency, when it was listed.")

    _once = models.UniqueIndex(
        "(plan_id, step_id, move_id, instalment, occurrence) WHERE is_subject AND counts",
        "This step was already taken for this invoice.",
    )

    def _uncount(self):
        """The receivables have not taken the step after all; what was written about them is out of date."""
        counting = self.sudo().filtered("counts")  # sudo: nobody writes history by hand
        counting.counts = False
        counting.followup_id.is_outdated = True

    def _refresh_move_lines(self, facts):
        """Find the receivables again: an invoice that went back to draft has new ones, of the same rank.

        :param facts: {move id: Facts}, as READ finds them now
        """
        for line in self:
            items = facts[line.move_id.id].subject.items if line.move_id.id in facts else ()
            keys = {item.key.instalment: item.key.move_line_id for item in items}
            move_line_id = keys.get(line.instalment)
            if move_line_id and line.move_line_id.id != move_line_id:
                line.sudo().move_line_id = move_line_id  # sudo: nobody writes history by hand

    def _get_objection(self, facts, steps, today):
        """Why this receivable must not be followed up any more: a reason key, or empty.

        :param facts: {move id: Facts}, as READ finds them now
        :param steps: {step record: schedule.Step}
        """
        self.ensure_one()
        fact = facts.get(self.move_id.id)
        if not fact:
            return "paid"
        if self.is_subject and (fact.plan_id != self.plan_id.id or not self.step_id.active):
            return "plan_changed"
        if fact.partner_id != self.followup_id.partner_id.id:
            return "partner_changed"
        subject = fact.subject
        if not self.is_subject and subject.out == "plan_archived":
            subject = subject._replace(out="")  # listed in a statement, whatever became of its own plan
        item = next((item for item in subject.items if item.key.instalment == self.instalment), None)
        step = steps[self.step_id] if self.is_subject else None
        return schedule.objection(subject, item, step, today)
