"""What must never happen: a wrong party, a demand for what is paid, a silent failure, a run that one row stops."""

import smtplib
from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class TestSafety(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1))

    def _group(self, *steps):
        """Two invoices of one customer in one follow-up."""
        plan = self._create_plan(*steps)
        one, two = self._create_invoice(day("10-16"), plan), self._create_invoice(day("10-16"), plan)
        return plan._run(MONDAY), one, two

    # --- the wrong party ---------------------------------------------------------------------------------------------

    def test_pointers_are_not_changed_by_hand(self):
        self._create_invoice(day("10-16"), self.plan)
        biller = new_test_user(self.env, "biller", "account.group_account_invoice", company_id=self.company.id)
        followup = self.plan._run(MONDAY).with_user(biller)
        message = self.env["mail.message"].create({"body": "Salary of the boss"})
        for values in ({"mail_message_id": message.id}, {"activity_id": False}, {"partner_id": biller.partner_id.id}):
            with self.subTest(values), self.assertRaises(AccessError):
                followup.write(values)
        with self.assertRaises(AccessError):
            followup.line_ids.write({"counts": False})

    def test_portal_users_do_not_read_our_plan_for_them(self):
        portal = new_test_user(self.env, "azure.portal", "base.group_portal", partner_id=self.customer.id)
        move = self._create_invoice(day("10-16"), self.plan)
        move.message_subscribe(self.customer.ids)
        for field in ("escalation_reason", "escalation_plan_id", "escalation_next_date"):
            with self.subTest(field), self.assertRaises(AccessError):
                move.with_user(portal).read([field])

    def test_another_customer_on_the_invoice(self):
        move = self._create_invoice(day("10-16"), self.plan)
        followup = self.plan.sudo()._record(MONDAY)
        move.button_draft()
        move.partner_id = self._create_customer("Other")
        move.action_post()
        followup._process(MONDAY)
        self.assertEqual(followup.state, "skipped")
        self.assertFalse(followup.mail_message_id)

    def _correct(self, move, customer):
        """The invoice was made out to the wrong one."""
        self._empty_mail_queue()
        move.button_draft()
        move.partner_id = customer
        move.action_post()

    def test_the_right_customer_begins_with_the_first_step_of_its_own_plan(self):
        self.customer.escalation_invoice_plan_id = self._create_plan(self._step(1), self._step(10))
        right = self._create_customer("Right")
        soft = right.escalation_invoice_plan_id = self._create_plan(self._step(1))
        move = self._create_invoice(day("10-16"))
        first = self.customer.escalation_invoice_plan_id._run(MONDAY)
        self._correct(move, right)
        self.assertRecordValues(move, [{"escalation_plan_id": soft.id, "escalation_plan_origin": "customer"}])
        second = soft._run(day("11-09"))
        self.assertEqual(second.partner_id, right)
        self.assertFalse(second.previous_reminders, "it was another who was reminded")
        self.assertEqual(first.state, "done", "what was said stays said")

    def test_the_right_customer_begins_anew_under_the_same_plan(self):
        right = self._create_customer("Right")
        chosen = self._create_plan(self._step(1), self._step(10))
        move = self._create_invoice(day("10-16"), chosen)
        chosen._run(MONDAY)
        self._correct(move, right)
        self.assertEqual(move.escalation_plan_id, chosen, "a person has chosen it")
        self.assertEqual(chosen._run(day("11-09")).step_id, chosen.step_ids[0])

    def test_the_right_customer_begins_anew_under_a_customer_plan(self):
        plan = self._create_customer_plan(self._step(1), self._step(10))
        right = self._create_customer("Right")
        right.escalation_plan_id = plan
        move = self._create_invoice(day("10-16"))
        plan._run(MONDAY)
        self._correct(move, right)
        self.assertEqual(plan._run(day("11-09")).step_id, plan.step_ids[0])

    def test_another_contact_of_the_same_customer_changes_nothing(self):
        contact = self._create_customer("Bob", parent_id=self.customer.id, is_company=False)
        plan = self._create_plan(self._step(1), self._step(10))
        move = self._create_invoice(day("10-16"), plan)
        plan._run(MONDAY)
        self._correct(move, contact)
        self.assertEqual(plan._run(day("11-09")).step_id, plan.step_ids[1])

    def test_step_that_is_for_colleagues_only_by_now(self):
        self._create_invoice(day("10-16"), self.plan)
        colleague = new_test_user(self.env, "colleague", "base.group_user", email="colleague@example.com")
        for needs_review, state in ((False, "done"), (True, "todo")):
            step = self.plan.step_ids
            step.write({"to_customer": True, "needs_review": needs_review})
            followup = self.plan._run(MONDAY)
            self.assertEqual(followup.state, state)
            step.write({"to_customer": False, "extra_partner_ids": colleague.partner_id.ids})
            self.assertRecordValues(followup, [{"state": "skipped", "reason": "plan_changed"}])
            self.assertNotIn("outgoing", self._mails_of(followup).mapped("state"))
        self.assertEqual(self.plan._run(MONDAY).recipient_ids, colleague.partner_id)

    def test_contact_who_has_left_the_customer_since(self):
        for step in (self._step(1), self._step(1, needs_review=True), self._step(1, "letter")):
            with self.subTest(**step):
                plan = self._create_plan(step)
                contact = self._create_customer(
                    "Bob", parent_id=self.customer.id, is_company=False, escalation_is_contact=True
                )
                self._create_invoice(day("10-16"), plan)
                followup = plan.sudo()._record(MONDAY)
                self.assertEqual(followup.recipient_ids, contact)
                if step.get("needs_review"):
                    followup._process(MONDAY)
                contact.parent_id = self._create_customer("New employer")
                if step.get("needs_review"):
                    self.assertEqual(followup.action_send()["context"]["default_partner_ids"], self.customer.ids)
                else:
                    followup._process(MONDAY)
                self.assertEqual(followup.recipient_ids, self.customer)
                self.assertNotIn(contact, self._mails_of(followup).recipient_ids)

    def test_contact_who_has_left_the_customer(self):
        contact = self._create_customer("Bob", parent_id=self.customer.id, is_company=False)
        move = self._create_invoice(day("10-16"), self.plan, partner=contact)
        self.env.cr.execute("UPDATE account_move SET commercial_partner_id = %s", [self.customer.id])
        contact.parent_id = self._create_customer("New employer")
        self.env.flush_all()
        self.env.cr.execute("UPDATE account_move SET commercial_partner_id = %s", [self.customer.id])
        move.invalidate_recordset()
        self.assertEqual(self.plan._run(MONDAY).recipient_ids, self.customer)

    def test_salesperson_who_is_archived_signs_nothing(self):
        self.company.email = "accounts@example.com"
        gone = new_test_user(self.env, "gone", "account.group_account_invoice")
        self._create_invoice(day("10-16"), self.plan, invoice_user_id=gone.id)
        gone.active = False
        followup = self.plan._run(MONDAY)
        self.assertFalse(followup.user_id)
        self.assertNotIn("gone", followup.mail_message_id.email_from)
        self.assertIn("accounts@example.com", followup.mail_message_id.reply_to)

    def test_statement_is_sent_once_whatever_the_grouping(self):
        plan = self._create_plan(self._step(1, tone="statement"), group_by_customer=False)
        for _number in range(3):
            self._create_invoice(day("10-16"), plan)
        self.assertEqual(len(plan._run(MONDAY)), 1)

    # --- what is paid ------------------------------------------------------------------------------------------------

    def test_letter_without_what_was_paid(self):
        followup, one, _two = self._group(self._step(1, "letter"))
        made = followup.attachment_ids
        self._pay(one)
        followup.action_print()
        self.assertNotEqual(followup.attachment_ids, made)
        self.assertFalse(made.exists())

    def test_statement_without_what_was_paid_in_since(self):
        plan = self._create_plan(self._step(1, tone="statement", needs_review=True))
        move = self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        payment = self._pay_in(30.0)
        followup.sudo()._recheck(MONDAY)
        self.assertEqual(self._listed(followup), move | payment)
        self.assertIn("70.00", followup.body)

    def test_statement_that_credits_cover_asks_for_nothing(self):
        plan = self._create_plan(self._step(1, tone="statement"))
        self._create_invoice(day("10-16"), plan)
        credit = self._create_invoice(day("10-16"), move_type="out_refund")
        followup = plan._run(MONDAY)
        self.assertRecordValues(followup, [{"state": "failed", "reason": "to_reconcile", "mail_message_id": False}])
        self.assertFalse(plan._run(MONDAY + timedelta(days=1)), "it waits for somebody to reconcile them")
        credit.button_draft()
        followup.action_retry()
        self.assertEqual(followup.state, "done")
        self.assertIn("100.00", followup.mail_body)

    def test_statement_that_a_payment_covers_by_now(self):
        plan = self._create_plan(self._step(1, tone="statement", needs_review=True))
        self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        self._pay_in(100.0)
        followup.action_send()
        self.assertRecordValues(followup, [{"state": "failed", "reason": "to_reconcile"}])

    def test_credit_that_a_person_takes_out_stays_out(self):
        plan = self._create_plan(self._step(1, tone="statement", needs_review=True))
        move = self._create_invoice(day("10-16"), plan)
        credit = self._create_invoice(day("10-16"), move_type="out_refund", amount=30.0)
        followup = plan._run(MONDAY)
        followup.line_ids.filtered(lambda line: line.move_id == credit).action_take_out()
        followup.sudo()._recheck(MONDAY)
        self.assertEqual(self._listed(followup), move)

    def test_queued_email_without_what_was_taken_off_the_plan(self):
        followup, one, two = self._group(self._step(1))
        one.escalation_plan_id = False
        with self.mock_mail_gateway():
            self._mails_of(followup).send()
        self.assertNotSentEmail()
        mail = self._mails_of(followup)[-1]
        self.assertIn(two.name, mail.body_html)
        self.assertNotIn(one.name, mail.body_html)

    def test_queued_email_that_cannot_be_checked_is_not_sent(self):
        move = self._create_invoice(day("10-16"), self.plan)
        followup = self.plan._run(MONDAY)
        registry = self.env.registry["account.escalation.followup"]
        with (
            patch.object(registry, "_recheck", side_effect=ValueError("odd")),
            mute_logger("odoo.addons.account_escalation.models.account_escalation_followup_process"),
            self.mock_mail_gateway(),
        ):
            self._mails_of(followup).send()
        self.assertNotSentEmail()
        self.assertRecordValues(followup, [{"state": "failed", "reason_detail": "odd", "date_done": False}])
        self.assertFalse(move.escalation_last_date)

    def test_refused_email_is_not_sent_after_skipping(self):
        self._create_invoice(day("10-16"), self.plan)
        followup = self.plan._run(MONDAY)
        mail = self._mails_of(followup)
        mail.state = "exception"
        followup.sudo()._fail("delivery", "down")
        followup.action_skip()
        self.assertEqual(mail.state, "cancel")

    def test_refused_email_that_a_person_has_sent_meanwhile(self):
        with freeze_time("2026-11-02 12:00:00"):
            self._create_invoice(day("10-16"), self.plan)
            followup = self.plan._run()
            mail = self._mails_of(followup)
            mail.state = "exception"
            followup.sudo()._fail_undelivered()
            action = followup.action_send()
            with self.mock_mail_gateway():
                self._open_wizard(action)._action_send_mail()
        self.assertEqual(followup.state, "done")
        self.assertEqual(mail.state, "cancel", "trying all refused emails again must not send it twice")
        self.assertNotIn("cancel", (self._mails_of(followup) - mail).mapped("state"))

    def test_step_that_is_a_call_by_now(self):
        self._create_invoice(day("10-16"), self.plan)
        followup = self.plan.sudo()._record(MONDAY)
        self.plan.step_ids.write({"channel": "call", "template_id": False})
        followup._process(MONDAY)
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "plan_changed"}])
        self.assertFalse(followup.mail_message_id, "an email without a text")
        self.assertEqual(self.plan._run(MONDAY).channel, "call")

    def test_step_whose_channel_is_written_again(self):
        self._create_invoice(day("10-16"), self.plan)
        followup = self.plan.sudo()._record(MONDAY)
        self.plan.step_ids.write({"channel": "email", "to_customer": True, "days": 2})
        followup._process(MONDAY)
        self.assertEqual(followup.state, "done")

    def test_step_that_was_taken_out_of_the_plan(self):
        self._create_invoice(day("10-16"), self.plan)
        followup = self.plan.sudo()._record(MONDAY)
        self.plan.write({"step_ids": [Command.delete(self.plan.step_ids.id)]})
        followup._process(MONDAY)
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "plan_changed"}])

    # --- silence -----------------------------------------------------------------------------------------------------

    def test_connection_lost_in_mid_queue(self):
        with freeze_time("2026-11-02 10:00:00"):
            move = self._create_invoice(day("10-16"), self.plan)
            followup = self.plan._run()
            mail = self._mails_of(followup)
            registry = self.env.registry["ir.mail_server"]
            with (
                mute_logger("odoo.addons.mail.models.mail_mail"),
                self.mock_mail_gateway(),
                patch.object(registry, "send_email", side_effect=smtplib.SMTPServerDisconnected("gone")),
            ):
                self.env["mail.mail"].process_email_queue(mail.ids)
            followup.sudo()._fail_undelivered()
        self.assertRecordValues(followup, [{"state": "failed", "reason": "delivery"}])
        self.assertFalse(move.escalation_last_date)

    def test_bounce(self):
        with freeze_time("2026-11-02 10:00:00"):
            self._create_invoice(day("10-16"), self.plan)
            followup = self.plan._run()
            followup.mail_message_id.sudo().notification_ids.notification_status = "bounce"
            followup.sudo()._fail_undelivered()
        self.assertRecordValues(followup, [{"state": "failed", "reason": "delivery"}])

    def test_email_that_is_cancelled_in_the_list_of_emails(self):
        with freeze_time("2026-11-02 10:00:00"):
            move = self._create_invoice(day("10-16"), self.plan)
            followup = self.plan._run()
            self._mails_of(followup).cancel()
            followup.sudo()._fail_undelivered()
        self.assertRecordValues(followup, [{"state": "failed", "reason": "delivery"}])
        self.assertFalse(move.escalation_last_date, "nobody was contacted")

    def test_email_that_was_taken_back_and_is_put_into_the_queue_again(self):
        with freeze_time("2026-11-02 10:00:00"):
            move = self._create_invoice(day("10-16"), self.plan)
            mail = self._mails_of(self.plan._run())
            self._pay(move)
            self.assertEqual(mail.state, "cancel")
            mail.mark_outgoing()  # “Retry”, in the list of emails
            with self.mock_mail_gateway():
                mail.send()
        self.assertEqual((mail.state, self._mails), ("cancel", []), "the invoice is paid")

    def test_hour_that_an_hourly_look_would_miss(self):
        with self.assertRaises(ValidationError):
            self.company.escalation_send_hour = 23.5

    # --- one row stops no other --------------------------------------------------------------------------------------

    def test_due_date_at_the_end_of_time(self):
        never = self._create_invoice(date(9999, 12, 30), self.plan, issued=day("10-01"))
        good = self._create_invoice(day("10-16"), self.plan)
        self.assertEqual(self.plan._run(MONDAY).move_ids, good)
        self.assertTrue(never.escalation_reason)
        self._pay(never)

    def test_absurd_days_are_refused(self):
        with self.assertRaisesRegex(ValidationError, "ten years"):
            self._create_plan(self._step(3_000_000))

    def test_receipt_without_customer(self):
        self.plan.is_default = True
        receipt = self._create_invoice(day("10-16"), move_type="out_receipt")
        self.env.cr.execute(
            "UPDATE account_move SET partner_id = NULL, commercial_partner_id = NULL WHERE id = %s", [receipt.id]
        )
        self.env.invalidate_all()
        good = self._create_invoice(day("10-16"))
        self.assertEqual(self.plan._run(MONDAY).move_ids, good)

    @mute_logger("odoo.addons.account_escalation.models.account_escalation_plan_run")
    def _run_badly(self, today):
        with patch.object(self.env.registry["account.escalation.plan"], "_decide", side_effect=ValueError("odd")):
            self.plan.sudo()._record_safely(today)

    def _messages_to(self, user):
        about = [("model", "=", self.plan._name), ("res_id", "=", self.plan.id)]
        return self.env["mail.message"].sudo().search([*about, ("notified_partner_ids", "in", user.partner_id.ids)])

    def test_plan_that_cannot_be_run_says_so_once_a_day(self):
        ann, bob = (new_test_user(self.env, name, "account.group_account_invoice") for name in ("ann", "bob"))
        self.plan.responsible_id = ann
        self.company.escalation_user_id = bob
        for _hour in range(2):
            self._run_badly(MONDAY)
        self.assertEqual(self.plan.run_error, "odd")
        for user in (ann, bob):
            [message] = self._messages_to(user)
            self.assertIn("odd", message.body)
        self._run_badly(day("11-03"))
        self.assertEqual(len(self._messages_to(ann)), 2)
        self.plan.sudo()._record_safely(day("11-03"))
        self.assertFalse(self.plan.run_error)

    @mute_logger(
        "odoo.addons.account_escalation.models.account_escalation_plan_run",
        "odoo.addons.account_escalation.models.account_escalation_followup_record",
    )
    def test_customer_who_cannot_be_followed_up_does_not_stop_the_others(self):
        odd = self._create_customer("Odd Customer")
        good = self.env["account.move"]
        for number in range(5):
            good |= self._create_invoice(day("10-16"), self.plan, partner=self._create_customer(f"Customer {number}"))
        bad = self._create_invoice(day("10-16"), self.plan, partner=odd)
        followups = self.env.registry["account.escalation.followup"]
        prepare = followups._prepare_values

        def fail_for_one(self, plan, step, group, partner, day):
            if partner.id == odd.id:
                raise ValueError("no such thing")
            return prepare(self, plan, step, group, partner, day)

        self.plan.responsible_id = self.env.user
        with patch.object(followups, "_prepare_values", fail_for_one):
            self.plan.sudo()._record_safely(MONDAY)
            told = len(self._messages_to(self.env.user))
            self.plan.sudo()._record_safely(MONDAY)  # somebody clicks Run Now
        self.assertTrue(told)
        self.assertEqual(len(self._messages_to(self.env.user)), told, "once a day")
        self.assertEqual(set(good.mapped("escalation_followup_ids.state")), {"queued"})
        self.assertEqual(len(good.escalation_followup_ids), 5)
        self.assertFalse(bad.escalation_followup_ids)
        self.assertRecordValues(
            self.plan, [{"last_run": MONDAY, "run_error": "Odd Customer: no such thing", "run_error_date": MONDAY}]
        )
        self.plan.sudo()._record_safely(day("11-03"))
        self.assertEqual(bad.escalation_followup_ids.state, "queued")
        self.assertFalse(self.plan.run_error)
