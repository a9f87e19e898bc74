"""Go to step: forward, back, now or on its date; history stays, and nothing is said twice."""

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


@freeze_time("2026-11-02 12:00:00")
class TestGoto(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(
            self._step(1, name="One"), self._step(5, name="Two"), self._step(30, "call", name="Three")
        )
        self.one, self.two, self.three = self.plan.step_ids
        self.plan.responsible_id = self.env.user
        self.move = self._create_invoice(day("10-16"), self.plan)

    def _goto(self, records, step, user=None, **values):
        wizard = self.env["account.escalation.goto"].with_user(user or self.env.user)
        wizard = wizard.with_context(active_model=records._name, active_ids=records.ids)
        return wizard.create({"step_id": step.id, "note": "As agreed", **values}).action_goto()

    def _steps_of(self, record, *states):
        lines = self.env["account.escalation.followup.line"].search(
            [("move_id", "=", record.id), ("counts", "=", True)]
        )
        return lines.followup_id.sorted("id").filtered(lambda followup: followup.state in states).step_id.mapped("name")

    def test_forward_on_its_date_passes_over_what_lies_before(self):
        self._goto(self.move, self.three)
        self.assertEqual(self.move.escalation_next_step_id, self.three)
        self.assertEqual(self.move.escalation_next_date, day("11-16"), "due + 30 is a Sunday")
        self.assertFalse(self.plan._run(MONDAY))
        self.assertEqual(self.plan._run(day("11-16")).step_id, self.three)
        self.assertFalse(self.move.escalation_last_date, "passing over is no contact")

    def test_forward_now(self):
        self._goto(self.move, self.three, is_now=True)
        self.assertEqual(self._steps_of(self.move, "todo"), ["Three"])
        self.assertFalse(self.plan._run(day("11-03")), "nothing twice")

    def test_forward_past_twins_of_one_date(self):
        twin = self.two.copy({"channel": "letter", "name": "Letter"})
        self._goto(self.move, self.three)
        self.assertEqual(self.move.escalation_next_step_id, self.three)
        self.assertIn(twin, self.move.escalation_followup_ids.step_id)

    def test_back_on_its_date(self):
        self._run_days(self.plan, MONDAY, day("11-03"))
        self.assertEqual(self._steps_of(self.move, "done"), ["One", "Two"])
        self._goto(self.move, self.one)
        self.assertEqual(self.plan._run(day("11-04")).step_id, self.one)
        self.assertEqual(self.plan._run(day("11-05")).step_id, self.two)

    def test_history_stays(self):
        done = self.plan._run(MONDAY)
        self._empty_mail_queue()
        self._goto(self.move, self.one)
        self.assertEqual(done.state, "done")
        self.assertIn(done, self.move.escalation_followup_ids)
        self.assertEqual(self.move.escalation_last_date, MONDAY)

    def test_open_follow_up_of_another_step_is_withdrawn(self):
        self.one.needs_review = True
        waiting = self.plan._run(MONDAY)
        self._goto(self.move, self.two, is_now=True)
        self.assertRecordValues(waiting, [{"state": "skipped", "reason": "plan_changed"}])
        self.assertEqual(self._steps_of(self.move, "done"), ["Two"])

    def test_back_in_a_contextual_plan_takes_the_step_that_was_chosen(self):
        self.plan.logic = "contextual"
        self.plan._run(MONDAY)
        self.assertEqual(self._steps_of(self.move, "done"), ["Two"])
        self._goto(self.move, self.one)
        self.assertEqual(self._steps_of(self.move, "done"), ["One"])

    def test_reason_is_noted(self):
        self._goto(self.move, self.two)
        self.assertIn("As agreed", self.move.message_ids[0].body)
        self.assertIn("Two", self.move.message_ids[0].body)

    def test_held_invoice_says_why_nothing_leaves(self):
        self.move._escalation_hold("pause", day("11-10"))
        action = self._goto(self.move, self.two, is_now=True)
        self.assertIn("On hold", action["params"]["message"])
        self.assertFalse(self.move.escalation_followup_ids.mail_message_id)

    def test_invoices_of_one_customer_share_a_message(self):
        other = self._create_invoice(day("10-16"), self.plan)
        self._goto(self.move | other, self.two, is_now=True)
        done = (self.move | other).escalation_followup_ids.filtered(lambda followup: followup.state == "done")
        self.assertEqual(len(done), 1)
        self.assertEqual(done.move_ids, self.move | other)

    def test_refused(self):
        other = self._create_invoice(day("10-16"), self._create_plan(self._step(1)))
        unplanned = self._create_invoice(day("10-16"))
        paid = self._create_invoice(day("10-16"), self.plan)
        self._pay(paid)
        for moves in (self.move | other, self.move | unplanned, self.move | paid):
            with self.subTest(len(moves)), self.assertRaises(UserError), self.env.cr.savepoint():
                self._goto(moves, self.two, is_now=True)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._goto(self.move, other.escalation_plan_id.step_ids)
        self.assertFalse(self.move.escalation_followup_ids)

    def test_rights(self):
        company = {"company_id": self.company.id, "company_ids": [(6, 0, self.company.ids)]}
        biller = new_test_user(self.env, "biller", "account.group_account_invoice", **company)
        reader = new_test_user(self.env, "reader", "account.group_account_readonly", **company)
        self._goto(self.move, self.two, biller, is_now=True)
        self.assertEqual(self._steps_of(self.move, "done"), ["Two"])
        with self.assertRaises(AccessError):
            self._goto(self.move, self.one, reader, is_now=True)


@freeze_time("2026-11-02 12:00:00")
class TestGotoCustomer(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(
            self._step(1, name="One"),
            self._step(40, name="Two"),
            level="customer",
            next_run_date=MONDAY,
            interval_type="weeks",
        )
        self.one, self.two = self.plan.step_ids
        self.customer.with_company(self.company).escalation_plan_id = self.plan
        self.old, self.new = (self._create_invoice(day(due)) for due in ("10-16", "10-26"))

    def _goto(self, step, **values):
        wizard = self.env["account.escalation.goto"].with_context(
            active_model="res.partner", active_ids=self.customer.ids
        )
        wizard.create({"step_id": step.id, "note": "As agreed", **values}).action_goto()

    def test_forward_now_lists_what_is_overdue(self):
        self._goto(self.two, is_now=True)
        done = self.customer.escalation_followup_ids.filtered(lambda followup: followup.state == "done")
        self.assertEqual(done.step_id, self.two)
        self.assertEqual(done.move_ids, self.old | self.new)
        self.assertIn("As agreed", self.customer.message_ids[0].body)
        self.assertFalse(self.plan._run(day("11-09")), "nothing twice")

    def test_forward_on_its_date(self):
        self._goto(self.two)
        self.assertFalse(self.plan._run(MONDAY))
        self.plan.next_run_date = day("11-30")
        self.assertEqual(self.plan._run(day("11-30")).step_id, self.two)

    def test_back(self):
        self.assertEqual(self.plan._run(MONDAY).step_id, self.one)
        self.assertFalse(self.plan._run(day("11-09")))
        self._goto(self.one)
        self.assertEqual(self.plan._run(day("11-16")).step_id, self.one)

    def test_what_an_invoice_plan_takes_care_of_is_left_out(self):
        self.old.escalation_plan_id = self._create_plan(self._step(20))
        self._goto(self.two, is_now=True)
        done = self.customer.escalation_followup_ids.filtered(lambda followup: followup.state == "done")
        self.assertEqual(done.move_ids, self.new)
