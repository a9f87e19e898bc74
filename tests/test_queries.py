"""How many statements the run takes: a constant number to read, and the same for each batch of follow-ups."""

import re
from contextlib import contextmanager
from unittest.mock import patch

import psycopg2

from odoo import sql_db
from odoo.tools import mute_logger

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day
from odoo.addons.account_escalation.tools.case import Case

BATCH = 100
# what core reads of a customer names plans too, whose ids it checks
OWN = re.compile(r'(FROM|JOIN|INTO|UPDATE) "?account_escalation(?!\w*" AS "\w+__exists")')


class TestQueries(EscalationCommon):
    """Statements are counted where psycopg2 is called: Odoo's own count misses server-side cursors."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls.env["res.partner"].create(
            [{"name": f"Customer {n}", "email": f"c{n}@example.com", "phone": "+49 30 1"} for n in range(2 * BATCH)]
        )
        cls.plan = cls._create_plan(cls._step(1), cls._step(7), responsible_id=cls.env.user.id).sudo()
        banks = [
            cls._create_bank(f"DE{n}", bank_id=cls.env["res.bank"].create({"name": f"Bank {n}"}).id) for n in (1, 2)
        ]
        dues = [
            cls._prepare_invoice(day("10-26"), partner=partner, partner_bank_id=banks[number % 2].id)
            for number, partner in enumerate(cls.customers)
        ]
        cls.moves = cls.env["account.move"].create(dues + dues)
        cls.moves.action_post()

    def setUp(self):
        super().setUp()
        self.used = 0

    @contextmanager
    def _count(self):
        """Count statements, and server-side cursors apart, with the writes that the block leaves pending; of them those
        that name a table of the addon.
        """
        self.env.flush_all()
        self.env.invalidate_all()
        found = {"plain": 0, "named": 0, "own": 0}
        plain_execute, plain_cursor = sql_db.Cursor.execute, sql_db.PsycoConnection.cursor

        def execute(cursor, query, *args, **kwargs):
            found["plain"] += 1
            found["own"] += bool(OWN.search(str(getattr(query, "code", query))))
            return plain_execute(cursor, query, *args, **kwargs)

        def cursor(connection, *args, **kwargs):
            found["named"] += bool(args or kwargs.get("name"))
            return plain_cursor(connection, *args, **kwargs)

        with patch.object(sql_db.Cursor, "execute", execute), patch.object(sql_db.PsycoConnection, "cursor", cursor):
            yield found
            self.env.flush_all()
        found["all"] = found["plain"] + found["named"]

    def _take_invoices(self, number, plan=None):
        """Put so many further invoices under a plan, each of another customer."""
        moves = self.moves[self.used : self.used + number]
        self.used += number
        moves.escalation_plan_id = plan or self.plan
        return moves

    def _decide(self):
        return list(self.plan._decide(MONDAY))

    def test_read_and_decide_take_a_constant_number(self):
        costs = []
        for number in (5, 20):
            self._take_invoices(number)
            for _time in range(2):  # the first one fills the caches
                with self._count() as found:
                    self._decide()
            costs.append(found)
        self.assertEqual(costs[0], costs[1])
        self.assertLessEqual(costs[0]["named"], 3, "the items")
        self.assertLessEqual(costs[0]["plain"], 12, "plan, steps, days off")

    def test_decide_writes_nothing(self):
        self._take_invoices(5)
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(psycopg2.errors.ReadOnlySqlTransaction),
            self.env.cr.savepoint(flush=False),  # its end makes the transaction writable again
        ):
            self.env.cr.execute("SET TRANSACTION READ ONLY")
            self.assertEqual(len(self._decide()), 5)
            self.env.flush_all()
            self.env.cr.execute("UPDATE account_escalation_plan SET sequence = 1")

    def test_equal_facts_are_decided_once(self):
        self._take_invoices(20)
        self._create_invoice(day("10-27"), self.plan)
        case = Case
        with patch.object(case, "decide", autospec=True, side_effect=case.decide) as decide_item:
            self.assertEqual(len(self._decide()), 21)
        self.assertEqual(decide_item.call_count, 2)

    def _measure(self, number):
        """Statements of RECORD and of DO for so many follow-ups."""
        self._take_invoices(number)
        with self._count() as record:
            followups = self.plan._record(MONDAY)
        self.assertEqual(len(followups), number)
        with self._count() as do:
            followups._process(MONDAY)
        self.assertFalse(do["named"], "a batch is read in one go, not by a cursor that is planned for its first rows")
        return record["all"], do["all"], followups

    def test_emails_take_the_same_for_each_batch(self):
        self._take_invoices(3)
        self.plan._run(MONDAY)  # fills the caches
        plan_of_small, self.plan = self.plan, self.plan.copy()
        record_small, do_small, followups = self._measure(BATCH // 2)
        self.assertEqual(set(followups.mapped("state")), {"done"})
        self.plan = plan_of_small.copy()
        record_large, do_large, followups = self._measure(2 * BATCH)
        self.assertEqual(set(followups.mapped("state")), {"done"})
        self.assertLessEqual(do_large, 2 * do_small, "two batches instead of one")
        self.assertLessEqual(do_large / len(followups), 0.3)
        self.assertLessEqual(record_large, record_small + 12, "rows are inserted by hundreds")

    def test_calls_take_the_same_for_each_batch(self):
        self.plan = self._create_plan(self._step(1, "call"), responsible_id=self.env.user.id).sudo()
        _record, do_small, followups = self._measure(BATCH // 2)
        self.assertEqual(set(followups.mapped("state")), {"todo"})
        self.plan = self.plan.copy()
        _record, do_large, followups = self._measure(2 * BATCH)
        self.assertLessEqual(do_large, 2 * do_small)
        self.assertLessEqual(do_large / len(followups), 0.4)

    def _measure_customers(self, number, *steps, **values):
        """Statements of RECORD and of DO for so many customers under a plan of theirs."""
        values = {"level": "customer", "next_run_date": MONDAY, "responsible_id": self.env.user.id, **values}
        plan = self._create_plan(*(steps or [self._step(1)]), **values).sudo()
        field = "escalation_plan_id" if plan.level == "customer" else "escalation_summary_plan_id"
        self.customers[field] = False
        self.customers[:number][field] = plan
        self._empty_mail_queue()
        with self._count() as record:
            followups = plan._record(MONDAY)
        self.assertEqual(len(followups), number)
        with self._count() as do:
            followups._process(MONDAY)
        self.assertEqual(set(followups.mapped("state")), {"done"})
        self.assertEqual(len(followups.line_ids), 2 * number)
        return record["all"], do["all"]

    def _check_customers(self, *steps, **values):
        self._measure_customers(3, *steps, **values)  # fills the caches
        record_small, do_small = self._measure_customers(BATCH // 2, *steps, **values)
        record_large, do_large = self._measure_customers(2 * BATCH, *steps, **values)
        self.assertLessEqual(record_large, record_small + 12, "rows are inserted by hundreds")
        self.assertLessEqual(do_large, 2 * do_small, "two batches instead of one")
        self.assertLessEqual(do_large / (2 * BATCH), 0.3)

    def test_customer_plans_take_the_same_for_each_batch(self):
        self._check_customers()

    def test_summaries_take_the_same_for_each_batch(self):
        self._check_customers(self._step(0, tone="statement"), level="summary")

    def test_limits_take_no_statement_for_each_customer(self):
        self.company.write({"escalation_min_days_any": 1, "escalation_max_messages": 1000})
        _first, few, many = [self._measure_customers(number)[0] for number in (3, 3, 30)]  # the first fills the caches
        self.assertLessEqual(many, few + 2)

    def test_assigning_takes_the_same_for_each_batch(self):
        """Invoices with a follow-up that waits for a person, and their notes."""
        plan = self._create_plan(self._step(1, needs_review=True))
        for model in ("account.move", "res.partner"):
            with self.subTest(model):
                costs = [self._measure_assigning(model, plan, number) for number in (5, 10, 40)]
                self.assertLessEqual(costs[2], costs[1] + 5, costs)

    def _measure_assigning(self, model, plan, number):
        savepoint = self.env.cr.savepoint()  # each number begins with the same customers, without a history
        moves = self._take_invoices(number, plan)
        plan._run(MONDAY)
        is_move = model == "account.move"
        records, field = (moves, "escalation_plan_id") if is_move else (moves.partner_id, "escalation_invoice_plan_id")
        if not is_move:
            moves._escalation_write({"escalation_plan_origin": "customer"})
        other = plan.copy()
        with self._count() as found:
            self.env[model].browse(records.ids)._escalation_assign({field: other.id}, "manual")
        savepoint.close(rollback=True)
        self.used = 0
        self.env.invalidate_all(flush=False)
        return found["all"]

    def test_reminders_by_hand_take_the_same_for_many_customers(self):
        costs = []
        for number in (2, 2, 8):  # the first fills the caches
            moves = self._take_invoices(number)
            wizard = self.env["account.escalation.remind"].create({"move_ids": moves.ids})
            with self._count() as found:
                wizard.action_send()
            self.assertEqual(moves.mapped("escalation_followup_ids.state"), ["queued"] * number)
            costs.append(found["all"])
        self.assertEqual(costs[1], costs[2], "rows are inserted by hundreds")

    def test_posting_takes_the_same_for_many_invoices(self):
        self.plan.is_default = True
        costs = []
        for number in (2, 2, 20):  # the first fills the caches
            dues = [self._prepare_invoice(day("10-26"), partner=partner) for partner in self.customers[:number]]
            moves = self.env["account.move"].create(dues)
            with self._count() as found:
                moves.action_post()
            self.assertEqual(moves.escalation_plan_id, self.plan)
            costs.append(found["own"])
        self.assertEqual(costs[1], costs[2])

    def test_paying_takes_the_same_for_many_invoices(self):
        self._check_paying()

    def test_paying_without_entries_takes_the_same_for_many_invoices(self):
        self._pay_without_entries()
        self._check_paying()

    def _check_paying(self):
        """Each has an email that waits for a person, which ends with the payment."""
        plan = self._create_plan(self._step(1, needs_review=True), responsible_id=self.env.user.id).sudo()
        costs = []
        for number in (2, 2, 20):  # the first fills the caches
            moves = self._take_invoices(number, plan)
            followups = plan._run(MONDAY)
            self.assertEqual(followups.mapped("state"), ["todo"] * number)
            paying = self.env["account.payment.register"].with_context(
                active_model="account.move", active_ids=moves.ids
            )
            with self._count() as found:
                paying.create({"group_payment": False, "payment_date": MONDAY})._create_payments()
                self.env.cr.flush()  # with what waits for the commit
            self.assertEqual(followups.mapped("state"), ["skipped"] * number)
            costs.append(found["own"])
        self.assertEqual(costs[1], costs[2])

    def test_nothing_due_costs_little_more_than_reading(self):
        self._take_invoices(20)
        self.plan._run(MONDAY)
        with self._count() as read:
            self._decide()
        with self._count() as again:
            self.assertFalse(self.plan._run(MONDAY))
        self.assertLessEqual(again["all"], read["all"] + 10)
