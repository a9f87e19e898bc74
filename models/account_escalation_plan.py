from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import count, groupby, islice  # pylint: disable=bad-builtin-groupby; it must stream
from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL, format_date

from ..tools import schedule
from ..tools.reasons import explain

RECORD_BATCH = 500  # follow-ups recorded at once: the memory of a run does not grow with the number of invoices
CURSOR_NUMBER = count()
READ_BATCH = 5000  # rows fetched at once from the server-side cursor
OUT_BY_PAYMENT_STATE = {state: state for state in ("paid", "in_payment", "reversed", "blocked")}
FOLLOWED_PAYMENT_STATES = ("not_paid", "partial")


class Receivable(NamedTuple):
    """What a follow-up line needs to know of an item that the decision has seen."""

    move_line_id: int
    instalment: int  # rank by maturity among the instalments of the invoice, from 1


class Facts(NamedTuple):
    """One invoice as READ found it: its subject for the decision, and what RECORD writes down."""

    partner_id: int  # the commercial partner
    move_id: int
    plan_id: int | None
    user_id: int | None  # the salesperson
    address_id: int  # the partner named on the invoice
    subject: schedule.Subject


class AccountEscalationPlan(models.Model):
    """Policy: reads the open invoices, asks the schedule what they owe, and records that as follow-ups."""

    _name = "account.escalation.plan"
    _description = "Escalation Plan"
    _inherit = ["mail.thread"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True, readonly=False
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    level = fields.Selection([("invoice", "Each invoice by itself")], default="invoice", required=True)
    logic = fields.Selection(
        [("standard", "Every step, one after the other"), ("contextual", "Only the step that fits the delay")],
        default="standard",
        required=True,
        help="How an invoice that is already late begins.\n"
        "Standard: with the first step, then the next ones, never two on one day.\n"
        "Contextual: with the latest step that its delay has reached; earlier ones are passed over.",
    )
    step_ids = fields.One2many("account.escalation.step", "plan_id", string="Steps", copy=True)
    min_contact_days = fields.Integer(
        string="Days Between Contacts",
        default=5,
        help="At least so many days lie between two contacts about the same invoice.",
    )
    delay_in_workdays = fields.Boolean(string="Count Working Days")
    workdays_only = fields.Boolean(
        string="Working Days Only",
        default=True,
        help="Nothing is sent on days that the company's working schedule leaves free (weekends, public holidays).",
    )
    group_by_customer = fields.Boolean(
        string="One Message per Customer",
        default=True,
        help="Invoices of one customer that reach the same step on the same day share one message.",
    )
    min_amount = fields.Monetary(
        string="Minimum Amount", help="An open amount at or below this, in company currency, is not followed up."
    )
    is_default = fields.Boolean(
        string="Default Plan", help="Taken by every customer invoice that is posted without a plan."
    )
    responsible_id = fields.Many2one(
        "res.users",
        domain=[("share", "=", False)],
        tracking=True,
        help="Gets the to-do's and the customers' answers, and signs the emails. If empty, the invoice's salesperson.",
    )
    attach_invoices = fields.Boolean(string="Attach Invoices", help="Each email carries the PDFs of its invoices.")
    last_run = fields.Date(readonly=True, copy=False, help="The last day on which all invoices were looked at.")
    move_count = fields.Integer(compute="_compute_counts", string="Invoices")
    followup_count = fields.Integer(compute="_compute_counts", string="Open Follow-ups")
    is_reviewed = fields.Boolean(compute="_compute_is_reviewed")
    records_answers = fields.Boolean(compute="_compute_records_answers")

    def _compute_counts(self):
        move_counts = dict(
            self.env["account.move"]._read_group(
                [("escalation_plan_id", "in", self.ids), ("state", "=", "posted")], ["escalation_plan_id"], ["__count"]
            )
        )
        followups = self.env["account.escalation.followup"]
        followup_counts = dict(
            followups._read_group(
                [("plan_id", "in", self.ids), ("state", "in", followups._get_open_states())], ["plan_id"], ["__count"]
            )
        )
        for plan in self:
            plan.move_count = move_counts.get(plan, 0)
            plan.followup_count = followup_counts.get(plan, 0)

    @api.depends("step_ids.needs_review", "step_ids.channel")
    def _compute_is_reviewed(self):
        for plan in self:
            emails = plan.step_ids.filtered(lambda step: step.channel == "email")
            plan.is_reviewed = bool(emails) and all(emails.mapped("needs_review"))

    def _compute_records_answers(self):
        for plan in self:
            plan.records_answers = bool(plan.company_id.catchall_email)

    @api.constrains("is_default", "company_id", "level", "active")
    def _check_is_default(self):
        for [company, level], plans in (
            self.search([("is_default", "=", True), ("company_id", "in", self.company_id.ids)])
            .grouped(lambda plan: (plan.company_id, plan.level))
            .items()
        ):
            if len(plans) > 1:
                raise ValidationError(
                    self.env._(
                        "%(company)s can have one default plan only, not both “%(one)s” and “%(two)s”.",
                        company=company.name,
                        level=level,
                        one=plans[0].name,
                        two=plans[1].name,
                    )
                )

    @api.constrains("min_contact_days", "min_amount")
    def _check_numbers(self):
        for plan in self:
            if plan.min_contact_days < 0 or plan.min_amount < 0:
                raise ValidationError(self.env._("The minimum delay and the minimum amount cannot be negative."))

    @api.constrains("company_id")
    def _check_company_unchanged(self):
        moves = self.env["account.move"].sudo()  # invoices of companies that the user does not see count too
        for plan in self:
            if moves.search_count(
                [("escalation_plan_id", "=", plan.id), ("company_id", "!=", plan.company_id.id)], limit=1
            ):
                raise ValidationError(self.env._("Invoices of another company are under the plan “%s”.", plan.name))

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_use(self):
        used = self.env["account.move"].sudo().search([("escalation_plan_id", "in", self.ids)], limit=1)
        used_plan = used.escalation_plan_id or self.env["account.escalation.followup"].sudo().search(
            [("plan_id", "in", self.ids)], limit=1
        ).plan_id
        if used_plan:
            raise ValidationError(
                self.env._("The plan “%s” is in use and cannot be deleted; archive it instead.", used_plan.name)
            )

    def copy_data(self, default=None):
        return [
            {**vals, "name": self.env._("%s (copy)", plan.name), "is_default": False}
            for plan, vals in zip(self, super().copy_data(default), strict=True)
        ]

    def action_run(self):
        """Look at all invoices again now, in the background."""
        self.last_run = False
        self.env.ref("account_escalation.ir_cron_run")._trigger()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("The plan is run in the background; its follow-ups appear in a moment."),
            },
        }

    def action_toggle_review(self):
        """Every email waits for a person; or, if that is so already, none does."""
        self.ensure_one()
        emails = self.step_ids.filtered(lambda step: step.channel == "email")
        emails.needs_review = not self.is_reviewed

    def action_open_moves(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("account.action_move_out_invoice_type")
        return {**action, "domain": [("escalation_plan_id", "in", self.ids)], "context": {}}

    def action_open_followups(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("account_escalation.account_escalation_followup_action")
        return {**action, "domain": [("plan_id", "in", self.ids)]}

    # --- READ ---------------------------------------------------------------------------------------------------------

    def _get_schedule_plan(self):
        """This plan as values for the decision. Archived steps are part of it: they tell how far an invoice has come."""
        self.ensure_one()
        return schedule.Plan(
            steps=self.with_context(active_test=False).step_ids._get_schedule_steps(),
            logic=self.logic,
            min_contact_days=self.min_contact_days,
            delay_in_workdays=self.delay_in_workdays,
            workdays_only=self.workdays_only,
            min_amount=self.min_amount,
        )

    def _get_repeatable_step(self):
        """The only step that may be repeated: the last one after the due date."""
        self.ensure_one()
        after_due = self.step_ids.filtered(lambda step: step.anchor == "due" and step.direction == "after")
        return after_due.sorted(lambda step: (step.days, step.sequence, step._origin.id or step.id or 0))[-1:]

    @api.model
    def _get_facts_query(self, condition):
        """One row per instalment, those of a customer and of an invoice together, oldest maturity first.

        :param SQL condition: on ``m``, the invoice
        """
        return SQL(
            """
            SELECT m.commercial_partner_id, m.id, m.escalation_plan_id, COALESCE(m.invoice_date, m.date), m.state,
                   m.payment_state, m.escalation_last_date, m.invoice_user_id, m.partner_id, l.no_followup, l.id,
                   row_number() OVER (PARTITION BY m.commercial_partner_id, m.id
                                      ORDER BY COALESCE(l.date_maturity, m.invoice_date, m.date), l.id),
                   COALESCE(l.date_maturity, m.invoice_date, m.date), l.amount_residual, history.taken
              FROM account_move m
              JOIN account_move_line l ON l.move_id = m.id AND l.display_type = 'payment_term'
         LEFT JOIN (
                    SELECT m.id, string_agg(
                               concat_ws(' ', fl.instalment, fl.step_id, fl.occurrence, COALESCE(f.date_done, f.date),
                                         CASE WHEN f.state IN ('queued', 'todo', 'failed') THEN 'open' END),
                               ',' ORDER BY fl.instalment, fl.step_id, fl.occurrence) AS taken
                      FROM account_escalation_followup_line fl
                      JOIN account_escalation_followup f ON f.id = fl.followup_id
                      JOIN account_move m ON m.id = fl.move_id AND m.escalation_plan_id = fl.plan_id
                     WHERE fl.counts AND %(condition)s
                  GROUP BY m.id
                   ) history ON history.id = m.id
             WHERE %(condition)s
          ORDER BY m.commercial_partner_id, m.id, COALESCE(l.date_maturity, m.invoice_date, m.date), l.id
            """,
            condition=condition,
        )

    def _read_facts(self, condition) -> Iterator[Facts]:
        """Stream the invoices that a condition selects, ordered by customer, in one statement.

        ``self`` holds the plans to follow; an invoice of another plan, or of an archived one, is not followed.
        """
        for model in ("account.move", "account.move.line", "account.escalation.followup"):
            self.env[model].flush_model()
        self.env["account.escalation.followup.line"].flush_model()
        plans = {plan.id: plan._get_schedule_plan() for plan in self if plan.active}
        histories = {}
        with self.env.cr._cnx.cursor(name=f"account_escalation_{next(CURSOR_NUMBER)}") as cursor:
            cursor.itersize = READ_BATCH
            query = self._get_facts_query(condition)
            cursor.execute(query.code, query.params)
            for _move_id, rows in groupby(cursor, key=lambda row: row[1]):
                yield self._prepare_facts(list(rows), plans, histories)

    @api.model
    def _prepare_facts(self, rows, plans, histories):
        partner_id, move_id, plan_id, issue, state, payment_state, last_date, user_id, address_id, *_line, text = rows[0]
        if text not in histories:
            histories[text] = self._parse_history(text)
        history = histories[text]
        plan = plans.get(plan_id)
        items = tuple(
            schedule.Item(Receivable(line_id, rank), issue, due, amount, history.get(rank, ()))
            for *_move, no_followup, line_id, rank, due, amount, _text in rows
            if amount and not no_followup
        )
        out = ""
        if state != "posted":
            out = "not_posted"
        elif payment_state not in FOLLOWED_PAYMENT_STATES:
            out = OUT_BY_PAYMENT_STATE.get(payment_state, "blocked")
        elif not items and any(row[-2] for row in rows):
            out = "excluded"
        elif plan_id and not plan:
            out = "plan_archived"
        return Facts(partner_id, move_id, plan_id, user_id, address_id, schedule.Subject(plan, items, last_date, None, out))

    @api.model
    def _parse_history(self, text):
        """The history column as {instalment: (Taken, ...)}."""
        history = defaultdict(tuple)
        for entry in text.split(",") if text else ():
            instalment, step_id, occurrence, day, *is_open = entry.split(" ")
            history[int(instalment)] += (
                schedule.Taken(int(step_id), int(occurrence), date.fromisoformat(day), bool(is_open)),
            )
        return history

    def _get_followed_condition(self):
        """Which invoices a run looks at: a superset of what it will follow up."""
        return SQL(
            "m.escalation_plan_id IN %s AND m.state = 'posted' AND m.payment_state IN %s",
            tuple(self.ids) or (0,),
            FOLLOWED_PAYMENT_STATES,
        )

    # --- DECIDE -------------------------------------------------------------------------------------------------------

    def _decide(self, today, condition=None) -> Iterator[tuple[Facts, schedule.Decision]]:
        """What each invoice under these plans of one company owes next, seen on ``today``. Writes nothing."""
        is_free = self.company_id._escalation_get_is_free(today)
        memo = {}
        facts = self._read_facts(condition or self._get_followed_condition())
        for _partner_id, group in groupby(facts, key=lambda fact: fact.partner_id):
            customer = list(group)
            decisions = schedule.decide([fact.subject for fact in customer], today, is_free, memo)
            yield from zip(customer, decisions, strict=True)

    @api.model
    def _decide_moves(self, moves):
        """What comes next for these invoices, each on its own company's today.

        :return: {move id: (Facts, Decision)}, without the moves that have no plan
        """
        result = {}
        planned = moves.filtered(lambda move: move.escalation_plan_id and move.id)
        for company, company_moves in planned.grouped("company_id").items():
            condition = SQL("m.id IN %s", tuple(company_moves.ids))
            plans = company_moves.escalation_plan_id
            for facts, decision in plans._decide(company._escalation_today(), condition):
                result[facts.move_id] = (facts, decision)
        return result

    def _explain(self, decision):
        """The one sentence that says why the decision is as it is, in the user's language."""
        self.ensure_one()
        key = decision.reason
        if not decision.date or key == "due":
            return explain(self.env, key)
        return explain(
            self.env,
            {"hold": "hold_until", "open": "open_until"}.get(key, key),
            date=format_date(self.env, decision.date),
            days=max(1, self.min_contact_days),
        )

    # --- RECORD -------------------------------------------------------------------------------------------------------

    def _run(self, today=None):
        """Read, decide, record and carry out these plans, without committing.

        :param date today: the day to act on; by default each company's own
        :return: the follow-ups made
        """
        followups = self.env["account.escalation.followup"]
        for plan in self.sudo():  # sudo: the plan acts, not the user; nobody may write follow-ups of their own
            day = today or plan.company_id._escalation_today()
            followups.sudo()._withdraw_stale(day, [("plan_id", "=", plan.id)])
            made = plan._record(day)
            made._process(day)
            followups |= made
        return followups

    def _record(self, today):
        """Write down what is due on ``today`` as queued follow-ups; return them."""
        self.ensure_one()
        followups = self.env["account.escalation.followup"]
        if not self.try_lock_for_update(allow_referencing=True):
            return followups
        due = (pair for pair in self._decide(today) if pair[1].date == today)
        planned = self._plan_followups(due, today)
        ids = []
        while batch := list(islice(planned, RECORD_BATCH)):
            ids += followups._record(self, batch, today).ids
            self.env.invalidate_all()
        self.last_run = today
        return followups.browse(ids)

    def _plan_followups(self, due, today):
        """Share out what is due to messages.

        :param due: iterable of (Facts, Decision), ordered by customer
        :return: iterator of (step, occurrence, [Facts]), one per follow-up
        """
        steps = {step.id: step for step in self.step_ids}
        for _partner_id, pairs in groupby(due, key=lambda pair: pair[0].partner_id):
            shared = defaultdict(list)
            for facts, decision in pairs:
                for step in decision.steps:
                    shared[step.id, decision.occurrence, None if self.group_by_customer else facts.move_id].append(facts)
            for (step_id, occurrence, _move_id), group in shared.items():
                yield steps[step_id], occurrence, group

    # --- crons --------------------------------------------------------------------------------------------------------

    @api.model
    def _get_due_plans(self, now):
        """The plans whose company has passed its send hour and that were not run on its today.

        :param datetime now: in UTC
        """
        plans = self.search([("step_ids", "!=", False)])
        ready = plans.company_id.filtered(lambda company: company._escalation_is_send_time(now))
        today = {company: company._escalation_today(now) for company in ready}
        return plans.filtered(lambda plan: plan.company_id in today and plan.last_run != today[plan.company_id])

    @api.model
    def _cron_run(self):
        """Each company once a day, from its send hour, one transaction per plan."""
        followups = self.env["account.escalation.followup"]
        commit_progress = self.env["ir.cron"]._commit_progress
        now = fields.Datetime.now()
        plans = self._get_due_plans(now)
        commit_progress(remaining=len(plans))
        for [company] in followups._read_group([("state", "in", followups._get_open_states())], ["company_id"]):
            followups._withdraw_stale(company._escalation_today(now), [("company_id", "=", company.id)])
            commit_progress()
        for plan in plans:
            plan._record(plan.company_id._escalation_today(now))
            self.env.ref("account_escalation.ir_cron_process")._trigger()
            if not commit_progress(1):
                break
