# pylint: disable=bad-builtin-groupby; that of Odoo collects all rows, ours must stream
from collections import defaultdict
from datetime import date
from itertools import groupby

from odoo import api, models

from ..tools import schedule
from ..tools.facts import Facts, Receivable
from ..tools.invoices import FOLLOWED_PAYMENT_STATES, INVOICE_TYPES
from ..tools.reasons import OUT


def get_hold_end(hold, hold_until):
    """The last day of a hold; None without one. One without a day ends when a person lifts it."""
    return (hold_until or schedule.UNTIL_LIFTED) if hold else None


class AccountEscalationPlan(models.Model):
    """FACTS: a plan, and the rows that READ found, as the values that the decision takes. Nothing is searched."""

    _inherit = "account.escalation.plan"

    def _get_schedule_plan(self, steps=None):
        """This plan as values for the decision, with archived steps: they tell how far an invoice has come.

        :param steps: the steps needed, by default all
        """
        self.ensure_one()
        if steps is None:
            steps = self.with_context(active_test=False).step_ids
        return schedule.Plan(
            steps=tuple(step._get_schedule_step() for step in steps),
            logic=self.logic,
            min_contact_days=self.min_contact_days,
            delay_in_workdays=self.delay_in_workdays,
            workdays_only=self.workdays_only,
            min_amount=self.min_amount,
            level=self.level,
            sequence=self.sequence,
            is_grouped=self.group_by_customer,
            scope=self.invoice_scope,
            reference_rule=self.reference_rule,
            leaves_out_planned=self.leave_out_planned,
            rhythm=self._get_rhythm(),
        )

    @api.model
    def _prepare_facts(self, rows, customer, plans, parse, moves):
        """The subjects of one customer: each invoice under a plan, the customer, its summary.

        :param moves: whatever invoices were asked for by themselves, if any: those without a plan are subjects too
        """
        asked = rows if moves else [row for row in rows if row.plan_id]
        facts = [
            self._prepare_invoice_facts(list(instalments), customer, plans, parse)
            for _move_id, instalments in groupby(asked, key=lambda row: row.move_id)
        ]
        facts = [fact for fact in facts if fact]
        for plan_id in (customer.plan_id, customer.summary_id):
            if plan_id in plans:
                facts.append(self._prepare_customer_facts(rows, customer, plan_id, plans[plan_id], parse))
        return facts

    @api.model
    def _prepare_invoice_facts(self, rows, customer, plans, parse):
        row = rows[0]
        if row.move_type not in INVOICE_TYPES:
            return None
        plan = plans.get(row.plan_id)
        history = parse(row.history)
        items = tuple(
            self._prepare_item(row, row.plan_id, history) for row in rows if row.amount and not row.no_followup
        )
        out = self._get_out(row)
        if not out and (customer.is_excluded or (not items and any(row.no_followup for row in rows))):
            out = "excluded"
        elif not out and not plan:
            out = "plan_archived" if row.plan_id else "plan_changed"
        holds = (get_hold_end(row.hold, row.hold_until), get_hold_end(customer.hold, customer.hold_until))
        hold_until = max(filter(None, holds), default=None)
        subject = schedule.Subject(plan, items, row.last_date, hold_until, out)
        return Facts(row.partner_id, row.plan_id, subject, row.user_id, row.move_id, row.address_id)

    @api.model
    def _prepare_customer_facts(self, rows, customer, plan_id, plan, parse):
        """The customer, or its summary, as a subject: all that is open, but for what is blocked or excluded."""
        items, left_out = [], {}
        is_summary = plan.level == "summary"
        for row in rows:
            reason = self._get_out(row) or ("excluded" if row.no_followup else "" if row.amount else "paid")
            if reason:
                left_out[row.move_id, row.instalment] = reason
                continue
            hold = None if is_summary and row.hold != "pause" else get_hold_end(row.hold, row.hold_until)
            items.append(self._prepare_item(row, plan_id, parse(row.history))._replace(hold_until=hold))
        hold = None if is_summary and customer.hold != "pause" else get_hold_end(customer.hold, customer.hold_until)
        subject = schedule.Subject(
            plan, tuple(items), customer.last_contact, hold, "excluded" if customer.is_excluded else ""
        )
        user_id = customer.user_id or next((row.user_id for row in rows if row.user_id), None)
        return Facts(rows[0].partner_id, plan_id, subject, user_id, left_out=left_out)

    @api.model
    def _prepare_item(self, row, plan_id, history):
        key = Receivable(row.line_id, row.move_id, row.instalment)
        return schedule.Item(key, row.issue, row.due, row.amount, history.get((plan_id, row.instalment), ()))

    @api.model
    def _get_out(self, row):
        """Why an invoice, or another entry, is not followed up at all: a reason key, or empty."""
        if row.state != "posted":
            return "not_posted"
        if row.is_collected:
            return "collected"
        if row.move_type == "entry" or row.payment_state in FOLLOWED_PAYMENT_STATES:
            return ""
        return row.payment_state if row.payment_state in OUT else "blocked"

    @api.model
    def _parse_history(self, text):
        """The history column as {(plan id, instalment): (Taken, ...)}."""
        history = defaultdict(tuple)
        for entry in text.split(",") if text else ():
            plan_id, instalment, step_id, occurrence, day, *is_open = entry.split(" ")
            history[int(plan_id), int(instalment)] += (
                schedule.Taken(int(step_id), int(occurrence), date.fromisoformat(day), bool(is_open)),
            )
        return history
