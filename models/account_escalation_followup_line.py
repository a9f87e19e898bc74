from psycopg2 import sql

from odoo import api, fields, models

from ..tools import schedule
from ..tools.invoices import INVOICE_TYPES

SHOWN = 0  # the occurrence of what a message only shows: it takes no step by it
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

    item_currency_id = fields.Many2one(
        "res.currency", string="Currency of the Item", compute="_compute_item_amount", compute_sudo=True
    )
    item_amount = fields.Monetary(
        string="Open in Its Currency",
        currency_field="item_currency_id",
        compute="_compute_item_amount",
        compute_sudo=True,
        help="The open amount when it was listed, in the currency of the invoice.",
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

    @api.depends("amount_residual", "move_line_id.amount_residual", "move_line_id.amount_residual_currency")
    def _compute_item_amount(self):
        """Written down is the amount in company currency: what has changed since, is told by the invoice's own rate."""
        for line in self:
            item = line.move_line_id
            currency = line.item_currency_id = item.currency_id or line.currency_id
            if item and not line.currency_id.compare_amounts(line.amount_residual, item.amount_residual):
                line.item_amount = item.amount_residual_currency
            else:
                rate = item.amount_currency / item.balance if item.balance else 1.0
                line.item_amount = currency.round(line.amount_residual * rate)

    def _compute_can_take_out(self):
        """One of several in a message that has not left yet."""
        for line in self:
            waits = line.followup_id.state in ("todo", "failed") and line.counts
            line.can_take_out = waits and len(line.followup_id.line_ids.filtered("counts").move_id) > 1

    def action_take_out(self):
        """Leave this invoice out of the message: it goes back to its plan, the others stay."""
        self.followup_id._to_act()
        same = self.filtered("can_take_out")._get_same_invoices()
        same._uncount()
        same.sudo().is_left_out = True  # sudo: see _to_act
        self.followup_id.sudo()._withdraw_if_empty("taken_out")  # sudo: see _to_act
        return True

    def _get_same_invoices(self):
        """These, with what else their follow-ups list of the same invoices."""
        listed = {(line.followup_id, line.move_id) for line in self}
        return self.followup_id.line_ids.filtered(lambda line: (line.followup_id, line.move_id) in listed)

    # --- put off ------------------------------------------------------------------------------------------------------

    def _is_trigger(self):
        """Whether it still justifies its follow-up by a step that it has reached."""
        self.ensure_one()
        return self.counts and self.is_subject

    def _get_dates(self):
        """Issue and due date as they are now, as READ finds them."""
        self.ensure_one()
        issue = self.move_id.invoice_date or self.move_id.date
        return issue, self.move_line_id.date_maturity or issue

    def _is_reached(self):
        """Whether the day of the step has come for this receivable."""
        today = self.followup_id.company_id._escalation_today()
        return self.step_id._get_schedule_step().trigger(*self._get_dates()) <= today

    def _is_step_put_off(self, former):
        """Whether the step is to come later, by its new days, than it was taken.

        :param former: the step as it was, as a value
        """
        if not self._is_trigger() or not self.move_line_id:  # what went back to draft is looked at anyway
            return False
        dates = self._get_dates()
        was = former.trigger(*dates)
        if former.direction == "after" and was > self.followup_id.date:
            return False  # a person went to it ahead of its day; only a step before the due date moves back by itself
        return was < self.step_id._get_schedule_step().trigger(*dates) and not self._is_reached()

    def _put_off(self, reason):
        """The step comes in its time for these, which have triggered it and not reached it any more.

        What nothing has triggered now is withdrawn. The others go on without them; but one about all that a customer
        owes still lists them, as RECORD would.
        """
        followups = self.followup_id
        going_on = (followups.line_ids - self).filtered(lambda line: line._is_trigger()).followup_id
        left = self.filtered(lambda line: line.followup_id in going_on)
        beside = left.filtered(lambda line: line.followup_id.level == "customer" or line.followup_id._is_statement())
        beside._list_beside()
        (left - beside)._get_same_invoices()._uncount()
        (followups - going_on)._withdraw(reason)

    def _is_instalment(self):
        """Whether it is a part of its invoice: not the first, or not all that is open."""
        self.ensure_one()
        move, receivable = self.move_id, self.move_line_id
        if not receivable or move.move_type not in INVOICE_TYPES:
            return False
        compare = receivable.currency_id.compare_amounts  # that of the invoice, which is read already
        return self.instalment > 1 or compare(receivable.amount_residual_currency, move.amount_residual) != 0

    def _is_beside(self):
        """Whether it is listed only because it was overdue; a summary, or a person, lists all that is open."""
        self.ensure_one()
        followup = self.followup_id
        return self.counts and not (self.is_subject or followup.level == "summary" or followup.is_manual)

    def _list_beside(self):
        """What has not reached the step takes it if it is overdue; what is not due is shown, if at all."""
        for line in self.sudo():  # sudo: nobody writes history by hand
            followup = line.followup_id
            _issue, due = line._get_dates()
            is_overdue = due < followup.company_id._escalation_today()
            if is_overdue or (followup.level == "customer" and followup.plan_id.invoice_scope == "unpaid"):
                line.write({"is_subject": False, "occurrence": line.occurrence if is_overdue else SHOWN})
            else:
                line._uncount()

    # --- checking again -----------------------------------------------------------------------------------------------

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
