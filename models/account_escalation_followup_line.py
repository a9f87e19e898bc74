from psycopg2 import sql

from odoo import api, fields, models

from ..tools import schedule

INSERT_BATCH = 2000  # rows in one statement


class AccountEscalationFollowupLine(models.Model):
    """One receivable that a follow-up listed. While it counts, the receivable has taken the step."""

    _name = "account.escalation.followup.line"
    _description = "Follow-up Line"
    _order = "followup_id, is_subject desc, id"
    _log_access = False  # the follow-up tells when and by whom; there are many lines, and each column takes its time

    followup_id = fields.Many2one(
        "account.escalation.followup", string="Follow-up", required=True, ondelete="cascade", index=True
    )
    plan_id = fields.Many2one("account.escalation.plan", required=True, ondelete="restrict")  # _once begins with it
    step_id = fields.Many2one("account.escalation.step", required=True, ondelete="restrict")
    currency_id = fields.Many2one(related="followup_id.currency_id")
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
    is_left_out = fields.Boolean(
        string="Left Out", help="Taken out, or settled, before the message left: the customer was not asked for it."
    )
    amount_residual = fields.Monetary(string="Open Amount", help="In company currency, when it was listed.")

    _once = models.UniqueIndex(
        "(plan_id, step_id, move_id, instalment, occurrence) WHERE is_subject AND counts",
        "This step was already taken for this invoice.",
    )

    can_take_out = fields.Boolean(compute="_compute_can_take_out")

    @api.model
    def _insert(self, vals_list):
        """Write the lines of thousands of follow-ups past the ORM, which would take half of the time of RECORD.

        :param vals_list: dicts with the same keys, which are stored fields; the others have their defaults
        """
        if not vals_list:
            return
        self.env.cr.execute_values(
            sql.SQL("INSERT INTO {} ({}, counts) VALUES %s").format(
                sql.Identifier(self._table), sql.SQL(", ").join(map(sql.Identifier, vals_list[0]))
            ),
            [tuple(vals.values()) for vals in vals_list],
            template=f"({'%s, ' * len(vals_list[0])}TRUE)",
            page_size=INSERT_BATCH,
        )
        self.env.invalidate_all()

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
            same.sudo().is_left_out = True  # sudo: see _to_act
        self.followup_id.sudo()._withdraw_if_empty("taken_out")  # sudo: see _to_act
        return True

    def _is_reached(self):
        """Whether the day of the step has come for this receivable, by its present due date."""
        self.ensure_one()
        issue, due = self.move_id.invoice_date or self.move_id.date, self.move_line_id.date_maturity
        today = self.followup_id.company_id._escalation_today()
        return self.step_id._get_schedule_step().trigger(issue, due) <= today

    def _uncount(self):
        """The receivables have not taken the step after all; what was written about them is out of date."""
        counting = self.sudo().filtered("counts")  # sudo: nobody writes history by hand
        counting.counts = False
        counting.followup_id.is_outdated = True

    def _refresh_move_lines(self, present):
        """Find the receivables again: an invoice that went back to draft has new ones, of the same rank.

        :param present: as ``_find_present`` of the follow-ups answers
        """
        for line in self:
            _facts, item = present.get(line.id, (None, None))
            if item and line.move_line_id.id != item.key.move_line_id:
                line.sudo().move_line_id = item.key.move_line_id  # sudo: nobody writes history by hand

    def _get_objection(self, standing, facts, item, today):
        """Why this receivable must not be followed up any more: a reason key, or empty.

        :param Standing standing: of its follow-up
        :param facts: what READ finds now, or None
        :param item: the receivable among them, or None
        """
        self.ensure_one()
        if standing.is_gone:
            return "plan_changed"
        if not facts:
            return "plan_changed" if self.followup_id._is_off_plan() else "paid"
        is_subject = self.is_subject
        if is_subject and standing.is_planned and facts.plan_id != self.plan_id.id:
            return "plan_changed"
        if facts.partner_id != standing.partner_id:
            return "partner_changed"
        subject = facts.subject
        if not is_subject and subject.out in ("plan_archived", "plan_changed"):
            subject = subject._replace(out="")  # listed in a statement, whatever became of its own plan
        if standing.is_hold_known:
            subject = subject._replace(hold_until=None)
        if not item and not subject.out:
            return facts.left_out.get((self.move_id.id, self.instalment), "paid")
        return schedule.objection(subject, item, standing.step if is_subject else None, today)
