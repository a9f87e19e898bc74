"""What a company allows itself: days between any two messages to a customer, and so many messages a day."""

from freezegun import freeze_time

from odoo.exceptions import ValidationError

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class LimitsCase(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1), group_by_customer=False)

    def _process_on(self, today):
        """The second scheduled action, on a day."""
        with freeze_time(f"{today} 10:00:00"), self.enter_registry_test_mode():
            self.env.ref("account_escalation.ir_cron_process").method_direct_trigger()
        self.env.invalidate_all()


class TestNegative(LimitsCase):
    def test_refused(self):
        for name in ("escalation_min_days_any", "escalation_max_messages"):
            with self.subTest(name), self.assertRaisesRegex(ValidationError, "cannot be negative"):
                self.company[name] = -1


class TestDaysBetween(LimitsCase):
    def setUp(self):
        super().setUp()
        self.company.escalation_min_days_any = 3

    def test_the_later_one_waits_and_says_why(self):
        first = self._create_invoice(day("10-16"), self.plan)
        self.assertTrue(self.plan._run(MONDAY))
        other_plan = self._create_plan(self._step(1), name="Other")
        second = self._create_invoice(day("10-16"), other_plan)
        self.assertFalse(other_plan._run(MONDAY))
        with freeze_time("2026-11-03 10:00:00"):
            self.assertEqual(second.escalation_next_date, day("11-05"))
            self.assertIn("at least 3 days between any two messages", second.escalation_reason)
        self.assertFalse(other_plan._run(day("11-04")))
        self.assertEqual(self._listed(other_plan._run(day("11-05"))), second)
        self.assertEqual(self._days_of(first), [MONDAY])

    def test_of_one_day_the_first_goes(self):
        old, new = self._create_invoice(day("10-16"), self.plan), self._create_invoice(day("10-20"), self.plan)
        self.assertEqual(self._listed(self.plan._run(MONDAY)), old)
        self._empty_mail_queue()
        self.assertEqual(self._listed(self._run_days(self.plan, day("11-03"), day("11-04"), day("11-05"))), new)

    def test_the_customers_plan_comes_first(self):
        move = self._create_invoice(day("10-16"), self.plan)
        customer_plan = self._create_customer_plan(self._step(1), leave_out_planned=False)
        self.assertFalse(self.plan._run(MONDAY))
        self.assertEqual(self._listed(customer_plan._run(MONDAY)), move)

    def test_always_reviewed_customers_do_not_wait(self):
        self.customer.escalation_always_review = True
        for due in ("10-16", "10-20"):
            self._create_invoice(day(due), self.plan)
        self.assertEqual(self.plan._run(MONDAY).mapped("state"), ["todo", "todo"])

    def test_what_shares_a_message_is_one(self):
        self.plan.group_by_customer = True
        both = self._create_invoice(day("10-16"), self.plan) | self._create_invoice(day("10-20"), self.plan)
        self.assertEqual(self._listed(self.plan._run(MONDAY)), both)

    def test_other_customers_do_not_wait(self):
        self._create_invoice(day("10-16"), self.plan)
        self._create_invoice(day("10-16"), self.plan, partner=self._create_customer("Other"))
        self.assertEqual(len(self.plan._run(MONDAY)), 2)

    def test_a_person_does_not_wait(self):
        self._create_invoice(day("10-16"), self.plan)
        self.plan._run(MONDAY)
        for step in (self._step(1, "call"), self._step(1, needs_review=True)):
            with self.subTest(step):
                move = self._create_invoice(day("10-16"), self._create_plan(step))
                self.assertTrue(move.escalation_plan_id._run(MONDAY))

    def test_reviewed_messages_are_not_automatic(self):
        reviewed = self._create_plan(self._step(1, needs_review=True))
        self._create_invoice(day("10-16"), reviewed)
        reviewed._run(MONDAY)
        self._create_invoice(day("10-16"), self.plan)
        self.assertTrue(self.plan._run(MONDAY))

    def test_messages_to_colleagues_are_not_the_customers(self):
        internal = self._create_plan(
            self._step(1, to_customer=False, extra_partner_ids=[(6, 0, self._create_customer("Colleague").ids)])
        )
        self._create_invoice(day("10-16"), internal)
        self.assertEqual(internal._run(MONDAY).state, "done")
        self._create_invoice(day("10-16"), self.plan)
        self.assertTrue(self.plan._run(MONDAY))

    def test_a_look_is_put_off_and_not_lost(self):
        self._create_invoice(day("10-16"), self.plan)
        self.plan._run(MONDAY)
        self._empty_mail_queue()
        customer_plan = self._create_customer_plan(self._step(1), interval_type="months", leave_out_planned=False)
        summary = self._create_summary(interval_type="months")
        followup = customer_plan._run(MONDAY)
        self.assertRecordValues(followup, [{"state": "queued", "date": day("11-05")}])
        self.assertEqual(customer_plan.next_run_date, day("12-02"))
        self.assertRecordValues(summary._run(MONDAY), [{"state": "queued", "date": day("11-09")}])
        self._process_on(day("11-04"))
        self.assertEqual(followup.state, "queued")
        self._process_on(day("11-05"))
        self.assertRecordValues(followup, [{"state": "done", "date_done": day("11-05")}])

    def test_put_off_and_paid_in_the_meantime(self):
        move = self._create_invoice(day("10-16"), self.plan)
        self.plan._run(MONDAY)
        self._empty_mail_queue()
        customer_plan = self._create_customer_plan(self._step(1), leave_out_planned=False)
        followup = customer_plan._run(MONDAY)
        self.assertEqual(followup.state, "queued")
        self._pay(move)
        self._process_on(day("11-05"))
        self.assertEqual(followup.state, "skipped")

    def test_off(self):
        self.company.escalation_min_days_any = 0
        self._create_invoice(day("10-16"), self.plan)
        self._create_invoice(day("10-20"), self.plan)
        self.assertEqual(len(self.plan._run(MONDAY)), 2)


class TestMessagesADay(LimitsCase):
    def setUp(self):
        super().setUp()
        self.company.escalation_max_messages = 2
        self.customers = [self._create_customer(name) for name in ("A", "B", "C")]

    def _create_invoices(self, plan=None):
        """One for each customer, the last one the oldest."""
        dues = (day("10-20"), day("10-16"), day("10-12"))
        pairs = zip(dues, self.customers, strict=True)
        return [self._create_invoice(due, plan, partner=partner) for due, partner in pairs]

    def test_oldest_due_first(self):
        new, middle, old = self._create_invoices(self.plan)
        self.assertEqual(self.plan._run(MONDAY).move_ids, middle | old)
        with freeze_time("2026-11-02 10:00:00"):
            self.assertEqual(new.escalation_next_date, day("11-03"))
            self.assertIn("today's 2 automatic messages are used up", new.escalation_reason)
        self.assertEqual(self.plan._run(day("11-03")).move_ids, new)

    def test_all_plans_together(self):
        self._create_invoices(self.plan)
        self.plan._run(MONDAY)
        other = self._create_plan(self._step(1))
        self._create_invoice(day("10-16"), other)
        self.assertFalse(other._run(MONDAY))
        self.assertTrue(other._run(day("11-03")))

    def test_a_withdrawn_message_makes_room(self):
        moves = self._create_invoices(self.plan)
        self.plan._run(MONDAY)
        self._pay(moves[2])
        self.assertEqual(self.plan._run(MONDAY).move_ids, moves[0])

    def test_persons_are_not_limited(self):
        plan = self._create_plan(self._step(1, needs_review=True), self._step(1, "call"))
        self._create_invoices(plan)
        self.assertEqual(len(plan._run(MONDAY)), 6)

    def test_what_is_always_reviewed_is_not_counted(self):
        self.customers[2].escalation_always_review = True
        self._create_invoices(self.plan)
        self.assertEqual(len(self.plan._run(MONDAY)), 3)

    def test_looks_are_put_off_by_as_many_a_day(self):
        plan = self._create_customer_plan(self._step(1), interval_type="months", partner=self.customers[0])
        for partner in self.customers[1:]:
            partner.escalation_plan_id = plan
        self.company.escalation_max_messages = 1
        new, middle, old = self._create_invoices()
        followups = plan._run(MONDAY)
        self.assertEqual(
            {followup.move_ids: (followup.date, followup.state) for followup in followups},
            {old: (MONDAY, "done"), middle: (day("11-03"), "queued"), new: (day("11-04"), "queued")},
        )
        for today in ("11-03", "11-04"):
            self._process_on(day(today))
        self.assertEqual(followups.sorted("date").mapped("date_done"), [MONDAY, day("11-03"), day("11-04")])
        self.assertFalse(plan._run(day("11-03")), "nothing twice")

    def test_off(self):
        self.company.escalation_max_messages = 0
        self._create_invoices(self.plan)
        self.assertEqual(len(self.plan._run(MONDAY)), 3)
