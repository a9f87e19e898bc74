"""Customer plans on real invoices: one message for all that a customer owes, in the plan's rhythm."""

from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import ValidationError
from odoo.tests import new_test_user

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class CustomerCase(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_customer_plan(self._step(10), self._step(40))

    def _run_until(self, plan, last, first=MONDAY):
        """Run each day, as somebody who deals with everything at once; the days and what was listed."""
        answers = []
        for number in range(last.toordinal() - first.toordinal() + 1):
            for followup in plan._run(first.fromordinal(first.toordinal() + number)):
                self._empty_mail_queue()
                answers.append((followup.date, followup.step_id.days, set(self._listed(followup))))
        return answers


class TestCustomerExamples(CustomerCase):
    """The worked examples of the design, through READ, DECIDE, RECORD and DO."""

    def test_one_story(self):
        old, new = self._create_invoice(day("10-20")), self._create_invoice(day("10-28"))
        self.assertEqual(self._run_until(self.plan, day("11-03")), [(MONDAY, 10, {old, new})])
        self._pay(old, on=day("11-04"))
        third = self._create_invoice(day("11-09"))
        fourth = self._create_invoice(day("12-09"))
        self.assertEqual(
            self._run_until(self.plan, day("12-31"), day("11-04")),
            [(day("12-07"), 40, {new, third}), (day("12-21"), 10, {new, third, fourth})],
        )

    def test_oldest_on_hold_and_back(self):
        old, new = self._create_invoice(day("10-20")), self._create_invoice(day("10-28"))
        self._run_until(self.plan, day("11-02"))
        old.write({"escalation_hold": "pause", "escalation_hold_until": day("11-20")})
        self.assertEqual(
            self._run_until(self.plan, day("12-31"), day("11-03")),
            [(day("11-30"), 40, {old, new})],
            "nothing restarts: the other one was listed too",
        )

    def test_exhausted(self):
        self._create_invoice(day("10-01"))
        self.assertEqual(
            [days for _day, days, _moves in self._run_until(self.plan, day("11-30"))], [10, 40], "one a look"
        )
        with freeze_time("2026-12-01 10:00:00"):
            self.assertIn("All steps of the plan are taken", self.customer.escalation_reason)

    def test_repeated_until_paid(self):
        plan = self._create_customer_plan(self._step(10, repeat_days=14))
        self._create_invoice(day("10-20"))
        days = [sent for sent, _days, _moves in self._run_until(plan, day("12-01"))]
        self.assertEqual(days, [MONDAY, day("11-16"), day("11-30")])


class TestCustomerMessage(CustomerCase):
    def test_one_message_for_all(self):
        moves = [self._create_invoice(day(due), amount=amount) for due, amount in (("10-20", 100.0), ("10-28", 50.0))]
        followup = self.plan._run(MONDAY)
        self.assertRecordValues(
            followup,
            [{"state": "done", "channel": "email", "partner_id": self.customer.id, "recipient_ids": self.customer.ids}],
        )
        self.assertEqual([line.move_id for line in followup.line_ids.filtered("is_subject")], moves[:1])
        self.assertEqual(set(self._listed(followup)), set(moves))
        self.assertEqual(len(self._mails_of(followup)), 1)
        self.assertIn("150.00", followup.total_due)
        self.assertEqual({move.escalation_last_date for move in moves}, {MONDAY})

    def test_one_call(self):
        plan = self._create_customer_plan(self._step(10, "call"), responsible_id=self.env.user.id)
        moves = self._create_invoice(day("10-20")) | self._create_invoice(day("10-28"))
        call = plan._run(MONDAY)
        self.assertEqual((call.state, self._listed(call)), ("todo", moves))
        self.assertRecordValues(
            call.activity_id,
            [{"res_model": "res.partner", "res_id": self.customer.id, "user_id": self.env.user.id}],
        )
        call.activity_id.action_feedback("Pays on Friday")
        self.assertRecordValues(call, [{"state": "done", "reason_detail": "Pays on Friday"}])

    def test_one_letter(self):
        plan = self._create_customer_plan(self._step(10, "letter", template_id=False))
        moves = self._create_invoice(day("10-20")) | self._create_invoice(day("10-28"))
        letter = plan._run(MONDAY)
        self.assertEqual((letter.state, self._listed(letter)), ("todo", moves))
        self.assertTrue(letter.attachment_ids.raw.startswith(b"%PDF"))

    def test_reviewed(self):
        plan = self._create_customer_plan(self._step(10, needs_review=True))
        one, two = self._create_invoice(day("10-20")), self._create_invoice(day("10-20"))
        followup = plan._run(MONDAY)
        self.assertEqual(followup.state, "todo")
        followup.line_ids.filtered(lambda line: line.move_id == one).action_take_out()
        self.assertEqual((followup.state, self._listed(followup)), ("todo", two))
        with self.mock_mail_gateway():
            action = followup.action_send()
            self._open_wizard(action)._action_send_mail()
        self.assertEqual(followup.state, "done")
        self.assertNotIn(one.name, followup.mail_message_id.body)

    def test_open_message_blocks_the_next_look(self):
        plan = self._create_customer_plan(self._step(1, needs_review=True), self._step(2))
        self._create_invoice(day("10-20"))
        plan._run(MONDAY)
        self.assertFalse(plan._run(day("11-09")))

    def test_contacts_with_invoices_of_their_own(self):
        contact = self._create_customer("Branch", parent_id=self.customer.id, is_company=False, type="other")
        own = self._create_invoice(day("10-20"), partner=contact)
        main = self._create_invoice(day("10-20"))
        followup = self.plan._run(MONDAY)
        self.assertEqual((followup.partner_id, self._listed(followup)), (self.customer, own | main))
        self.assertIn(followup, self.customer.escalation_followup_ids)

    def test_plan_of_a_contact_does_not_count(self):
        contact = self._create_customer("Branch", parent_id=self.customer.id, is_company=False)
        self.customer.escalation_plan_id = False
        contact.escalation_plan_id = self.plan
        self._create_invoice(day("10-20"), partner=contact)
        self.assertFalse(self.plan._run(MONDAY))

    def test_two_companies_share_a_customer(self):
        plan = self._create_plan(
            self._step(10), company_id=self.other_company.id, level="customer", next_run_date=MONDAY
        )
        self.customer.with_company(self.other_company).escalation_plan_id = plan
        ours = self._create_invoice(day("10-20"))
        theirs = self._create_invoice(day("10-20"), company_id=self.other_company.id)
        self.assertEqual(self._listed(self.plan._run(MONDAY)), ours)
        followup = plan._run(MONDAY)
        self.assertEqual((self._listed(followup), followup.company_id), (theirs, self.other_company))
        self.assertEqual(self.customer.escalation_plan_id, self.plan)
        customer = self.customer.with_context(allowed_company_ids=self.company.ids)
        self.assertEqual(customer.escalation_followup_count, 1)

    def test_opening_balance(self):
        balance = self._create_opening_balance(300.0)
        self.assertFalse(self.plan._run(MONDAY), "core excludes lines of general journals")
        balance.line_ids.no_followup = False
        self.plan.next_run_date = MONDAY
        followup = self.plan._run(MONDAY)
        self.assertEqual((self._listed(followup), followup.state), (balance, "done"))
        self.assertIn("Balance of the old books", followup.mail_message_id.body)
        self.assertIn("300.00", followup.total_due)

    def test_opening_balance_is_followed_up_by_a_button(self):
        """In the customer's open items."""
        self.plan.step_ids.needs_review = True
        balance, move = self._create_opening_balance(300.0), self._create_invoice(day("10-20"))
        line = self.customer.escalation_line_ids.filtered("no_followup")
        self.assertEqual(line.move_id, balance)
        biller = new_test_user(self.env, "biller", "account.group_account_invoice")
        line.with_user(biller).action_escalation_follow_up()
        self.assertIn(f"{line.display_name}: Followed up again.", self.customer.message_ids[0].body)
        followup = self.plan._run(MONDAY)
        self.assertEqual((self._listed(followup), followup.state), (balance | move, "todo"))
        line.with_user(biller).action_escalation_exclude()
        self.assertIn(f"{line.display_name}: Excluded from follow-ups.", self.customer.message_ids[0].body)
        self.assertEqual((self._listed(followup), followup.state), (move, "todo"))
        move.line_ids.filtered("date_maturity").action_escalation_exclude()
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "excluded"}])
        self.assertIn("Excluded from follow-ups.", move.message_ids[0].body)

    def test_opening_balance_has_no_pdf_to_attach(self):
        balance, move = self._create_opening_balance(300.0), self._create_invoice(day("10-20"))
        balance.line_ids.no_followup = False
        self.plan.attach_invoices = True
        followup = self.plan._run(MONDAY)
        self.assertEqual((self._listed(followup), followup.state), (balance | move, "done"))
        self.assertEqual(followup.mail_message_id.attachment_ids, move.invoice_pdf_report_id)


class TestCustomerRhythm(CustomerCase):
    def test_looks_on_its_days_only(self):
        self._create_invoice(day("10-25"))
        self.assertFalse(self._run_days(self.plan, MONDAY, day("11-04"), day("11-06")))
        self.assertTrue(self.plan._run(day("11-09")))

    def test_next_run_moves_on_with_the_record(self):
        self.plan.sudo()._record(day("10-30"))
        self.assertEqual(self.plan.next_run_date, MONDAY, "it has not looked yet")
        self.plan.sudo()._record(MONDAY)
        self.assertEqual(self.plan.next_run_date, day("11-09"))

    def test_a_look_that_fails_is_not_lost(self):
        self._create_invoice(day("10-20"))
        registry = self.env.registry["account.escalation.followup"]
        with (
            patch.object(registry, "_record", side_effect=ValueError("odd")),
            self.assertRaises(ValueError),
            self.env.cr.savepoint(),
        ):
            self.plan.sudo()._record(MONDAY)
        self.env.invalidate_all()
        self.assertEqual(self.plan.next_run_date, MONDAY)
        self.assertTrue(self.plan._run(MONDAY))

    def test_missed_looks_make_one_look(self):
        self.plan.write({"next_run_date": day("07-31"), "interval_type": "months"})
        self._create_invoice(day("07-01"))
        self.assertEqual(len(self.plan._run(day("11-04"))), 1)
        self.assertEqual(self.plan.next_run_date, day("11-30"))
        self.assertFalse(self._run_days(self.plan, day("11-05"), day("11-27")))

    def test_the_31st_stays_the_31st(self):
        self.plan.write({"next_run_date": day("08-31"), "interval_type": "months", "workdays_only": False})
        looks = []
        for _look in range(4):
            self.plan._run(self.plan.next_run_date)
            looks.append(self.plan.next_run_date)
        self.assertEqual(looks, [day("09-30"), day("10-31"), day("11-30"), day("12-31")])

    def test_free_day(self):
        self.plan.next_run_date = day("11-07")  # a Saturday
        self._create_invoice(day("10-20"))
        self.assertFalse(self._run_days(self.plan, day("11-07"), day("11-08")))
        self.assertTrue(self.plan._run(day("11-09")))
        self.assertEqual(self.plan.next_run_date, day("11-14"), "counted from the Saturday")

    def test_a_new_first_day_is_the_users(self):
        self.plan._run(MONDAY)
        self.plan.next_run_date = day("11-12")
        self.plan._run(day("11-12"))
        self.assertEqual(self.plan.next_run_date, day("11-19"))

    def test_a_copy_looks_from_the_same_day(self):
        self.plan.next_run_date = day("10-31")
        self.assertRecordValues(
            self.plan.copy(), [{"level": "customer", "next_run_date": day("10-31"), "first_run_date": day("10-31")}]
        )

    def test_nothing_owed_is_said(self):
        self._create_invoice(day("10-28"))
        self.assertFalse(self.plan._run(MONDAY))
        with freeze_time("2026-11-02 10:00:00"):
            self.assertEqual(self.customer.escalation_next_date, day("11-09"))
            self.assertIn("11/09/2026", self.customer.escalation_reason)

    def test_twice_on_a_day(self):
        self._create_invoice(day("09-01"))
        self.assertEqual(len(self.plan._run(MONDAY)), 1)
        self.assertFalse(self.plan._run(MONDAY))
        self.plan.next_run_date = MONDAY
        self.assertFalse(self.plan._run(MONDAY))

    @freeze_time("2026-11-04 10:00:00")
    def test_run_now(self):
        self.plan._run(MONDAY)
        move = self._create_invoice(day("10-20"))
        self.assertFalse(self.plan._run())
        self.plan.action_run()
        self.assertEqual(self._listed(self.plan._run()), move)
        self.assertEqual(self.plan.next_run_date, day("11-09"), "the rhythm stays")
        self.plan.action_run()
        self.assertFalse(self.plan._run(), "nothing twice")


class TestCustomerScope(CustomerCase):
    def test_overdue(self):
        late, today = self._create_invoice(day("10-20")), self._create_invoice(MONDAY)
        later = self._create_invoice(day("11-20"))
        followup = self.plan._run(MONDAY)
        self.assertEqual(self._listed(followup), late)
        self.assertFalse((today | later).escalation_followup_ids)

    def test_unpaid_is_a_block_of_its_own(self):
        self.plan.invoice_scope = "unpaid"
        late, later = self._create_invoice(day("10-20")), self._create_invoice(day("11-20"), amount=50.0)
        followup = self.plan._run(MONDAY)
        self.assertEqual(self._listed(followup), late | later)
        body = followup.mail_message_id.body
        self.assertIn("Not yet due", body)
        self.assertNotIn("150.00", body, "what is not due is not asked for")

    def test_unpaid_before_the_due_date(self):
        plan = self._create_customer_plan(self._step(-5), invoice_scope="unpaid")
        move = self._create_invoice(day("11-06"), issued=day("10-01"))
        self.assertEqual(self._listed(plan._run(MONDAY)), move)

    def test_final_notice_does_not_demand_what_is_not_due(self):
        plan = self._create_customer_plan(self._step(10, tone="final"), invoice_scope="unpaid")
        self._create_invoice(day("10-20"))
        later = self._create_invoice(day("11-20"), amount=50.0)
        followup = plan._run(MONDAY)
        self.assertFalse(followup.line_ids.filtered("is_subject").move_id & later)
        self.assertNotIn("150.00", followup.mail_message_id.body)

    def test_instalments(self):
        move = self._create_instalments(day("10-16"), day("10-26"), day("11-16"), issued=day("10-01"))
        followup = self.plan._run(MONDAY)
        self.assertEqual(followup.line_ids.sorted("instalment").mapped("instalment"), [1, 2])
        self.assertEqual(self._listed(followup), move)

    def test_dated_by_the_latest(self):
        plan = self._create_customer_plan(self._step(1, name="New"), self._step(30), reference_rule="latest")
        self._create_invoice(day("09-01"))
        self._create_invoice(day("10-30"))
        self.assertEqual(plan._run(MONDAY).step_id.name, "New")


class TestCustomerChecks(CustomerCase):
    """Between RECORD and sending things change."""

    def setUp(self):
        super().setUp()
        self.old = self._create_invoice(day("10-20"))

    def test_reference_paid_before_sending(self):
        new = self._create_invoice(day("10-30"))
        followup = self.plan.sudo()._record(MONDAY)
        self.assertEqual(self._listed(followup), self.old | new)
        self._pay(self.old)
        followup._process(MONDAY)
        self.assertEqual(followup.state, "skipped")
        self.assertIn(followup.reason, ("paid", "in_payment"))
        self.assertFalse(followup.line_ids.filtered("counts"), "the other has not taken the step")

    def test_goes_on_if_another_has_reached_the_step(self):
        new = self._create_invoice(day("10-22"))
        followup = self.plan.sudo()._record(MONDAY)
        self._pay(self.old)
        followup._process(MONDAY)
        self.assertEqual((followup.state, self._listed(followup)), ("done", new))
        self.assertNotIn(self.old.name, followup.mail_message_id.body)

    def test_plan_taken_away(self):
        followup = self.plan.sudo()._record(MONDAY)
        self.customer.escalation_plan_id = False
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "plan_changed"}])
        self.assertFalse(self.plan._run(day("11-09")))

    def test_begins_afresh(self):
        self.plan._run(MONDAY)
        self._empty_mail_queue()
        self.customer.escalation_plan_id = self.plan
        self.plan._run(day("11-09"))
        self.assertEqual(self._followups_of(self.old).step_id.mapped("days"), [10])
        self.assertEqual(len(self._followups_of(self.old)), 2)

    def test_archived_plan(self):
        followup = self.plan.sudo()._record(MONDAY)
        self.plan.active = False
        followup._process(MONDAY)
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "plan_changed"}])
        self.assertIn("archived", self.customer.escalation_reason)

    def test_hold_put_on_the_customer_stops_the_email(self):
        followup = self.plan._run(MONDAY)
        mail = self._mails_of(followup)
        self.customer.escalation_hold = "pause"
        self.assertEqual(mail.state, "cancel")
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "hold"}])
        self.assertFalse(self.old.escalation_last_date)

    def test_exclusion_stops_what_waits(self):
        followup = self.plan.sudo()._record(MONDAY)
        self.customer.escalation_no_followup = True
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "excluded"}])


class TestCustomerLeftOut(CustomerCase):
    """Holds and exclusions: left out, the rest goes."""

    def setUp(self):
        super().setUp()
        self.move, self.other = self._create_invoice(day("10-20")), self._create_invoice(day("10-20"), amount=50.0)

    def _assert_rest_goes(self):
        followup = self.plan._run(MONDAY)
        self.assertEqual(self._listed(followup), self.move)
        self.assertNotIn(self.other.name, followup.mail_message_id.body)

    def test_paused(self):
        self.other.escalation_hold = "pause"
        self._assert_rest_goes()

    def test_promised(self):
        self.other.write({"escalation_hold": "promise", "escalation_hold_until": MONDAY})
        self._assert_rest_goes()

    def test_disputed(self):
        self.other.escalation_hold = "dispute"
        self._assert_rest_goes()

    def test_hold_is_over_after_its_last_day(self):
        self.other.write({"escalation_hold": "pause", "escalation_hold_until": day("11-01")})
        self.assertEqual(self._listed(self.plan._run(MONDAY)), self.move | self.other)

    def test_no_followup(self):
        self.other.no_followup = True
        self._assert_rest_goes()

    def test_blocked(self):
        self.other.action_toggle_block_payment()
        self.assertEqual(self.other.payment_state, "blocked")
        self._assert_rest_goes()

    def test_in_payment(self):
        self._pay_without_entries()
        self._pay(self.other)
        self._assert_rest_goes()

    def test_below_the_minimum_is_listed_only(self):
        self.plan.min_amount = 60.0
        followup = self.plan._run(MONDAY)
        self.assertEqual(followup.line_ids.filtered("is_subject").move_id, self.move)
        self.assertEqual(self._listed(followup), self.move | self.other)

    def test_customer_on_hold(self):
        self.customer.write({"escalation_hold": "dispute", "escalation_hold_until": day("11-05")})
        with freeze_time("2026-11-02 10:00:00"):
            self.assertIn("On hold: goes on from 11/09/2026", self.customer.escalation_reason)
        self.assertFalse(self.plan._run(MONDAY))
        self.assertEqual(self._listed(self.plan._run(day("11-09"))), self.move | self.other)

    def test_customer_on_hold_elsewhere(self):
        self.customer.with_company(self.other_company).escalation_hold = "pause"
        self.assertTrue(self.plan._run(MONDAY))

    def test_customer_excluded(self):
        self.customer.escalation_no_followup = True
        self.assertFalse(self.plan._run(MONDAY))
        self.assertIn("Excluded", self.customer.escalation_reason)

    def test_hold_and_exclusion_of_the_customer_count_for_invoice_plans(self):
        plan = self._create_plan(self._step(1))
        self.move.escalation_plan_id = plan
        for values in ({"escalation_hold": "pause"}, {"escalation_no_followup": True}):
            with self.subTest(values):
                self.customer.write(values)
                self.assertFalse(plan._run(MONDAY))
        self.customer.write({"escalation_hold": False, "escalation_no_followup": False})
        self.assertTrue(plan._run(MONDAY))


class TestBesideInvoicePlans(CustomerCase):
    def setUp(self):
        super().setUp()
        self.invoice_plan = self._create_plan(self._step(-5), self._step(20))
        self.planned = self._create_invoice(day("10-20"), self.invoice_plan)
        self.free = self._create_invoice(day("10-20"))

    def test_leaves_out_what_its_own_plan_asks_for(self):
        self.assertEqual(self._listed(self.plan._run(MONDAY)), self.free)

    def test_unless_told_otherwise(self):
        self.plan.leave_out_planned = False
        self.assertEqual(self._listed(self.plan._run(MONDAY)), self.free | self.planned)

    def test_a_courtesy_before_the_due_date_leaves_nothing_out(self):
        self.planned.escalation_plan_id = self._create_plan(self._step(-5))
        self.assertEqual(self._listed(self.plan._run(MONDAY)), self.free | self.planned)

    def test_comes_to_the_customers_plan_once_its_own_is_finished(self):
        self._run_days(self.invoice_plan, MONDAY, day("11-09"))
        self.assertEqual(self._listed(self.plan._run(day("11-16"))), self.free | self.planned)

    def test_nothing_left(self):
        self._pay(self.free)
        self.assertFalse(self.plan._run(MONDAY))
        self.assertIn("Left to the plans of its invoices", self.customer.escalation_reason)


class TestNetPosition(CustomerCase):
    def setUp(self):
        super().setUp()
        self.move = self._create_invoice(day("10-20"))

    def _credit(self, amount):
        return self._create_invoice(day("10-30"), move_type="out_refund", amount=amount)

    def test_credit_note(self):
        credit = self._credit(30.0)
        followup = self.plan._run(MONDAY)
        self.assertEqual(self._listed(followup), self.move | credit)
        self.assertIn("Credits", followup.mail_message_id.body)
        self.assertIn("70.00", followup.total_due)

    def test_unallocated_payment(self):
        payment = self._pay_in(30.0)
        followup = self.plan._run(MONDAY)
        self.assertEqual(self._listed(followup), self.move | payment)
        self.assertIn("70.00", followup.total_due)

    def test_refund_paid_out_is_owed(self):
        refund = self._pay_in(30.0, payment_type="outbound")
        followup = self.plan._run(day("11-09"))
        self.assertEqual(self._listed(followup), self.move | refund)
        self.assertIn("130.00", followup.total_due)

    def test_covered(self):
        self._credit(60.0)
        self._pay_in(40.0)
        self.assertFalse(self.plan._run(MONDAY))
        self.assertIn("open credits cover what is due", self.customer.escalation_reason)

    def test_at_or_below_the_minimum(self):
        self.plan.min_amount = 20.0
        self._credit(80.0)
        self.assertFalse(self.plan._run(MONDAY))
        self.assertIn("minimum", self.customer.escalation_reason)

    def test_credit_that_comes_before_sending_is_listed(self):
        followup = self.plan.sudo()._record(MONDAY)
        payment = self._pay_in(30.0)
        followup._process(MONDAY)
        self.assertEqual((followup.state, self._listed(followup)), ("done", self.move | payment))
        self.assertIn("70.00", followup.mail_message_id.body)

    def test_credit_that_covers_all_withdraws(self):
        followup = self.plan.sudo()._record(MONDAY)
        self._pay_in(100.0)
        followup._process(MONDAY)
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "covered"}])
        self.assertFalse(followup.line_ids.filtered("counts"))

    def test_credit_between_queue_and_sending(self):
        followup = self.plan._run(MONDAY)
        self._pay_in(100.0)
        with self.mock_mail_gateway(), freeze_time("2026-11-02 12:00:00"):
            self._mails_of(followup).send()
        self.assertNotSentEmail()
        self.assertEqual(followup.state, "skipped")

    def test_three_currencies(self):
        euro, pound = (self._use_currency(code) for code in ("EUR", "GBP"))
        self._create_invoice(day("10-20"), amount=200.0, currency_id=euro.id)
        self._create_invoice(day("10-20"), amount=300.0, currency_id=pound.id)
        self._create_invoice(day("10-20"), amount=33.0, currency_id=pound.id)
        followup = self.plan._run(MONDAY)
        self.assertEqual(len(followup.mail_message_id), 1)
        self.assertEqual(followup.total_due.count("+"), 2)
        for total in ("100.00", "200.00", "333.00"):
            self.assertIn(total, followup.total_due)
        self.assertEqual(str(followup.items_table).count("Amount to pay now"), 3)

    def _use_currency(self, code):
        return self.setup_other_currency(code, rates=[("1900-01-01", 2.0)])


class TestCustomerBadInput(EscalationCommon):
    def _assert_refused(self, sentence, **values):
        with self.assertRaisesRegex(ValidationError, sentence):
            self._create_plan(self._step(10), **{"level": "customer", "next_run_date": MONDAY, **values})

    def test_rhythm(self):
        self._assert_refused("must run every", interval_number=0)
        self._assert_refused("must run every", interval_number=-1)
        self._assert_refused("Choose the day", next_run_date=False)
        self._create_plan(self._step(10), interval_number=0, next_run_date=False)

    def test_next_run_cannot_be_emptied(self):
        plan = self._create_customer_plan(self._step(10))
        with self.assertRaisesRegex(ValidationError, "Choose the day"):
            plan.next_run_date = False

    def test_summary_with_triggers(self):
        for step in (self._step(5), self._step(-5), self._step(0, anchor="issue"), self._step(0, repeat_days=7)):
            with self.subTest(step), self.assertRaisesRegex(ValidationError, "no days of their own"):
                self._create_plan(step, level="summary", next_run_date=MONDAY)
        with self.assertRaisesRegex(ValidationError, "an email or a letter"):
            self._create_plan(self._step(0, "call"), level="summary", next_run_date=MONDAY)

    def test_triggers_of_a_plan_made_a_summary(self):
        plan = self._create_customer_plan(self._step(10), partner=self._create_customer("Other"))
        self.env["res.partner"].search([("escalation_plan_id", "=", plan.id)]).escalation_plan_id = False
        with self.assertRaisesRegex(ValidationError, "no days of their own"):
            plan.level = "summary"

    def test_level_of_a_plan_with_history(self):
        plan = self._create_customer_plan(self._step(0))
        self._create_invoice(day("10-20"))
        plan._run(MONDAY)
        self.customer.escalation_plan_id = False
        for level in ("invoice", "summary"):
            with self.subTest(level), self.assertRaisesRegex(ValidationError, "in use"):
                plan.level = level

    def test_level_of_a_plan_with_invoices(self):
        plan = self._create_plan(self._step(10))
        self._create_invoice(day("10-20"), plan)
        with self.assertRaisesRegex(ValidationError, "in use"):
            plan.write({"level": "customer", "next_run_date": MONDAY})

    def test_on_an_invoice(self):
        move = self._create_invoice(day("10-20"))
        with self.assertRaisesRegex(ValidationError, "does not follow up invoices"):
            move.escalation_plan_id = self._create_customer_plan(self._step(10))

    def test_level_of_a_new_plan(self):
        plan = self._create_plan(self._step(10))
        plan.write({"level": "customer", "next_run_date": MONDAY})
        self.assertEqual(plan.level, "customer")


class TestCallAboutOthers(CustomerCase):
    def test_what_was_said_of_opening_balances_is_kept(self):
        plan = self._create_customer_plan(self._step(1, "call"))
        self._create_opening_balance(300.0).line_ids.no_followup = False
        call = plan._run(MONDAY)
        result = self._open_wizard(call.action_open_result(), result="other", note="Looks it up")
        result.action_apply()
        self.assertRecordValues(call, [{"state": "done", "reason_detail": "Looks it up"}])
        self.assertIn("Looks it up", self.customer.message_ids[:1].body)


class TestLastContact(CustomerCase):
    def test_known_before_it_is_in_the_database(self):
        self._create_invoice(day("10-20"))
        followup = self.plan._run(MONDAY)
        self.env.flush_all()
        followup.sudo().date_done = day("11-01")
        self.assertEqual(self.plan._read_customers()[self.customer.id].last_contact, day("11-01"))


class TestOnTheInvoice(CustomerCase):
    def test_says_what_its_customer_s_plan_does(self):
        self.plan.name = "Whole customer"
        move = self._create_invoice(day("10-16"))
        self.assertEqual(move.escalation_customer_status, f"Whole customer: {self.customer.escalation_reason}")
        move.escalation_plan_id = self._create_plan(self._step(1))
        self.assertFalse(move.escalation_customer_status)

    def test_says_nothing_of_a_customer_without_a_plan(self):
        move = self._create_invoice(day("10-16"), partner=self._create_customer("Deco Addict"))
        self.assertFalse(move.escalation_customer_status)
