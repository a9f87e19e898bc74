"""One story, from invoice to silence."""

from freezegun import freeze_time

from odoo.addons.account_escalation.tests.common import EscalationCommon, day


class TestScenario(EscalationCommon):
    def test_from_issue_to_payment(self):
        """Azure Interior buys chairs for 1,000, due on Monday 16 November, and takes its time."""
        plan = self._create_plan(
            self._step(-5, name="Courtesy", auto_skip_days=3),
            self._step(4, name="First reminder"),
            self._step(11, name="Second reminder", needs_review=True, tone="second"),
            self._step(18, "call", name="Call"),
            self._step(25, "letter", name="Final letter", tone="final"),
            min_contact_days=5,
            min_amount=5.0,
            is_default=True,
            responsible_id=self.env.user.id,
        )
        move = self._create_invoice(day("11-16"), amount=1000.0, issued=day("10-26"))
        self.assertEqual(move.escalation_plan_id, plan, "posting puts it under the default plan")

        def run(on):
            with freeze_time(f"{on} 09:00:00"):
                followups = plan._run(on)
            self._empty_mail_queue()
            return followups

        # Nothing until the courtesy email, five days before the due date.
        self.assertFalse(run(day("11-10")))
        courtesy = run(day("11-11"))
        self.assertRecordValues(courtesy, [{"state": "done", "channel": "email", "recipient_ids": self.customer.ids}])
        self.assertIn("Please pay", courtesy.mail_message_id.body)

        # The due date passes. The first reminder goes out by itself four days later.
        self.assertFalse(run(day("11-17")))
        first = run(day("11-20"))
        self.assertEqual(first.step_id.name, "First reminder")
        self.assertIn("1,000.00", first.total_due)

        # The second waits for a person, who reads and sends it a day later.
        second = run(day("11-27"))
        self.assertEqual(second.state, "todo")
        with freeze_time("2026-11-30 10:00:00"):
            action = second.action_send()
            with self.mock_mail_gateway():
                self._open_wizard(action)._action_send_mail()
            self.assertIn("at least 5 days after the last contact", move.escalation_reason)
        self.assertEqual(move.escalation_last_date, day("11-30"))

        # The call comes when five days have passed since, on a working day: Monday 7 December.
        self.assertFalse(run(day("12-04")))
        call = run(day("12-07"))
        self.assertEqual((call.channel, call.activity_id.res_id), ("call", move.id))
        with freeze_time("2026-12-07 15:00:00"):
            call.activity_id.action_feedback("Will pay half now")
        self.assertEqual(call.state, "done")

        # Half is paid. The letter asks for the rest only, and waits to be posted.
        self._pay(move, 500.0, on=day("12-09"))
        self.assertFalse(run(day("12-11")))
        letter = run(day("12-14"))
        self.assertEqual((letter.state, letter.amount_residual), ("todo", 500.0))
        self.assertTrue(letter.attachment_ids.raw.startswith(b"%PDF"))

        # The rest arrives before anybody went to the post: the letter is withdrawn at once, and all is silent.
        self._pay(move, 500.0, on=day("12-15"))
        self.assertEqual(letter.state, "skipped")
        self.assertFalse(run(day("12-15")))
        self.assertFalse(run(day("12-31")))
        self.assertEqual(
            self._followups_of(move).mapped("state"), ["done", "done", "done", "done", "skipped"], "the history stays"
        )
