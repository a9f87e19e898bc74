"""A person's own reminder: in two clicks, one for each customer, a contact, and no step of the plan."""

from freezegun import freeze_time

from odoo.exceptions import UserError, ValidationError

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


@freeze_time("2026-11-02 12:00:00")
class TestReminder(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1), min_contact_days=3)
        self.move = self._create_invoice(day("10-16"), self.plan)

    def _compose(self, action):
        return self.env[action["res_model"]].with_context(**action["context"]).create({})

    def _remind(self, moves):
        action = moves.action_escalation_remind()
        with self.mock_mail_gateway():
            self._compose(action)._action_send_mail()
        return self._followups_of(moves[:1])[-1]

    def test_one_customer_opens_the_composer_filled_in(self):
        composer = self._compose(self.move.action_escalation_remind())
        self.assertIn(self.move.name, composer.body)
        self.assertEqual(composer.partner_ids, self.customer)

    def test_counts_as_contact_and_moves_no_plan(self):
        reminder = self._remind(self.move)
        self.assertRecordValues(reminder, [{"state": "done", "is_manual": True}])
        self.assertEqual(self.move.escalation_last_date, MONDAY)
        self.assertFalse(self.plan._run(MONDAY), "the minimum delay")
        self.assertEqual(self.plan._run(day("11-05")).step_id, self.plan.step_ids)

    def test_invoice_without_plan(self):
        self.move.escalation_plan_id = False
        self.assertEqual(self._remind(self.move).state, "done")

    def test_several_customers_get_one_each(self):
        other = self._create_invoice(day("10-16"), partner=self._create_customer("Deco Addict"))
        action = (self.move | other).action_escalation_remind()
        reminders = self.env["account.escalation.followup"].search(action["domain"])
        self.assertEqual(reminders.partner_id, self.move.partner_id | other.partner_id)
        self.assertEqual(reminders.mapped("state"), ["todo", "todo"])
        for reminder in reminders:
            self.assertEqual(reminder.move_ids.partner_id, reminder.partner_id)

    def test_paid_meanwhile(self):
        action = self.move.action_escalation_remind()
        composer = self._compose(action)
        self._pay(self.move)
        with self.assertRaises(UserError):
            composer._action_send_mail()

    def test_paid_or_excluded_invoices_are_refused(self):
        excluded = self._create_invoice(day("10-16"))
        excluded.no_followup = True
        self._pay(self.move)
        for move in (self.move, excluded):
            with self.assertRaises(UserError):
                move.action_escalation_remind()

    def test_placeholder_that_does_not_exist(self):
        with self.assertRaises(ValidationError, msg="object.partner_id.nmae"):
            self.template.body_html = '<p t-out="object.partner_id.nmae"/>'
        with self.assertRaises(ValidationError):
            self.template.subject = "{{ object.total_de }}"

    def test_earlier_reminders_can_be_cited(self):
        self._remind(self.move)
        followup = self.plan._run(day("11-05"))
        self.assertEqual(followup.previous_reminders, "11/02/2026")

    def test_answer_is_told_on_the_invoice(self):
        followup = self._remind(self.move)
        followup.message_post(
            body="We pay on Friday", message_type="email", author_id=self.customer.id, subject="Re: Reminder"
        )
        note = self.move.message_ids[0]
        self.assertIn("has answered", note.body)
        self.assertTrue(note.is_internal)
