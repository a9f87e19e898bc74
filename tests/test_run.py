"""The run on real invoices: the worked examples through READ, DECIDE, RECORD and DO."""

from datetime import timedelta

from odoo.exceptions import ValidationError

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class TestRun(EscalationCommon):
    def _run_until(self, plan, last, first=MONDAY):
        for offset in range((last - first).days + 1):
            plan._run(first + timedelta(days=offset))

    def test_late_invoice_takes_the_steps_one_by_one(self):
        plan = self._create_plan(*[self._step(days) for days in (1, 7, 10, 15)], min_contact_days=5)
        move = self._create_invoice(day("10-16"), plan)
        self._run_until(plan, day("11-30"))
        self.assertEqual(self._days_of(move), [day("11-02"), day("11-09"), day("11-16"), day("11-23")])
        self.assertEqual(set(self._followups_of(move).mapped("state")), {"done"})
        self.assertEqual(move.escalation_last_date, day("11-23"))

    def test_contextual_plan_takes_the_step_that_fits(self):
        plan = self._create_plan(*[self._step(days) for days in (1, 7, 10, 15)], logic="contextual")
        move = self._create_invoice(day("10-16"), plan)
        self._run_until(plan, day("11-30"))
        self.assertEqual(self._days_of(move), [MONDAY])
        self.assertEqual(self._followups_of(move).step_id.days, 15)

    def test_last_step_repeats_until_payment(self):
        plan = self._create_plan(self._step(-5), self._step(3, repeat_days=30))
        move = self._create_invoice(day("11-20"), plan)
        self._run_until(plan, day("12-30"))
        self._empty_mail_queue()
        self._pay(move, on=day("12-30"))
        self._run_until(plan, day("2027-02-05"), first=day("2027-01-20"))
        self.assertEqual(self._days_of(move), [day("11-13"), day("11-23"), day("12-23")])

    def test_public_holiday_moves_forward(self):
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": self.company.resource_calendar_id.id,
                "company_id": self.company.id,
                "date_from": "2026-11-02 00:00:00",
                "date_to": "2026-11-02 23:00:00",
            }
        )
        plan = self._create_plan(self._step(1))
        move = self._create_invoice(day("10-16"), plan)
        self._run_until(plan, day("11-05"))
        self.assertEqual(self._days_of(move), [day("11-03")])

    def test_calendar_without_working_days_is_not_believed(self):
        self.company.resource_calendar_id.attendance_ids.unlink()
        plan = self._create_plan(self._step(1))
        move = self._create_invoice(day("10-16"), plan)
        plan._run(MONDAY)
        self.assertEqual(self._days_of(move), [MONDAY])

    def test_days_off_near_and_far(self):
        """Known for a year back and two years ahead; later ones count as working days."""
        is_free = self.company._escalation_get_is_free(MONDAY)
        for days in range(-366, 732):
            date = MONDAY + timedelta(days=days)
            self.assertEqual(is_free(date), date.weekday() >= 5, date)
        self.assertFalse(is_free(MONDAY + timedelta(days=5 + 7 * 110)))

    def test_running_twice_on_a_day_says_nothing_twice(self):
        plan = self._create_plan(self._step(1), self._step(2))
        move = self._create_invoice(day("10-16"), plan)
        self.assertEqual(len(plan._run(MONDAY)), 1)
        self.assertFalse(plan._run(MONDAY))
        self.assertEqual(self._days_of(move), [MONDAY])

    def test_email_and_letter_of_one_day_go_together(self):
        self.customer.email = False
        plan = self._create_plan(self._step(10), self._step(10, "letter"), min_contact_days=7)
        self._create_invoice(day("10-23"), plan)
        followups = plan._run(MONDAY)
        self.assertRecordValues(
            followups.sorted("channel"),
            [
                {"channel": "email", "state": "failed", "reason": "no_recipient"},
                {"channel": "letter", "state": "todo", "reason": "due"},
            ],
        )

    def test_today_is_the_companys_by_default(self):
        plan = self._create_plan(self._step(1), workdays_only=False)
        self._create_invoice(day("10-16"), plan)
        self.assertEqual(plan._run().date, self.company._escalation_today())


class TestWho(EscalationCommon):
    """Rule 1: who is followed up, and the reason for each who is not."""

    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1), min_amount=5.0)

    def _assert_not_followed(self, move, reason):
        self.assertFalse(self.plan._run(MONDAY))
        self.assertFalse(move.escalation_next_date)
        self.assertIn(reason, move.escalation_reason)

    def test_paid(self):
        move = self._create_invoice(day("10-16"), self.plan)
        self._pay(move)
        self._assert_not_followed(move, "payment is on its way" if move.payment_state == "in_payment" else "Paid")

    def test_in_payment_although_the_amount_is_open(self):
        move = self._create_invoice(day("10-16"), self.plan)
        self._pay_without_entries()
        self._pay(move)
        self.assertRecordValues(move, [{"payment_state": "in_payment", "amount_residual": 100.0}])
        self._assert_not_followed(move, "payment is on its way")

    def test_reversed(self):
        move = self._create_invoice(day("10-16"), self.plan)
        move._reverse_moves(cancel=True)
        self.assertEqual(move.payment_state, "reversed")
        self._assert_not_followed(move, "Reversed")

    def test_blocked(self):
        move = self._create_invoice(day("10-16"), self.plan)
        self.env.cr.execute("UPDATE account_move SET payment_state = 'blocked' WHERE id = %s", [move.id])
        move.invalidate_recordset()
        self._assert_not_followed(move, "Blocked")

    def test_excluded(self):
        move = self._create_invoice(day("10-16"), self.plan)
        move.no_followup = True
        self._assert_not_followed(move, "Excluded")

    def test_draft(self):
        move = self._create_invoice(day("10-16"), self.plan)
        move.button_draft()
        self._assert_not_followed(move, "Not posted")

    def test_what_no_plan_asks_for_any_more_is_found(self):
        move = self._create_invoice(day("10-16"), self.plan)
        over = [("id", "=", move.id), ("escalation_is_over", "=", True)]
        self.assertFalse(move.search(over))
        self.plan._run(MONDAY)
        self.assertTrue(move.escalation_is_over)
        self.assertEqual(move.search(over), move)
        self._pay(move)
        self.assertFalse(move.search(over))

    def test_small_amount(self):
        move = self._create_invoice(day("10-16"), self.plan, amount=5.0)
        self._assert_not_followed(move, "minimum")

    def test_archived_plan(self):
        move = self._create_invoice(day("10-16"), self.plan)
        self.plan.active = False
        self._assert_not_followed(move, "archived")

    def test_credit_note_is_refused_a_plan(self):
        refund = self._create_invoice(day("10-16"), move_type="out_refund")
        with self.assertRaisesRegex(ValidationError, "Only customer invoices"):
            refund.escalation_plan_id = self.plan

    def test_partly_paid_goes_on(self):
        move = self._create_invoice(day("10-16"), self.plan)
        self._pay(move, 40.0)
        followup = self.plan._run(MONDAY)
        self.assertEqual(followup.line_ids.amount_residual, 60.0)
        self.assertEqual(followup.amount_residual, 60.0)


class TestInstalments(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1), self._step(7), self._step(30))
        self.move = self._create_instalments(
            day("10-16"), day("10-26"), day("11-16"), day("12-16"), issued=day("10-01"), plan=self.plan
        )

    def test_the_earliest_dates_the_invoice_and_all_overdue_are_listed(self):
        followup = self.plan._run(MONDAY)
        self.assertRecordValues(
            followup.line_ids.sorted("instalment"),
            [
                {"instalment": 1, "is_subject": True, "amount_residual": 100.0},
                {"instalment": 2, "is_subject": False, "amount_residual": 100.0},
            ],
        )
        self.assertIn("200.00", followup.total_due)

    def test_the_next_one_starts_afresh(self):
        self._run_days(self.plan, MONDAY, day("11-03"))
        self._pay(self.move, 200.0)  # the first two
        self.assertFalse(self.plan._run(day("11-16")))
        followup = self.plan._run(day("11-17"))
        self.assertEqual((followup.step_id.days, followup.line_ids.instalment), (1, 3))

    def test_what_was_listed_has_taken_the_step(self):
        self._run_days(self.plan, MONDAY)
        self._empty_mail_queue()
        self._pay(self.move, 100.0)
        followup = self.plan._run(day("11-03"))
        self.assertEqual((followup.step_id.days, followup.line_ids.instalment), (7, 2))

    def test_reset_to_draft_keeps_the_history(self):
        self.plan._run(MONDAY)
        self._empty_mail_queue()
        self.move.button_draft()
        self.move.action_post()
        self.assertFalse(self.plan._run(MONDAY))
        followup = self.plan._run(day("11-03"))
        self.assertEqual((followup.step_id.days, len(followup.line_ids)), (7, 2))


class TestGrouping(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1), self._step(10))

    def test_same_step_and_day_share_a_message(self):
        moves = [self._create_invoice(day("10-16"), self.plan), self._create_invoice(day("10-19"), self.plan)]
        followup = self.plan._run(MONDAY)
        self.assertEqual(set(followup.move_ids), set(moves))
        self.assertEqual(len(followup.mail_message_id), 1)
        self.assertEqual(followup.amount_residual, 200.0)

    def test_nobody_waits_for_another(self):
        old = self._create_invoice(day("10-16"), self.plan)
        self.plan._run(MONDAY)
        new = self._create_invoice(day("10-30"), self.plan)
        followups = self.plan._run(day("11-03"))
        self.assertEqual({f.move_ids: f.step_id.days for f in followups}, {old: 10, new: 1})

    def test_ungrouped_plan_sends_one_message_each(self):
        self.plan.group_by_customer = False
        self._create_invoice(day("10-16"), self.plan)
        self._create_invoice(day("10-19"), self.plan)
        self.assertEqual(len(self.plan._run(MONDAY)), 2)

    def test_what_a_person_takes_out_returns_to_its_plan_alone(self):
        self.plan.step_ids.needs_review = True
        kept, out = self._create_invoice(day("10-16"), self.plan), self._create_invoice(day("10-16"), self.plan)
        followup = self.plan._run(MONDAY)
        followup.line_ids.filtered(lambda line: line.move_id == out).action_take_out()
        self.assertEqual((followup.state, self._listed(followup)), ("todo", kept))
        self.assertNotIn(out.name, followup.items_table)
        again = self.plan._run(day("11-03"))
        self.assertEqual((self._listed(again), again.step_id), (out, followup.step_id))

    def test_what_was_taken_out_was_not_asked_for(self):
        """Not even once the message has left: its own step need not wait for the minimum delay."""
        self.plan.step_ids.needs_review = True
        self.plan.min_contact_days = 10
        kept, out = self._create_invoice(day("10-16"), self.plan), self._create_invoice(day("10-16"), self.plan)
        followup = self.plan._run(MONDAY)
        followup.line_ids.filtered(lambda line: line.move_id == out).action_take_out()
        followup._to_act()._send_checked()
        self.assertTrue(kept.escalation_last_date)
        self.assertFalse(out.escalation_last_date)
        self.assertEqual(self._listed(self.plan._run(day("11-03"))), out)

    def test_what_is_left_out_of_a_second_try_was_not_asked_for_by_it(self):
        """A letter that was marked as posted by mistake, and is posted without one of its invoices."""
        plan = self._create_plan(self._step(1, "letter", template_id=False))
        other = self._create_plan(self._step(1), min_contact_days=10)
        out, kept = self._create_invoice(day("10-16"), plan), self._create_invoice(day("10-16"), plan)
        letter = plan._run(MONDAY)
        letter.action_mark_sent()
        out.escalation_plan_id = other
        letter.action_retry()
        letter.action_mark_sent()
        self.assertEqual(self._listed(letter), kept)
        self.assertTrue(kept.escalation_last_date)
        self.assertFalse(out.escalation_last_date)

    def test_a_step_that_changes_does_not_change_what_was_said(self):
        plan = self._create_plan(self._step(1, to_internal=True), self._step(2), min_contact_days=10)
        move = self._create_invoice(day("10-16"), plan)
        plan._run(MONDAY)
        self._empty_mail_queue()
        plan.step_ids[0].to_customer = False
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(move.escalation_last_date, MONDAY)
        self.assertFalse(plan._run(day("11-03")), "the minimum delay")

    def test_texts_cite_only_what_the_customer_got(self):
        self.customer.escalation_internal_user_ids = self.env.user
        plan = self._create_plan(self._step(1, to_internal=True, to_customer=False), self._step(2), self._step(3))
        self._create_invoice(day("10-16"), plan)
        plan._run(MONDAY)
        self.assertFalse(plan._run(day("11-03")).previous_reminders)
        self.assertEqual(plan._run(day("11-04")).previous_reminders, "11/03/2026")

    def test_found_by_the_last_contact(self):
        early, late = self._create_invoice(day("10-16")), self._create_invoice(day("10-16"))
        never = self._create_invoice(day("10-16"))
        self._contact(early, day("10-19"))
        self._contact(early, day("10-20"))
        self._contact(late, MONDAY)
        moves = early | late | never
        for operator, value, found in (
            ("=", day("10-20"), early),
            ("=", day("10-19"), never.browse()),
            ("<", MONDAY, early),
            (">=", day("10-20"), early | late),
            ("=", False, never),
            ("!=", False, early | late),
            ("in", [day("10-20"), False], early | never),
        ):
            with self.subTest(operator=operator, value=value):
                domain = [("escalation_last_date", operator, value), ("id", "in", moves.ids)]
                self.assertEqual(self.env["account.move"].search(domain), found)

    def test_customers_are_never_mixed(self):
        other = self._create_customer("Other")
        self._create_invoice(day("10-16"), self.plan)
        self._create_invoice(day("10-16"), self.plan, partner=other)
        followups = self.plan._run(MONDAY)
        self.assertEqual(followups.mapped("recipient_ids"), self.customer | other)
        for followup in followups:
            self.assertEqual(followup.move_ids.partner_id, followup.partner_id)
            self.assertEqual(followup.mail_message_id.notified_partner_ids, followup.partner_id)

    def test_contacts_of_one_customer_share_by_commercial_partner(self):
        contact = self._create_customer("Branch", parent_id=self.customer.id, is_company=False, type="invoice")
        self._create_invoice(day("10-16"), self.plan)
        self._create_invoice(day("10-16"), self.plan, partner=contact)
        followup = self.plan._run(MONDAY)
        self.assertEqual(followup.partner_id, self.customer)
        self.assertEqual(followup.recipient_ids, self.customer | contact)

    def test_statement_lists_all_overdue_items_of_the_customer(self):
        plan = self._create_plan(self._step(10, tone="statement"))
        trigger = self._create_invoice(day("10-20"), plan)
        other_plan = self._create_invoice(day("10-30"), self.plan)
        no_plan = self._create_invoice(day("10-01"))
        self._create_invoice(day("11-30"))  # not overdue
        self._create_invoice(day("10-01")).no_followup = True
        credit = self._create_invoice(day("10-30"), move_type="out_refund", amount=30.0)
        followup = plan._run(MONDAY)
        self.assertEqual(followup.move_ids, trigger | other_plan | no_plan | credit)
        self.assertEqual(followup.line_ids.filtered("is_subject").move_id, trigger)
        self.assertIn("270.00", followup.total_due)
        self.assertEqual(other_plan.escalation_last_date, MONDAY)
