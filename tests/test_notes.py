"""Who, when, why: every change leaves an internal note, which no customer sees."""

from freezegun import freeze_time

from odoo import Command
from odoo.tests import new_test_user

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


@freeze_time("2026-11-02 12:00:00")
class TestNotes(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1, name="One"), self._step(5, name="Two"), name="Firm")
        self.customer_plan = self._create_plan(self._step(1), level="customer", next_run_date=MONDAY, name="Whole")
        self.move = self._create_invoice(day("10-16"))
        self.portal = new_test_user(self.env, "portal_customer", "base.group_portal")
        self.portal.partner_id.parent_id = self.customer
        self.move._message_subscribe(self.portal.partner_id.ids)
        self.customer._message_subscribe(self.portal.partner_id.ids)

    def _assert_noted(self, record, text, change):
        """The change leaves one note that says the text, by the user, unseen by the customer."""
        before = record.message_ids
        change()
        self.env.flush_all()
        notes = (record.message_ids - before).filtered(lambda message: text in (message.body or ""))
        self.assertEqual(len(notes), 1, f"{text}: {(record.message_ids - before).mapped('body')}")
        self.assertTrue(notes.is_internal)
        self.assertEqual(notes.subtype_id, self.env.ref("mail.mt_note"))
        self.assertEqual(notes.author_id, self.env.user.partner_id)
        self.assertFalse(notes.notified_partner_ids)
        self.assertFalse(self.env["mail.message"].with_user(self.portal).search([("id", "=", notes.id)]))

    def _wizard(self, name, record, **values):
        wizard = self.env[f"account.escalation.{name}"]
        return wizard.with_context(active_model=record._name, active_ids=record.ids).create(values)

    def test_on_the_invoice(self):
        move = self.move

        def promise():
            self.env["account.escalation.promise"].create(
                {"move_ids": [Command.set(move.ids)], "date": day("11-10"), "amount": 100.0, "note": "Ann said"}
            )

        def goto():
            self._wizard("goto", move, note="As agreed", step_id=self.plan.step_ids[1].id).action_goto()

        for text, change in (
            ("Firm", self._wizard("assign", move, plan_id=self.plan.id).action_assign),
            ("none", lambda: move.write({"escalation_plan_id": False})),
            ("Firm", lambda: move.write({"escalation_plan_id": self.plan.id})),
            ("On holiday", self._wizard("hold", move, until=day("11-05"), note="On holiday").action_hold),
            ("lifted", move.action_escalation_lift),
            ("Price", self._wizard("hold", move, hold="dispute", dispute_reason="price").action_hold),
            ("lifted", move.action_escalation_lift),
            ("Ann said", promise),
            ("lifted", move.action_escalation_lift),
            ("As agreed", goto),
            ("Factored", self._wizard("hold", move, hold="exclude", exclusion="factored").action_hold),
            ("Followed up again", lambda: move.write({"no_followup": False})),
            ("Excluded", lambda: move.write({"no_followup": True})),
        ):  # fmt: skip
            with self.subTest(text):
                self._assert_noted(move, text, change)

    def test_on_the_customer(self):
        customer = self.customer
        for text, change in (
            ("Whole", self._wizard("assign", customer, plan_id=self.customer_plan.id, level="customer").action_assign),
            ("none", lambda: customer.write({"escalation_plan_id": False})),
            ("Firm", lambda: customer.write({"escalation_invoice_plan_id": self.plan.id})),
            ("On holiday", self._wizard("hold", customer, until=day("11-05"), note="On holiday").action_hold),
            ("lifted", customer.action_escalation_lift),
            ("Insolvency", self._wizard("hold", customer, hold="exclude", exclusion="insolvency").action_hold),
            ("Lawyer", lambda: customer.write({"escalation_exclusion": "lawyer"})),
            ("Followed up again", lambda: customer.write({"escalation_no_followup": False})),
        ):
            with self.subTest(text):
                self._assert_noted(customer, text, change)
