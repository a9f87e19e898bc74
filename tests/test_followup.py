"""States of a follow-up: what takes a step, what gives it back, and what a person can do."""

from unittest.mock import patch

import psycopg2
from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from odoo.addons.account_escalation.models import account_escalation_followup as followup_module
from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class FollowupCase(EscalationCommon):
    def _send_by_hand(self, followup):
        with self.mock_mail_gateway():
            self._open_wizard(followup.action_send())._action_send_mail()

    def _reviewed(self, **values):
        """A plan whose first step is a reviewed email, and an invoice that has reached it."""
        plan = self._create_plan(self._step(1, needs_review=True, **values), self._step(10))
        return plan, self._create_invoice(day("10-16"), plan)


class TestTaking(FollowupCase):
    def test_open_follow_up_blocks_later_steps(self):
        plan, move = self._reviewed()
        self.assertEqual(plan._run(MONDAY).state, "todo")
        self.assertFalse(self._run_days(plan, day("11-03"), day("11-10")))
        self.assertIn("open follow-up", move.escalation_reason)
        self.assertFalse(move.escalation_next_date)

    @freeze_time("2026-11-05 10:00:00")
    def test_sending_lets_the_plan_go_on_after_the_delay(self):
        plan, move = self._reviewed()
        plan.min_contact_days = 5
        self._send_by_hand(plan._run(MONDAY))
        self.assertEqual(move.escalation_last_date, day("11-05"))
        self.assertEqual(move.escalation_next_date, day("11-10"))
        self.assertIn("at least 5 days after the last contact", move.escalation_reason)

    def test_skipped_by_a_person_is_taken_but_no_contact(self):
        plan, move = self._reviewed()
        followup = plan._run(MONDAY)
        followup.action_skip()
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "by_person"}])
        self.assertTrue(followup.line_ids.counts)
        self.assertFalse(move.escalation_last_date)
        self.assertEqual(plan._run(day("11-03")).step_id.days, 10)

    def test_skip_can_be_taken_back(self):
        plan, _move = self._reviewed()
        followup = plan._run(MONDAY)
        followup.action_skip()
        followup.action_retry()
        self.assertEqual(followup.state, "todo")

    def test_skip_is_not_taken_back_after_a_later_step(self):
        plan, _move = self._reviewed()
        followup = plan._run(MONDAY)
        followup.action_skip()
        self.assertEqual(plan._run(day("11-03")).step_id.days, 10)
        with self.assertRaisesRegex(UserError, "later step"):
            followup.action_retry()

    def test_days_are_those_of_the_day_of_sending(self):
        plan = self._create_plan(self._step(1))
        self.customer.email = False
        self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        self.customer.email = "late@example.com"
        with freeze_time("2026-11-12 10:00:00"):
            followup.action_retry()
        self.assertIn("27", followup.mail_message_id.body)

    def test_auto_skip_lets_the_plan_go_on(self):
        plan, _move = self._reviewed(auto_skip_days=3)
        followup = plan._run(MONDAY)
        self.assertFalse(plan._run(day("11-04")))
        self.assertEqual(plan._run(day("11-05")).step_id.days, 10)
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "auto_skip"}])

    def test_repetition_after_auto_skip_comes_on_the_day_that_was_announced(self):
        plan = self._create_plan(self._step(1, needs_review=True, auto_skip_days=3, repeat_days=4))
        move = self._create_invoice(day("10-16"), plan)
        plan._run(MONDAY)
        with freeze_time("2026-11-03 10:00:00"):
            self.assertEqual(move.escalation_next_date, day("11-09"), "skipped on 11-05")
        self.assertFalse(self._run_days(plan, day("11-05"), day("11-06")))
        self.assertTrue(plan._run(day("11-09")))

    def test_withdrawal_by_payment_takes_nothing(self):
        plan, move = self._reviewed()
        followup = plan._run(MONDAY)
        self._pay(move)
        plan._run(day("11-03"))
        self.assertEqual(followup.state, "skipped")
        self.assertIn(followup.reason, ("paid", "in_payment"))
        self.assertFalse(followup.line_ids.counts)

    def test_the_step_comes_again_after_a_withdrawal(self):
        plan, move = self._reviewed()
        followup = plan._run(MONDAY)
        move.no_followup = True
        plan._run(day("11-03"))
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "excluded"}])
        move.no_followup = False
        self.assertEqual(plan._run(day("11-04")).step_id, followup.step_id)

    def test_courtesy_reminder_is_withdrawn_once_the_due_date_has_passed(self):
        plan = self._create_plan(self._step(-3, needs_review=True), self._step(5))
        self._create_invoice(day("11-04"), plan, issued=day("10-01"))
        followup = plan._run(MONDAY)
        plan._run(day("11-04"))
        self.assertEqual(followup.state, "todo")
        plan._run(day("11-05"))
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "passed"}])

    def test_one_of_a_group_can_be_withdrawn_alone(self):
        plan, move = self._reviewed()
        other = self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        self._pay(other)
        plan._run(day("11-03"))
        self.assertEqual(followup.state, "todo")
        self.assertEqual(followup.line_ids.filtered("counts").move_id, move)
        self.assertIn("100.00", followup.total_due)

    def test_small_rest_is_not_asked_for(self):
        plan, move = self._reviewed()
        plan.min_amount = 5.0
        followup = plan._run(MONDAY)
        self._pay(move, 96.0)
        plan._run(day("11-03"))
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "below_min"}])


class TestAfresh(FollowupCase):
    def test_another_plan_begins_anew_and_keeps_the_last_contact(self):
        plan = self._create_plan(self._step(1), self._step(7))
        move = self._create_invoice(day("10-16"), plan)
        self._mails_of(plan._run(MONDAY)).state = "sent"
        other = self._create_plan(self._step(2), min_contact_days=5)
        move.escalation_plan_id = other
        with freeze_time("2026-11-03 10:00:00"):
            self.assertFalse(other._run())
            self.assertEqual(move.escalation_next_date, day("11-09"))  # five days end on a Saturday
        self.assertEqual(move.escalation_last_date, MONDAY)

    def test_the_same_plan_again_begins_anew(self):
        plan = self._create_plan(self._step(1), self._step(7))
        move = self._create_invoice(day("10-16"), plan)
        first = plan._run(MONDAY)
        self._mails_of(first).state = "sent"
        move.write({"escalation_plan_id": plan.id})
        self.assertEqual(plan._run(day("11-03")).step_id, first.step_id)

    def test_changing_the_plan_stops_what_is_open_or_unsent(self):
        plan = self._create_plan(self._step(1), self._step(1, needs_review=True))
        move = self._create_invoice(day("10-16"), plan)
        followups = plan._run(MONDAY)
        mail = self.env["mail.mail"].sudo().search([("mail_message_id", "in", followups.mail_message_id.ids)])
        self.assertEqual(mail.state, "outgoing")
        move.escalation_plan_id = False
        self.assertEqual(set(followups.mapped("state")), {"skipped"})
        self.assertEqual(set(followups.mapped("reason")), {"plan_changed"})
        self.assertEqual(mail.state, "cancel")
        self.assertFalse(move.escalation_last_date, "an email that was never sent is no contact")

    def test_removing_the_plan_is_a_choice(self):
        plan = self._create_plan(self._step(1), is_default=True)
        move = self._create_invoice(day("10-16"))
        self.assertRecordValues(move, [{"escalation_plan_id": plan.id, "escalation_plan_origin": "default"}])
        move.escalation_plan_id = False
        self.assertEqual(move.escalation_plan_origin, "manual")
        move.button_draft()
        move.action_post()
        self.assertFalse(move.escalation_plan_id)


class TestFailure(FollowupCase):
    def test_nobody_to_write_to(self):
        plan = self._create_plan(self._step(1))
        self.customer.email = False
        move = self._create_invoice(day("10-16"), plan)
        self.assertIn("Nobody to write to", move.escalation_alert)
        followup = plan._run(MONDAY)
        self.assertRecordValues(followup, [{"state": "failed", "reason": "no_recipient"}])
        self.assertFalse(followup.mail_message_id)
        self.customer.email = "new@example.com"
        followup.action_retry()
        self.assertEqual(followup.state, "done")

    def test_blacklisted_address(self):
        plan = self._create_plan(self._step(1))
        self.env["mail.blacklist"]._add(self.customer.email)
        self._create_invoice(day("10-16"), plan)
        self.assertRecordValues(plan._run(MONDAY), [{"state": "failed", "reason": "blacklisted"}])

    def test_address_that_was_put_right_has_not_bounced(self):
        plan = self._create_plan(self._step(1))
        self._create_invoice(day("10-16"), plan)
        self.customer.message_bounce = 1
        followup = plan._run(MONDAY)
        self.customer.email = f"Azure <{self.customer.email}>"
        followup.action_retry()
        self.assertEqual((followup.state, followup.reason), ("failed", "bounced"), "it is the same address")
        self.customer.email = "put.right@example.com"
        followup.action_retry()
        self.assertEqual(followup.state, "done")

    def test_bounced_address_fails_but_a_person_may_try(self):
        plan = self._create_plan(self._step(1))
        self.customer.message_bounce = 1
        self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        self.assertRecordValues(followup, [{"state": "failed", "reason": "bounced"}])
        self._send_by_hand(followup)
        self.assertEqual(followup.state, "done")

    @mute_logger("odoo.addons.account_escalation.models.account_escalation_followup_process")
    def test_a_row_that_fails_does_not_stop_its_neighbours(self):
        plan = self._create_plan(self._step(1))
        partners = [self._create_customer(f"Customer {number}") for number in range(7)]
        for partner in partners:
            self._create_invoice(day("10-16"), plan, partner=partner)
        original = self.env.registry["account.escalation.followup"]._prepare_mail_values

        def broken(followup, *args):
            if followup.partner_id == partners[3]:
                raise ValueError("no such thing")
            return original(followup, *args)

        with patch.object(self.env.registry["account.escalation.followup"], "_prepare_mail_values", broken):
            followups = plan._run(MONDAY)
        failed = followups.filtered(lambda followup: followup.state == "failed")
        self.assertRecordValues(
            failed, [{"partner_id": partners[3].id, "reason": "error", "reason_detail": "no such thing"}]
        )
        self.assertEqual(len((followups - failed).filtered("mail_message_id")), 6)
        mails = self.env["mail.mail"].search([("model", "=", followups._name), ("res_id", "in", followups.ids)])
        self.assertEqual(len(mails), 6, "no email is queued twice when a batch is tried again in parts")

    def test_a_lost_connection_is_nobodys_failure(self):
        plan = self._create_plan(self._step(1))
        self._create_invoice(day("10-16"), plan)
        error = psycopg2.OperationalError("connection lost")
        with (
            patch.object(self.env.registry["account.escalation.followup"], "_prepare_mail_values", side_effect=error),
            self.assertRaises(psycopg2.OperationalError),
            self.env.cr.savepoint(),
        ):
            plan._run(MONDAY)
        self.env.invalidate_all()
        self.assertEqual(plan._run(MONDAY).state, "done")


class TestMailQueue(FollowupCase):
    """Between queueing and sending things change too."""

    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1))
        self.move = self._create_invoice(day("10-16"), self.plan)

    def test_settled_in_the_meantime_is_not_sent(self):
        followup = self.plan._run(MONDAY)
        self.env.cr.execute("UPDATE account_move SET payment_state = 'in_payment' WHERE id = %s", [self.move.id])
        self.move.invalidate_recordset()  # by a way that no hook of ours sees
        with self.mock_mail_gateway():
            self._mails_of(followup).send()
        self.assertNotSentEmail()
        self.assertEqual(followup.state, "skipped")
        self.assertEqual(self._mails_of(followup).state, "cancel")
        self.assertFalse(self.move.escalation_last_date)

    def test_partly_paid_in_the_meantime_is_written_again(self):
        followup = self.plan._run(MONDAY)
        self._pay(self.move, 40.0)
        with self.mock_mail_gateway():
            self._mails_of(followup).send()
        self.assertNotSentEmail()
        old, new = self._mails_of(followup)
        self.assertEqual((old.state, new.state), ("cancel", "outgoing"))
        self.assertIn("60.00", new.body_html)
        self.assertEqual(followup.state, "done")

    def test_unchanged_is_sent_once(self):
        followup = self.plan._run(MONDAY)
        with self.mock_mail_gateway():
            self._mails_of(followup).send()
        self.assertEqual([mail["email_to"] for mail in self._mails], [[self.customer.email_formatted]])
        self.assertEqual(followup.mail_state, "sent")

    @mute_logger("odoo.addons.account_escalation.models.account_escalation_followup_process")
    def test_one_that_cannot_be_checked_does_not_stop_the_queue(self):
        followup = self.plan._run(MONDAY)
        other = self.env["mail.mail"].create({"subject": "Other", "body_html": "x", "email_to": "a@example.com"})
        registry = self.env.registry["account.escalation.followup"]
        with patch.object(registry, "_recheck", side_effect=ValueError("odd")), self.mock_mail_gateway():
            (self._mails_of(followup) | other).send()
        self.assertEqual([mail["email_to"] for mail in self._mails], [["a@example.com"]])
        self.assertRecordValues(followup, [{"state": "failed", "reason": "error", "reason_detail": "odd"}])

    def test_refused_by_the_mail_server(self):
        followup = self.plan._run(MONDAY)
        mail = self._mails_of(followup)
        mail._postprocess_sent_message([], [], failure_reason="refused", failure_type="mail_smtp")
        self.assertRecordValues(followup, [{"state": "failed", "reason": "delivery", "reason_detail": "refused"}])
        self.assertFalse(self.move.escalation_last_date)
        mail.state = "exception"
        followup.action_retry()
        self.assertEqual(followup.state, "done")
        self.assertEqual(mail.state, "cancel", "the refused email must not be sent beside the new one")


class TestReview(FollowupCase):
    """A reviewed email is opened in Odoo's composer, and done when sent."""

    def test_composer_is_filled_in(self):
        plan, move = self._reviewed()
        composer = self._open_wizard(plan._run(MONDAY).action_send())
        self.assertEqual(composer.subject, f"Reminder {move.name}")
        self.assertEqual(composer.partner_ids, self.customer)
        self.assertIn("100.00", composer.body)

    def test_what_a_person_wrote_is_sent(self):
        plan, _move = self._reviewed()
        followup = plan._run(MONDAY)
        composer = self._open_wizard(followup.action_send())
        composer.body = composer.body.replace("Please pay", "Dear Jane")
        with self.mock_mail_gateway():
            composer._action_send_mail()
        self.assertEqual(followup.state, "done")
        self.assertIn("Dear Jane", followup.mail_message_id.body)
        self.assertEqual(followup.mail_message_id.notified_partner_ids, self.customer)

    def test_amount_is_that_of_the_opening(self):
        plan, move = self._reviewed()
        followup = plan._run(MONDAY)
        self._pay(move, 40.0)
        self.assertEqual(followup.amount_residual, 60.0)
        self.assertIn("60.00", followup.items_table)
        self.assertIn("60.00", self._open_wizard(followup.action_send()).body)

    def test_amount_that_changes_while_writing_is_not_sent(self):
        plan, move = self._reviewed()
        followup = plan._run(MONDAY)
        composer = self._open_wizard(followup.action_send())
        self._pay(move, 40.0)
        with self.assertRaisesRegex(UserError, "has changed"), self.env.cr.savepoint():
            composer._action_send_mail()
        self.assertEqual(followup.state, "todo")
        self.assertFalse(followup.mail_message_id)

    def test_paid_while_writing_is_not_sent(self):
        plan, move = self._reviewed()
        followup = plan._run(MONDAY)
        composer = self._open_wizard(followup.action_send())
        self._pay(move)
        with self.assertRaisesRegex(UserError, "not waiting any more"):
            composer._action_send_mail()
        self.assertFalse(followup.mail_message_id)

    def test_sent_once(self):
        plan, _move = self._reviewed()
        followup = plan._run(MONDAY)
        one, two = self._open_wizard(followup.action_send()), self._open_wizard(followup.action_send())
        with self.mock_mail_gateway():
            one._action_send_mail()
            with self.assertRaisesRegex(UserError, "not waiting any more"):
                two._action_send_mail()

    def test_composer_does_not_send_later(self):
        plan, _move = self._reviewed()
        composer = self._open_wizard(plan._run(MONDAY).action_send())
        with self.assertRaisesRegex(UserError, "stays in To Do"):
            composer.action_schedule_message()

    def test_composer_without_anybody_to_write_to(self):
        plan, _move = self._reviewed()
        followup = plan._run(MONDAY)
        composer = self._open_wizard(followup.action_send())
        composer.partner_ids = self._create_customer("Mute", email=False)
        with self.assertRaisesRegex(UserError, "none of the recipients"):
            composer._action_send_mail()

    def test_several_are_sent_as_their_templates_say(self):
        plan = self._create_plan(self._step(1, needs_review=True), group_by_customer=False)
        moves = [self._create_invoice(day("10-16"), plan) for _number in range(3)]
        followups = plan._run(MONDAY)
        self._pay(moves[0], 40.0)
        self._pay(moves[1])
        message = followups.action_send()["params"]["message"]
        self.assertIn("2 sent.", message)
        self.assertEqual(sorted(followups.mapped("state")), ["done", "done", "skipped"])
        self.assertIn("60.00", followups[0].mail_message_id.body)

    def test_many_leave_in_the_background_without_being_read_once_more(self):
        """Their PDFs may have to be made first, which takes longer than a click may."""
        plan = self._create_plan(self._step(1, needs_review=True), group_by_customer=False)
        moves = [self._create_invoice(day("10-16"), plan) for _number in range(3)]
        followups = plan._run(MONDAY)
        self.customer.message_bounce = 1  # a person writes to it all the same, as with a few
        with patch.object(followup_module, "SENT_AT_ONCE", 2):
            message = followups.action_send()["params"]["message"]
        self.assertIn("3 queued.", message)
        self.assertEqual(set(followups.mapped("reason")), {"released"})
        self._pay(moves[0])
        followups._process(MONDAY)
        self.assertEqual(followups.mapped("state"), ["skipped", "done", "done"])
        self.assertEqual([len(self._mails_of(followup)) for followup in followups], [0, 1, 1])

    def test_refused_ones_of_many_are_not_sent_beside_the_other_try(self):
        plan = self._create_plan(self._step(1), group_by_customer=False)
        for _number in range(2):
            self._create_invoice(day("10-16"), plan)
        followups = plan._run(MONDAY)
        refused = followups.mail_message_id.sudo().mail_ids
        refused.state = "exception"
        followups.sudo()._fail("delivery")
        with patch.object(followup_module, "SENT_AT_ONCE", 1):
            followups.action_send()
        self.assertEqual(refused.mapped("state"), ["cancel", "cancel"])

    def test_what_was_sent_unread_is_written_again_if_an_amount_changes_in_the_queue(self):
        plan = self._create_plan(self._step(1, needs_review=True), group_by_customer=False)
        moves = [self._create_invoice(day("10-16"), plan) for _number in range(2)]
        followups = plan._run(MONDAY)
        followups.action_send()
        self._pay(moves[0], 40.0)
        followups.sudo()._recheck_queued_mails()
        self.assertEqual(followups.mapped("state"), ["done", "done"])
        self.assertEqual(self._mails_of(followups[0]).mapped("state"), ["cancel", "outgoing"])
        self.assertIn("60.00", followups[0].mail_body)

    def test_one_of_many_that_failed_is_read_again(self):
        plan = self._create_plan(self._step(1, needs_review=True), group_by_customer=False)
        for _number in range(2):
            self._create_invoice(day("10-16"), plan)
        followups = plan._run(MONDAY)
        with patch.object(followup_module, "SENT_AT_ONCE", 1):
            followups.action_send()
        self.customer.email = False
        followups._process(MONDAY)
        self.assertRecordValues(followups, [{"state": "failed", "reason": "no_recipient"}] * 2)
        self.customer.email = "back@example.com"
        followups.action_retry()
        self.assertEqual(set(followups.mapped("state")), {"todo"})

    def test_nothing_to_send_is_said(self):
        plan = self._create_plan(self._step(1, "call"))
        self._create_invoice(day("10-16"), plan)
        self.assertIn("None of the selected", plan._run(MONDAY).action_send()["params"]["message"])

    def test_invoice_that_went_back_to_draft_comes_again(self):
        plan, move = self._reviewed()
        followup = plan._run(MONDAY)
        move.button_draft()
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "not_posted"}])
        move.invoice_line_ids.price_unit = 70.0
        move.action_post()
        self.assertIn("70.00", plan._run(day("11-03")).items_table)

    def test_a_text_that_cannot_be_rendered_fails_at_once(self):
        plan, _move = self._reviewed()
        self.template.body_html = '<t t-out="1 / 0"/>'
        with mute_logger("odoo.addons.account_escalation.models.account_escalation_followup_process"):
            followup = plan._run(MONDAY)
        self.assertRecordValues(followup, [{"state": "failed", "reason": "error"}])


class TestAtOnce(FollowupCase):
    """Payment, exclusion, reset to draft, or another plan: nothing waits for the next run."""

    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(
            self._step(1, needs_review=True), self._step(1, "call"), self._step(1), responsible_id=self.env.user.id
        )
        self.move = self._create_invoice(day("10-16"), self.plan)
        self.followups = self.plan._run(MONDAY)
        self.activity = self.followups.activity_id
        self.mail = self._mails_of(self.followups.filtered("mail_message_id"))

    def _assert_stopped(self, *reasons):
        self.assertEqual(set(self.followups.mapped("state")), {"skipped"})
        self.assertLessEqual(set(self.followups.mapped("reason")), set(reasons))
        self.assertFalse(self.activity.exists())
        self.assertEqual(self.mail.state, "cancel")
        self.assertFalse(self.move.escalation_last_date)

    def test_payment(self):
        self._pay(self.move)
        self._assert_stopped("paid", "in_payment")

    def test_payment_without_entry(self):
        self._pay_without_entries()
        self._pay(self.move)
        self.assertFalse(self.move.matched_payment_ids.move_id)
        self._assert_stopped("in_payment")

    def test_draft_payment_without_entry(self):
        self._pay_without_entries()
        payment = self.env["account.payment"].create(
            {**self._prepare_payment(100.0), "invoice_ids": [Command.set(self.move.ids)]}
        )
        self.env.cr.flush()  # as at the end of a request
        self.assertEqual(self.activity.exists(), self.activity)
        payment.action_post()
        self._assert_stopped("in_payment")

    def test_exclusion(self):
        self.move.no_followup = True
        self._assert_stopped("excluded")

    def test_reset_to_draft(self):
        self.move.button_draft()
        self._assert_stopped("not_posted")

    def test_credit_note(self):
        self.move._reverse_moves(cancel=True)
        self.env.cr.flush()  # as at the end of a request
        self._assert_stopped("reversed", "paid")

    def test_blocked(self):
        self.move.action_toggle_block_payment()
        self._assert_stopped("blocked")

    def test_plan_removed(self):
        self.move.escalation_plan_id = False
        self._assert_stopped("plan_changed")

    def test_due_date_put_off(self):
        self.move.invoice_date_due = day("2028-06-01")
        self._assert_stopped("put_off")
        self.assertFalse(self.move.escalation_followup_ids.line_ids.filtered("counts"), "the steps come in their time")

    def test_due_date_put_off_on_the_journal_item(self):
        self.move.line_ids.filtered("date_maturity").date_maturity = day("2028-06-01")
        self._assert_stopped("put_off")

    def test_due_date_that_still_makes_it_late(self):
        self.move.invoice_date_due = day("10-19")
        self.assertEqual(sorted(self.followups.mapped("state")), ["done", "todo", "todo"])

    def test_due_date_of_one_of_two_put_off(self):
        plan = self._create_plan(self._step(1, needs_review=True))
        one, two = self._create_invoice(day("10-16"), plan), self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        one.invoice_date_due = day("2028-06-01")
        self.assertEqual((followup.state, self._listed(followup)), ("todo", two))

    def test_partial_payment_stops_nothing(self):
        self._pay(self.move, 40.0)
        self.assertEqual(sorted(self.followups.mapped("state")), ["done", "todo", "todo"])


class TestCalls(FollowupCase):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1, "call"), self._step(10), responsible_id=self.env.user.id)
        self.move = self._create_invoice(day("10-16"), self.plan)
        self.customer.phone = "555 123"

    def test_call_is_an_activity_on_the_invoice(self):
        followup = self.plan._run(MONDAY)
        self.assertEqual(followup.state, "todo")
        self.assertRecordValues(
            followup.activity_id, [{"res_model": "account.move", "res_id": self.move.id, "user_id": self.env.user.id}]
        )
        self.assertIn("100.00", followup.activity_id.summary)

    @freeze_time("2026-11-02 12:00:00")
    def test_what_to_know_before_phoning(self):
        earlier = self._create_invoice(day("09-01"))
        contact = self._contact(earlier, on=day("10-20"))
        contact.reason_detail = "Asked for a copy"
        promises = self.env["account.escalation.promise"].create(
            [
                {"move_ids": [Command.set(earlier.ids)], "date": day("11-12"), "amount": amount}
                for amount in (10.0, 20.0, 30.0)
            ]
        )
        promises[1].action_cancel()
        promises[2].sudo().state = "broken"
        call = self.plan._run(MONDAY)
        self.assertEqual(call.last_contact, day("10-20"))
        self.assertEqual(call.last_result, "Asked for a copy")
        self.assertEqual(call.history_ids, contact, "of whatever invoice, without the call itself")
        self.assertEqual(call.told_promise_ids, promises[2] | promises[0])

    def test_first_call_to_a_customer_has_nothing_to_tell(self):
        stranger = self._create_customer("Deco Addict")
        self._contact(self._create_invoice(day("09-01"), partner=stranger), on=day("10-20"))
        call = self.plan._run(MONDAY)
        self.assertFalse(call.history_ids or call.told_promise_ids or call.last_contact or call.last_result)

    def test_items_are_told_in_their_own_currency(self):
        euro = self.setup_other_currency("EUR", rates=[("2026-01-01", 2.0)])
        self._create_invoice(day("10-16"), self.plan, currency_id=euro.id)
        call = self.plan._run(MONDAY)
        line = call.line_ids.filtered(lambda line: line.item_currency_id == euro)
        self.assertRecordValues(line, [{"item_amount": 100.0, "amount_residual": 50.0}])
        self._pay(line.move_id, 40.0)
        self.assertEqual(line.item_amount, 100.0, "as it was listed")
        own = call.line_ids - line
        self.assertRecordValues(own, [{"item_amount": 100.0, "item_currency_id": self.company.currency_id.id}])
        self.assertTrue(call.has_foreign_items)

    @freeze_time("2026-11-02 12:00:00")
    def test_who_has_skipped(self):
        call = self.plan._run(MONDAY)
        call.action_skip()
        self.assertEqual(call.reason_detail, f"{self.env.user.name}, 11/02/2026")
        call.action_retry()
        self.assertRecordValues(call, [{"state": "todo", "reason_detail": False}])

    def test_call_about_several_invoices_is_on_the_customer(self):
        self._create_invoice(day("10-16"), self.plan)
        activity = self.plan._run(MONDAY).activity_id
        self.assertEqual((activity.res_model, activity.res_id), ("res.partner", self.customer.id))

    def test_done_activity_is_a_contact(self):
        followup = self.plan._run(MONDAY)
        self.assertIn("555 123", followup.activity_id.note)
        followup.activity_id.action_feedback("Will pay")
        self.assertRecordValues(followup, [{"state": "done", "reason_detail": "Will pay"}])
        self.assertEqual(self.move.escalation_last_date, self.company._escalation_today())

    def test_cancelled_activity_skips_the_call(self):
        followup = self.plan._run(MONDAY)
        followup.activity_id.unlink()
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "by_person"}])

    def test_activity_that_is_cleaned_up_is_not_a_persons_doing(self):
        """Such as with a customer who is archived; the call can be taken up again."""
        followup = self.plan._run(MONDAY)
        self.move.sudo().activity_unlink(["mail.mail_activity_data_call"], only_automated=False)
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "activity_removed", "can_reopen": True}])

    def test_paid_call_disappears(self):
        followup = self.plan._run(MONDAY)
        activity = followup.activity_id
        self._pay(self.move)
        self.plan._run(day("11-03"))
        self.assertFalse(activity.exists())
        self.assertIn(followup.reason, ("paid", "in_payment"))

    def test_skipping_the_call_removes_its_activity(self):
        followup = self.plan._run(MONDAY)
        activity = followup.activity_id
        followup.action_skip()
        self.assertFalse(activity.exists())

    def test_mark_as_called(self):
        followup = self.plan._run(MONDAY)
        followup.action_mark_sent()
        self.assertEqual(followup.state, "done")
        self.assertFalse(followup.activity_id.active)

    def test_archived_colleague_leaves_the_call_to_others(self):
        colleague = new_test_user(self.env, "colleague", "account.group_account_invoice")
        followup = self.plan._run(MONDAY)
        followup.user_id = colleague
        self.assertEqual(followup.activity_id.user_id, colleague)
        colleague.action_archive()
        self.assertRecordValues(followup, [{"state": "todo", "user_id": False}])
        self.assertTrue(followup.activity_id)

    def test_another_user_takes_the_call(self):
        followup = self.plan._run(MONDAY)
        followup.activity_id.user_id = self.user_admin
        self.assertEqual(followup.user_id, self.user_admin)


class TestLetters(FollowupCase):
    def test_letter_waits_to_be_posted(self):
        plan = self._create_plan(self._step(1, "letter"))
        move = self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        self.assertEqual(followup.state, "todo")
        self.assertTrue(followup.attachment_ids.raw.startswith(b"%PDF"))
        self.assertFalse(move.escalation_last_date)
        followup.action_mark_sent()
        self.assertEqual(move.escalation_last_date, self.company._escalation_today())

    def test_letter_needs_an_address(self):
        plan = self._create_plan(self._step(1, "letter"))
        self.customer.write({"street": False, "city": False})
        self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        self.assertRecordValues(followup, [{"state": "failed", "reason": "no_address"}])
        self.customer.city = "Berlin"
        followup.action_retry()
        self.assertEqual(followup.state, "todo")

    def test_letters_are_printed_as_made_unless_an_amount_has_changed(self):
        plan = self._create_plan(self._step(1, "letter"))
        move = self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        made = followup.attachment_ids
        self.assertIn(str(made.id), followup.action_print()["url"])
        self._pay(move, 40.0)
        followup.action_print()
        self.assertNotEqual(followup.attachment_ids, made)

    def test_nothing_to_print(self):
        plan = self._create_plan(self._step(1))
        self._create_invoice(day("10-16"), plan)
        self.assertEqual(plan._run(MONDAY).action_print()["tag"], "display_notification")

    def test_letter_that_was_paid_is_withdrawn_by_printing(self):
        plan = self._create_plan(self._step(1, "letter"))
        move = self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        with patch.object(self.env.registry["account.move"], "_escalation_recheck", lambda _self: None):
            self._pay(move)
        params = followup.action_print()["params"]
        self.assertEqual(params["type"], "warning")
        self.assertRegex(params["message"], "Paid|payment")
        self.assertEqual(followup.state, "skipped")

    def test_letter_of_another_day_is_printed_with_the_present_date(self):
        plan = self._create_plan(self._step(1, "letter"))
        self._create_invoice(day("10-16"), plan)
        with freeze_time("2026-11-02 12:00:00"):
            followup = plan._run()
            followup.attachment_ids.flush_recordset()
            made = followup.attachment_ids
            self.env.cr.execute("UPDATE ir_attachment SET create_date = %s WHERE id = %s", ["2026-11-02", made.id])
            made.invalidate_recordset(["create_date"])
            followup.action_print()
            self.assertEqual(followup.attachment_ids, made)
        with freeze_time("2026-11-05 12:00:00"):
            followup.action_print()
        self.assertNotEqual(followup.attachment_ids, made)

    def test_letter_marked_as_sent_by_mistake(self):
        plan = self._create_plan(self._step(1, "letter"), self._step(8))
        move = self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        followup.action_mark_sent()
        self.assertTrue(move.escalation_last_date)
        followup.action_retry()
        self.assertRecordValues(followup, [{"state": "todo", "date_done": False}])
        self.assertFalse(move.escalation_last_date)
        followup.action_mark_sent()
        plan._run(day("12-07"))
        with self.assertRaises(UserError):
            followup.action_retry()

    def test_call_marked_as_made_by_mistake(self):
        plan = self._create_plan(self._step(1, "call"), responsible_id=self.env.user.id)
        self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        followup.action_mark_sent()
        followup.action_retry()
        self.assertEqual(followup.state, "todo")
        self.assertTrue(followup.activity_id.active)

    def test_named_by_customer_first(self):
        """A calendar shows the beginning only."""
        plan = self._create_plan(self._step(1, name="First reminder"))
        self._create_invoice(day("10-16"), plan)
        self.assertEqual(plan._run(MONDAY).display_name, "Azure Interior – First reminder")

    def test_letter_is_found_by_its_reference(self):
        plan = self._create_plan(self._step(1, "letter"))
        self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        self.assertEqual(followup.search([("reference", "ilike", followup.reference)]), followup)
        self.assertFalse(followup.search([("reference", "ilike", "nothing")]))

    def test_plan_of_one_letter_and_one_email_can_be_built_with_commands(self):
        plan = self._create_plan(self._step(1))
        plan.write({"step_ids": [Command.create(self._step(5, "letter"))]})
        self.assertEqual(plan.step_ids.mapped("channel"), ["email", "letter"])
