# pylint: disable=bad-builtin-groupby; that of Odoo collects all rows, ours must stream
import logging
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import count, groupby, islice
from typing import NamedTuple

import psycopg2

from odoo import api, fields, models
from odoo.tools import SQL, format_date

from ..tools import schedule
from ..tools.reasons import OUT, explain

_logger = logging.getLogger(__name__)

RECORD_BATCH = 500  # follow-ups recorded at once: the memory of a run does not grow with the number of invoices
READ_BATCH = 5000  # rows fetched at once from the server-side cursor
CURSOR_NUMBER = count()
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
    """The daily run: READ the open invoices, DECIDE what they owe, RECORD it as follow-ups."""

    _inherit = "account.escalation.plan"

    # --- READ ---------------------------------------------------------------------------------------------------------

    def _get_schedule_plan(self, steps=None):
        """This plan as values for the decision, with archived steps: they tell how far an invoice has come.

        :param steps: the steps needed, by default all
        """
        self.ensure_one()
        if steps is None:
            steps = self.with_context(active_test=False).step_ids
        return schedule.Plan(
            steps=steps._get_schedule_steps(),
            logic=self.logic,
            min_contact_days=self.min_contact_days,
            delay_in_workdays=self.delay_in_workdays,
            workdays_only=self.workdays_only,
            min_amount=self.min_amount,
        )

    @api.model
    def _get_facts_query(self, condition):
        """One row per instalment, those of a customer and of an invoice together, oldest maturity first.

        :param SQL condition: on ``m``, the invoice
        """
        return SQL(
            """
            SELECT m.commercial_partner_id, m.id, m.escalation_plan_id, COALESCE(m.invoice_date, m.date), m.state,
                   m.payment_state, m.escalation_last_date, salesperson.id, m.partner_id, l.no_followup, l.id,
                   row_number() OVER (PARTITION BY m.commercial_partner_id, m.id
                                      ORDER BY COALESCE(l.date_maturity, m.invoice_date, m.date), l.id),
                   COALESCE(l.date_maturity, m.invoice_date, m.date), l.amount_residual, history.taken
              FROM account_move m
              JOIN account_move_line l ON l.move_id = m.id AND l.display_type = 'payment_term'
         LEFT JOIN res_users salesperson ON salesperson.id = m.invoice_user_id
                   AND salesperson.active AND NOT salesperson.share
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

    def _read_facts(self, condition, steps=None) -> Iterator[Facts]:
        """Stream the invoices that a condition selects, ordered by customer, in one statement.

        ``self`` holds the plans to follow; an invoice of another plan, or of an archived one, is not followed.

        :param SQL condition: on ``m``, the invoice
        :param steps: those that the plans are needed with, by default all
        """
        for model in ("account.move", "account.move.line", "account.escalation.followup"):
            self.env[model].flush_model()
        self.env["account.escalation.followup.line"].flush_model()
        plans = {plan.id: plan._get_schedule_plan(steps) for plan in self if plan.active}
        histories = {}
        with self.env.cr._cnx.cursor(name=f"account_escalation_{next(CURSOR_NUMBER)}") as cursor:
            cursor.itersize = READ_BATCH
            query = self._get_facts_query(condition)
            cursor.execute(query.code, query.params)
            for _move_id, rows in groupby(cursor, key=lambda row: row[1]):
                yield self._prepare_facts(list(rows), plans, histories)

    @api.model
    def _prepare_facts(self, rows, plans, histories):
        partner_id, move_id, plan_id, issue, state, payment_state, last_date, user_id, address_id, *_, text = rows[0]
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
            out = payment_state if payment_state in OUT else "blocked"
        elif not items and any(row[-2] for row in rows):
            out = "excluded"
        elif plan_id and not plan:
            out = "plan_archived"
        subject = schedule.Subject(plan, items, last_date, None, out)
        return Facts(partner_id, move_id, plan_id, user_id, address_id, subject)

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
            "m.escalation_plan_id IN %s AND m.state = 'posted' AND m.payment_state IN %s"
            " AND m.commercial_partner_id IS NOT NULL",
            tuple(self.ids) or (0,),
            FOLLOWED_PAYMENT_STATES,
        )

    # --- DECIDE -------------------------------------------------------------------------------------------------------

    def _decide(self, today, condition=None) -> Iterator[tuple[Facts, schedule.Decision]]:
        """What each invoice under these plans of one company owes next, seen on ``today``. Writes nothing."""
        is_free = self.company_id._escalation_get_is_free(today)
        # all rows will be fetched: by default, PostgreSQL plans a cursor for getting the first ones soon, which with
        # outdated statistics (after the first run, after many invoices got a plan) is many times slower in all
        self.env.cr.execute("SET LOCAL cursor_tuple_fraction = 1")
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
        if not decision.date:
            return explain(self.env, key)
        variants = {"hold": "hold_until", "open": "open_until"}
        if self.delay_in_workdays:
            variants["min_contact"] = "min_contact_workdays"
        return explain(
            self.env,
            variants.get(key, key),
            date=format_date(self.env, decision.date),
            days=max(1, self.min_contact_days),
            step=self.env["account.escalation.step"].browse(decision.steps[0].id).display_name,
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
        if len(ids) > RECORD_BATCH:
            # while PostgreSQL believes these tables to be as small as they were, READ can take minutes
            self.env.cr.execute("ANALYZE account_escalation_followup, account_escalation_followup_line")
        self.write({"last_run": today, "is_requested": False})
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
                    # a statement is about the customer anyway
                    apart = None if self.group_by_customer or step.tone == "statement" else facts.move_id
                    shared[step.id, decision.occurrence, apart].append(facts)
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
        return plans.filtered(
            lambda plan: plan.is_requested or (plan.company_id in today and plan.last_run != today[plan.company_id])
        )

    def _record_safely(self, today):
        """:meth:`_record`, without stopping other plans: what goes wrong is logged and said on the plan."""
        try:
            with self.env.cr.savepoint():
                self._record(today)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except Exception as error:
            _logger.exception("Escalation plan %s could not be run", self.id)
            self.message_post(body=self.env._("This plan could not be run: %s", error))

    @api.model
    def _cron_run(self):
        """Each company once a day, from its send hour, one transaction per plan."""
        followups = self.env["account.escalation.followup"]
        commit_progress = self.env["ir.cron"]._commit_progress
        now = fields.Datetime.now()
        plans = self._get_due_plans(now)
        commit_progress(remaining=len(plans))
        followups._fail_undelivered()
        for [company] in followups._read_group([("state", "in", followups._get_open_states())], ["company_id"]):
            followups._withdraw_stale(company._escalation_today(now), [("company_id", "=", company.id)])
            commit_progress()
        for plan in plans:
            plan._record_safely(plan.company_id._escalation_today(now))
            self.env.ref("account_escalation.ir_cron_process")._trigger()
            if not commit_progress(1):
                break
