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
    occurrence = fields.Integer(
        default=1,
        required=True,
        help="1, then 2, 3… each time a repeated step comes again; 0: only shown, it has not taken the step.",
    )
    counts = fields.Boolean(
        default=True, help="The receivable has taken the step. Unset when the follow-up was withdrawn."
    )
    amount_residual = fields.Monetary(string="Open Amount", help="In company currency, when it was listed.")

    _once = models.UniqueIndex(
        "(plan_id, step_id, move_id, instalment, occurrence) WHERE is_subject AND counts",
        "This step was already taken for this invoice.",
    )

    can_take_out = fields.Boolean(compute="_compute_can_take_out")

    def _compute_can_take_out(self):
        """One of several in a message that has not left yet."""
        for line in self:
            waits = line.followup_id.state in ("todo", "failed") and line.counts
            line.can_take_out = waits and len(line.followup_id.line_ids.filtered("counts").move_id) > 1

    def action_take_out(self):
        """Leave this invoice out of the message: it goes back to its plan, the others stay."""
        self.followup_id._to_act()
        for line in self.filtered("can_take_out"):
            same = line.followup_id.line_ids.filtered(lambda other, line=line: other.move_id == line.move_id)
            same._uncount()
        self.followup_id.sudo()._withdraw_if_empty("taken_out")  # sudo: see _to_act
        return True

    def _uncount(self):
        """The receivables have not taken the step after all; what was written about them is out of date."""
        counting = self.sudo().filtered("counts")  # sudo: nobody writes history by hand
        counting.counts = False
        counting.followup_id.is_outdated = True

    def _find_present(self, found):
        """The present facts of what this line listed, and the receivable as it is now; None for what is gone.

        :param found: as ``_read_present_facts`` of the follow-ups answers
        """
        self.ensure_one()
        followup = self.followup_id
        whole = found.get((followup.partner_id.id, followup.plan_id.id))
        facts = found.get(self.move_id.id) if followup.level == "invoice" else whole
        if followup.level == "invoice" and not self.is_subject:
            facts = whole or facts
        items = facts.subject.items if facts else ()
        key = (self.move_id.id, self.instalment)
        return facts, next((item for item in items if (item.key.move_id, item.key.instalment) == key), None)

    def _refresh_move_lines(self, found):
        """Find the receivables again: an invoice that went back to draft has new ones, of the same rank."""
        for line in self:
            _facts, item = line._find_present(found)
            if item and line.move_line_id.id != item.key.move_line_id:
                line.sudo().move_line_id = item.key.move_line_id  # sudo: nobody writes history by hand

    def _get_objection(self, found, steps, today):
        """Why this receivable must not be followed up any more: a reason key, or empty.

        :param found: as ``_read_present_facts`` of the follow-ups answers
        :param steps: {step record: schedule.Step}
        """
        self.ensure_one()
        followup = self.followup_id
        facts, item = self._find_present(found)
        if followup._is_off_plan(self, facts):
            return "plan_changed"
        if not facts:
            return "paid"
        if facts.partner_id != followup.partner_id.id:
            return "partner_changed"
        subject = facts.subject
        if not self.is_subject and subject.out in ("plan_archived", "plan_changed"):
            subject = subject._replace(out="")  # listed in a statement, whatever became of its own plan
        if followup._is_hold_known():
            subject = subject._replace(hold_until=None)  # a person has decided
        if not item and not subject.out:
            return facts.left_out.get((self.move_id.id, self.instalment), "paid")
        return schedule.objection(subject, item, steps[self.step_id] if self.is_subject else None, today)
