"""Statements of an invoice plan that credits cover: nobody is asked for nothing, and nothing is left behind."""

from datetime import timedelta

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day
from odoo.addons.account_escalation.tests.test_carrier import CarrierCase

DUE = day("10-16")
TUESDAY = MONDAY + timedelta(days=1)


class TestCovered(EscalationCommon):
    def _run(self, channel="email", **values):
        """A statement of one invoice, made on Monday."""
        self.plan = self._create_plan(self._step(1, channel, tone="statement", **values))
        self.move = self._create_invoice(DUE, self.plan)
        return self.plan._run(MONDAY)

    def _assert_covered(self, followup):
        self.assertRecordValues(followup, [{"state": "failed", "reason": "to_reconcile", "date_done": False}])

    def test_refused_email_is_not_sent_any_more(self):
        followup = self._run()
        mail = self._mails_of(followup)
        mail.state = "exception"
        followup.sudo()._fail("delivery", "down")
        self._pay_in(100.0)
        mail.action_retry()
        with self.mock_mail_gateway():
            mail.send()
        self.assertNotSentEmail()
        self.assertEqual(mail.state, "cancel")
        self._assert_covered(followup)

    def test_email_in_the_queue_is_not_sent_any_more(self):
        followup = self._run()
        mail = self._mails_of(followup)
        self._pay_in(100.0)
        with self.mock_mail_gateway():
            mail.send()
        self.assertNotSentEmail()
        self._assert_covered(followup)

    def test_call_leaves_the_list_of_activities(self):
        call = self._run("call")
        activity = call.activity_id
        credit = self._pay_in(100.0)
        self.plan._run(TUESDAY)
        self._assert_covered(call)
        self.assertFalse(activity.exists())
        credit.button_draft()
        call.action_retry()
        self.assertEqual(call.state, "todo")
        self.assertEqual(self.move.activity_ids, call.activity_id, "one call, not two")

    def test_what_credits_do_not_cover_any_more_goes_on_by_itself(self):
        followup = self._run()
        self._empty_mail_queue()
        other = self._create_customer("Gemini")
        covered = self._create_invoice(DUE, self.plan, partner=other)
        credit = self._create_invoice(DUE, move_type="out_refund", partner=other)
        waiting = self.plan._run(TUESDAY)
        self._assert_covered(waiting)
        credit.button_draft()
        again = self.plan._run(TUESDAY + timedelta(days=1))
        self.assertEqual((again.move_ids, again.state), (covered, "done"))
        self.assertRecordValues(waiting, [{"state": "skipped", "reason": "covered"}])
        self.assertEqual(followup.state, "done")

    def test_reviewed_email_comes_back_to_its_reader(self):
        followup = self._run(needs_review=True)
        credit = self._pay_in(100.0)
        self.plan._run(TUESDAY)
        self._assert_covered(followup)
        credit.button_draft()
        again = self.plan._run(TUESDAY + timedelta(days=1))
        self.assertRecordValues(self._followups_of(self.move), [{"state": "skipped"}, {"state": "todo"}])
        self.assertEqual(again.reason, "due")

    def test_stays_and_is_made_once(self):
        self.plan = self._create_plan(self._step(1, tone="statement"), self._step(5))
        self.move = self._create_invoice(DUE, self.plan)
        credit = self._create_invoice(DUE, move_type="out_refund")
        followup = self.plan._run(MONDAY)
        for number in range(1, 12):
            self.assertFalse(self.plan._run(MONDAY + timedelta(days=number)))
        self._assert_covered(followup)
        (self.move | credit).line_ids.filtered(lambda line: line.display_type == "payment_term").reconcile()
        self.env.cr.flush()
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "reversed"}])

    def test_cents_that_are_covered(self):
        self.plan = self._create_plan(self._step(1, tone="statement"))
        for amount in (0.1, 0.2):
            self._create_invoice(DUE, self.plan, amount=amount)
        self._create_invoice(DUE, move_type="out_refund", amount=0.3)
        self._assert_covered(self.plan._run(MONDAY))

    def test_cents_of_a_customer_that_are_covered(self):
        plan = self._create_customer_plan(self._step(1))
        for amount in (0.1, 0.2):
            self._create_invoice(DUE, amount=amount)
        self._create_invoice(DUE, move_type="out_refund", amount=0.3)
        self.assertFalse(plan._run(MONDAY))

    def test_what_is_left_is_asked_for_also_below_the_minimum_of_an_invoice(self):
        self.plan = self._create_plan(self._step(1, tone="statement"), min_amount=50.0)
        self._create_invoice(DUE, self.plan)
        self._create_invoice(DUE, move_type="out_refund", amount=60.0)
        followup = self.plan._run(MONDAY)
        self.assertNotEqual(followup.reason, "to_reconcile", "60 do not cover 100")

    def test_message_is_shown_and_complete(self):
        followup = self._run(to_internal=True)
        message = followup.mail_message_id
        self.assertIn(message, followup.message_ids)
        self.assertEqual((message.res_id, message.model), (followup.id, followup._name))
        self.assertTrue(message.body)
        self.assertIn(f"-openerp-{followup.id}-", message.message_id)
        self.assertEqual(self._mails_of(followup).mapped("res_id"), followup.ids * len(self._mails_of(followup)))


class TestCoveredLetter(CarrierCase):
    def test_letter_that_waits_for_its_carrier(self):
        self.plan.step_ids.tone = "statement"
        letter = self._decide()
        credit = self._pay_in(100.0)
        self._cron()
        self._assert(letter, "failed", False, "to_reconcile")
        self.assertFalse(self.service.requests)
        credit.button_draft()
        letter.action_retry()
        self._cron()
        self._assert(letter, "done", "accepted")
        self.assertEqual(len(self.service.letters), 1)

    def test_letter_that_may_be_on_its_way_is_not_made_anew(self):
        self.plan.step_ids.tone = "statement"
        self.service.delay_after = 1.5
        letter = self._decide()
        self._cron()
        self.assertRecordValues(letter, [{"state": "failed", "reason": "posting_unanswered"}])
        credit = self._pay_in(100.0)
        self.assertFalse(self.plan._run(day("11-03")))
        self._assert(letter, "failed", "failed", "to_reconcile")
        credit.button_draft()
        self.service.delay_after = 0
        self.assertFalse(self.plan._run(day("11-04")))
        letter.action_retry()
        self._cron()
        self._assert(letter, "done", "accepted")
        self.assertEqual(len(self.service.letters), 1, "it had arrived")
