"""Summaries: a regular statement of account, of all that is open, that asks for what is due and triggers nothing."""

from freezegun import freeze_time

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class TestSummary(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.summary = self._create_summary()

    def _rows(self, followup):
        """{invoice: the block in which the table shows it}, as the email tells it."""
        values = followup.with_context(escalation_today=followup.date)._prepare_items_values(*followup._get_formats())
        names = {move.name: move for move in self._listed(followup)}
        blocks = [block for table in values["tables"] for block in table["blocks"]]
        return {
            names[row["number"]]: block["kind"] for block in blocks for row in block["rows"] if row["number"] in names
        }

    def _ageing(self, followup):
        values = followup.with_context(escalation_today=followup.date)._prepare_items_values(*followup._get_formats())
        return [[float(text.strip("$€\xa0").replace(",", "")) for text in buckets] for buckets in values["ageing"]]

    # --- what it lists -----------------------------------------------------------------------------------------------

    def test_all_that_is_open(self):
        late, later = self._create_invoice(day("10-20")), self._create_invoice(day("12-20"), amount=50.0)
        credit = self._create_invoice(day("10-30"), move_type="out_refund", amount=30.0)
        followup = self.summary._run(MONDAY)
        self.assertEqual(self._rows(followup), {late: "overdue", later: "upcoming", credit: "credit"})
        self.assertFalse(any(followup.line_ids.mapped("is_subject")))
        body = followup.mail_message_id.body
        self.assertIn("Amount to pay now", body)
        self.assertIn("70.00", followup.total_due)
        self.assertIn("Balance of your account", body)
        self.assertIn("120.00", body)

    def test_what_is_due_today_is_not_overdue(self):
        move = self._create_invoice(MONDAY)
        self.assertEqual(self._rows(self.summary._run(MONDAY)), {move: "upcoming"})

    def test_promised_and_disputed_are_shown_and_not_asked_for(self):
        asked = self._create_invoice(day("10-20"))
        promised, disputed = (self._create_invoice(day("10-20"), amount=amount) for amount in (20.0, 3.0))
        promised.write({"escalation_hold": "promise", "escalation_hold_until": day("2099-11-20")})
        disputed.escalation_hold = "dispute"
        followup = self.summary._run(MONDAY)
        self.assertEqual(self._rows(followup), {asked: "overdue", promised: "promise", disputed: "dispute"})
        self.assertIn("Payment promised", followup.mail_message_id.body)
        self.assertIn("Disputed", followup.mail_message_id.body)
        self.assertIn("100.00", followup.total_due)
        self.assertIn("123.00", followup.mail_message_id.body, "the balance")

    def test_what_is_disputed_while_the_summary_waits_is_not_asked_for(self):
        move = self._create_invoice(day("10-20"))
        self._create_invoice(day("10-20"), amount=20.0)
        with freeze_time("2026-11-02 10:00:00"):
            followup = self.summary._run()
            move.escalation_hold = "dispute"
            self.env.invalidate_all()  # the queue is sent later
            with self.mock_mail_gateway():
                self._mails_of(followup).send()
        first, again = self._mails_of(followup)
        self.assertEqual((first.state, again.state, self._mails), ("cancel", "outgoing", []))
        self.assertNotIn("Disputed", first.body_html)
        self.assertIn("Disputed", again.body_html)

    def test_a_promise_that_is_over_is_asked_for(self):
        move = self._create_invoice(day("10-20"))
        move.write({"escalation_hold": "promise", "escalation_hold_until": day("11-01")})
        self.assertEqual(self._rows(self.summary._run(MONDAY)), {move: "overdue"})

    def test_nothing_is_asked_for_of_a_customer_who_disputes(self):
        move = self._create_invoice(day("10-20"))
        self.customer.escalation_hold = "dispute"
        followup = self.summary._run(MONDAY)
        self.assertEqual(self._rows(followup), {move: "dispute"})
        self.assertIn("0.00", followup.total_due)

    def test_paused_and_excluded_are_left_out(self):
        asked, paused, excluded, blocked = (self._create_invoice(day("10-20")) for _number in range(4))
        paused.escalation_hold = "pause"
        excluded.no_followup = True
        blocked.action_toggle_block_payment()
        self.assertEqual(self._rows(self.summary._run(MONDAY)), {asked: "overdue"})

    def test_customer_paused_or_excluded(self):
        self._create_invoice(day("10-20"))
        for name, value in (("escalation_hold", "pause"), ("escalation_no_followup", True)):
            with self.subTest(name):
                self.customer[name] = value
                self.summary.next_run_date = MONDAY
                self.assertFalse(self.summary._run(MONDAY))
                self.customer[name] = False

    def test_ageing(self):
        dues = ("11-02", "11-01", "10-03", "10-02", "09-02", "08-04", "08-03", "2025-01-01")
        for number, due in enumerate(dues):  # 0, 1, 30, 31, 61, 90, 91 and more days
            self._create_invoice(day(due), amount=float(10**number) / 10, issued=day("2025-01-01"))
        self._create_invoice(day("10-30"), move_type="out_refund", amount=30.0)
        followup = self.summary._run(MONDAY)
        self.assertEqual(self._ageing(followup), [[0.1, 11.0, 100.0, 11000.0, 1100000.0, -30.0, 1111081.1]])
        for title in ("Not due", "1–30 days", "31–60 days", "61–90 days", "Over 90 days"):
            self.assertIn(title, followup.mail_message_id.body)

    def test_ageing_ties_with_the_balance(self):
        """Credits, too, stand in it, but no row for them if there are none."""
        self._create_invoice(day("10-20"), amount=2540.5)
        body = self.summary._run(MONDAY).mail_message_id.body
        self.assertNotIn("Credits", body)
        self.assertEqual(body.count("2,540.50"), 5)  # item, amount to pay, balance; bucket, balance
        self._create_invoice(day("10-30"), move_type="out_refund", amount=100.0)
        followup = self.summary._run(day("11-09"))
        [buckets] = self._ageing(followup)
        self.assertEqual(sum(buckets[:-1]), buckets[-1])
        self.assertEqual(followup.mail_message_id.body.count("2,440.50"), 3)  # amount to pay; balance, twice

    def test_each_currency_by_itself(self):
        currency = self.setup_other_currency("EUR", rates=[("1900-01-01", 2.0)])
        self._create_invoice(day("10-20"))
        self._create_invoice(day("10-20"), amount=200.0, currency_id=currency.id)
        followup = self.summary._run(MONDAY)
        self.assertEqual(sorted(buckets[-1] for buckets in self._ageing(followup)), [100.0, 200.0])
        self.assertEqual(str(followup.items_table).count("Amount to pay now"), 2)

    def test_nothing_due_yet(self):
        self._create_invoice(day("12-20"))
        followup = self.summary._run(MONDAY)
        self.assertEqual(followup.state, "done")
        self.assertRegex(followup.total_due, r"\b0\.00")
        self.assertIn("100.00", followup.mail_message_id.body)

    def test_credits_only(self):
        self._create_invoice(day("10-30"), move_type="out_refund", amount=30.0)
        self.assertRegex(self.summary._run(MONDAY).total_due, r"\b0\.00", "never a negative amount to pay")

    def test_nothing_open(self):
        move = self._create_invoice(day("10-20"))
        self._pay(move)
        self.assertFalse(self.summary._run(MONDAY))

    # --- what it is --------------------------------------------------------------------------------------------------

    def test_is_no_contact(self):
        move = self._create_invoice(day("10-30"))
        plan = self._create_customer_plan(self._step(3), min_contact_days=5, interval_type="days", workdays_only=False)
        self.summary._run(MONDAY)
        self.assertFalse(move.escalation_last_date)
        self.assertEqual(self._listed(plan._run(MONDAY)), move)
        self.assertEqual(move.escalation_last_date, MONDAY)

    def test_takes_no_step(self):
        plan = self._create_plan(self._step(10))
        move = self._create_invoice(day("10-20"), plan)
        self.summary._run(MONDAY)
        self.assertEqual(self._listed(plan._run(MONDAY)), move)

    def test_letter(self):
        summary = self._create_summary("letter")
        summary.step_ids.template_id = False
        move = self._create_invoice(day("10-20"))
        letter = summary._run(MONDAY)
        self.assertEqual((letter.state, self._listed(letter)), ("todo", move))
        self.assertTrue(letter.attachment_ids.raw.startswith(b"%PDF"))
        letter.action_mark_sent()
        self.assertEqual(letter.state, "done")
        self.assertFalse(move.escalation_last_date)

    def test_several_steps(self):
        self.summary.step_ids.copy({"channel": "letter", "template_id": False})
        self._create_invoice(day("10-20"))
        self.assertEqual(sorted(self.summary._run(MONDAY).mapped("channel")), ["email", "letter"])

    def test_ready_text(self):
        self.summary.step_ids.template_id = self.env.ref("account_escalation.mail_template_summary")
        move = self._create_invoice(day("10-20"))
        mail = self._mails_of(self.summary._run(MONDAY))
        self.assertIn("Statement of account", mail.subject)
        self.assertIn(move.name, mail.body_html)

    # --- when --------------------------------------------------------------------------------------------------------

    def test_once_a_day_and_again_at_the_next_look(self):
        self._create_invoice(day("10-20"))
        self.assertEqual(len(self.summary._run(MONDAY)), 1)
        self.summary.next_run_date = MONDAY
        self.assertFalse(self._run_days(self.summary, MONDAY, day("11-03")))
        self.assertEqual(len(self.summary._run(day("11-09"))), 1)

    def test_twice_on_a_day_by_hand(self):
        move = self._create_invoice(day("10-20"))
        with freeze_time("2026-11-04 10:00:00"):
            for _time in range(2):
                self.summary.action_run()
                self.summary._run()
        self.assertEqual(len(self._followups_of(move)), 1)

    def test_what_comes_next_is_said(self):
        self._create_invoice(day("10-20"))
        with freeze_time("2026-11-02 10:00:00"):
            self.summary._run()
            self.assertEqual(self.customer.escalation_next_date, day("11-09"))
            self.assertIn("11/09/2026", self.customer.escalation_summary_reason)

    def test_paid_before_sending(self):
        move, other = self._create_invoice(day("10-20")), self._create_invoice(day("10-20"))
        followup = self.summary.sudo()._record(MONDAY)
        self._pay(move)
        followup._process(MONDAY)
        self.assertEqual((followup.state, self._listed(followup)), ("done", other))

    def test_all_paid_before_sending(self):
        move = self._create_invoice(day("10-20"))
        followup = self.summary.sudo()._record(MONDAY)
        self._pay(move)
        followup._process(MONDAY)
        self.assertEqual(followup.state, "skipped")

    def test_summary_taken_away(self):
        self._create_invoice(day("10-20"))
        followup = self.summary.sudo()._record(MONDAY)
        self.customer.escalation_summary_plan_id = False
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "plan_changed"}])

    # --- beside other plans ------------------------------------------------------------------------------------------

    def test_beside_a_customer_plan_and_an_invoice_plan(self):
        invoice_plan = self._create_plan(self._step(10))
        customer_plan = self._create_customer_plan(self._step(10))
        planned, free = self._create_invoice(day("10-20"), invoice_plan), self._create_invoice(day("10-20"))
        told = {plan: self._listed(plan._run(MONDAY)) for plan in (self.summary, customer_plan, invoice_plan)}
        self.assertEqual(told, {self.summary: planned | free, customer_plan: free, invoice_plan: planned})
        self.assertEqual(self.customer.escalation_followup_count, 3)
