"""A step whose days are changed while its follow-ups wait: what is to come later now, waits for its day."""

from freezegun import freeze_time

from odoo.tools import mute_logger

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


@freeze_time("2026-11-02 12:00:00")
class TestInvoiceStep(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1, needs_review=True), responsible_id=self.env.user.id)
        self.step = self.plan.step_ids

    def _take(self, due="10-16", **values):
        """The follow-up of an invoice that has reached the step, once the step is as given."""
        self.step.write(values)
        self.move = self._create_invoice(day(due), self.plan)
        return self.plan._run(MONDAY)

    def _assert_withdrawn(self, followup):
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "plan_changed", "date_done": False}])
        self.assertFalse(followup.line_ids.filtered("counts"), "the step comes in its time")

    def test_what_waits_for_a_person(self):
        followup = self._take()
        self.step.days = 20
        self._assert_withdrawn(followup)
        self.assertFalse(self.plan._run(day("11-04")))
        self.assertEqual(self.plan._run(day("11-05")).move_ids, self.move)

    def test_email_in_the_queue(self):
        followup = self._take(needs_review=False)
        mail = self._mails_of(followup)
        self.assertEqual((followup.state, mail.state), ("done", "outgoing"))
        self.step.days = 20
        self._assert_withdrawn(followup)
        self.assertEqual(mail.state, "cancel")
        self.assertFalse(self.move.escalation_last_date)

    def test_email_that_is_sent(self):
        followup = self._take(needs_review=False)
        self._empty_mail_queue()
        self.step.days = 20
        self.assertEqual(followup.state, "done")

    def test_what_is_recorded_only(self):
        self._create_invoice(day("10-16"), self.plan)
        followup = self.plan.sudo()._record(MONDAY)
        self.step.days = 20
        self._assert_withdrawn(followup)

    def test_what_has_failed(self):
        self.template.body_html = '<t t-out="1 / 0"/>'
        with mute_logger("odoo.addons.account_escalation.models.account_escalation_followup_process"):
            followup = self._take()
        self.assertEqual(followup.state, "failed")
        self.step.days = 20
        self._assert_withdrawn(followup)

    def test_call(self):
        followup = self._take(channel="call", template_id=False)
        activity = followup.activity_id
        self.plan.write({"step_ids": [(1, self.step.id, {"days": 20})]})  # as the form does
        self._assert_withdrawn(followup)
        self.assertFalse(activity.exists())

    def test_other_direction(self):
        followup = self._take("11-06", days=5, direction="before")
        self.step.direction = "after"
        self._assert_withdrawn(followup)

    def test_other_anchor(self):
        followup = self._take("11-10", anchor="issue")
        self.step.anchor = "due"
        self._assert_withdrawn(followup)

    def test_taken_before_the_weekend_of_its_day(self):
        with freeze_time("2026-11-13 12:00:00"):
            self.step.write({"days": 5, "direction": "before"})
            self._create_invoice(day("11-20"), self.plan)
            followup = self.plan._run(day("11-13"))
            self.step.days = 6
            self.assertEqual(followup.state, "todo", "it is to come earlier")
            self.step.days = 3
            self._assert_withdrawn(followup)

    def test_reached_all_the_same(self):
        followup = self._take()
        self.step.days = 17  # today
        self.step.days = 5
        self.step.write({"days": 5, "anchor": "due"})
        self.assertEqual(followup.state, "todo")

    def test_taken_ahead_of_its_day_by_a_person(self):
        move = self._create_invoice(day("10-30"), self.plan)
        self.step.days = 10
        wizard = self.env["account.escalation.goto"].with_context(active_model=move._name, active_ids=move.ids)
        wizard.create({"step_id": self.step.id, "note": "As agreed", "is_now": True}).action_goto()
        followup = move.escalation_followup_ids
        for days in (8, 20):
            self.step.days = days
            self.assertEqual(followup.state, "todo")

    def test_one_of_two_leaves_the_message(self):
        new = self._create_invoice(day("10-30"), self.plan)
        followup = self._take()
        self.assertEqual(self._listed(followup), self.move | new)
        self.step.days = 6
        self.assertEqual((followup.state, self._listed(followup)), ("todo", self.move))
        self.assertEqual(self.plan._run(day("11-05")).move_ids, new)

    def test_instalments_leave_the_message_together(self):
        parts = self._create_instalments(day("10-28"), day("10-30"), issued=day("10-01"), plan=self.plan)
        followup = self._take()
        self.assertEqual(self._listed(followup), self.move | parts)
        self.step.days = 10
        self.assertEqual((followup.state, self._listed(followup)), ("todo", self.move))

    def test_statement_lists_it_still(self):
        self.step.tone = "statement"
        new = self._create_invoice(day("10-30"), self.plan)
        followup = self._take()
        self.step.days = 6
        self.assertEqual((followup.state, self._listed(followup)), ("todo", self.move | new))
        self.assertEqual(followup.line_ids.filtered("is_subject").move_id, self.move)

    def test_other_steps_wait_on(self):
        other = self.step.copy()
        followups = self._take()
        other.days = 20
        self.assertEqual(followups.filtered(lambda followup: followup.step_id == self.step).state, "todo")
        self._assert_withdrawn(followups.filtered(lambda followup: followup.step_id == other))


@freeze_time("2026-11-02 12:00:00")
class TestCustomerStep(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_customer_plan(self._step(10, needs_review=True))
        self.step = self.plan.step_ids
        self.old, self.new = self._create_invoice(day("10-10")), self._create_invoice(day("10-20"))

    def test_comes_at_the_look_that_finds_it_reached(self):
        followup = self.plan._run(MONDAY)
        self.step.days = 32
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "plan_changed"}])
        self.assertFalse(self._run_days(self.plan, day("11-09"), day("11-11")))
        self.assertEqual(self._listed(self.plan._run(day("11-16"))), self.old | self.new)

    def test_goes_on_for_the_other_and_lists_both(self):
        followup = self.plan._run(MONDAY)
        self.step.days = 15
        self.assertEqual((followup.state, self._listed(followup)), ("todo", self.old | self.new))
        self._pay(self.old)
        self.assertEqual(followup.state, "skipped", "the other has not reached the step")

    def test_not_due_yet_is_only_shown(self):
        self.plan.invoice_scope = "unpaid"
        self.step.write({"direction": "before", "days": 10})
        self.old.button_draft()
        self.new.button_draft()
        soon, later = self._create_invoice(day("11-04")), self._create_invoice(day("11-09"))
        followup = self.plan._run(MONDAY)
        self.assertEqual(followup.line_ids.filtered("is_subject").move_id, soon | later)
        self.step.days = 4
        self.assertEqual((followup.state, self._listed(followup)), ("todo", soon | later))
        self._pay(soon)
        self.assertEqual(self.plan._run(day("11-09")).move_ids, later, "it has not taken the step")

    def test_due_date_of_one_that_stays_overdue(self):
        followup = self.plan._run(MONDAY)
        self.new.invoice_date_due = day("10-28")
        self.assertEqual((followup.state, self._listed(followup)), ("todo", self.old | self.new))

    def test_due_date_of_one_that_is_not_due_any_more(self):
        followup = self.plan._run(MONDAY)
        self.new.invoice_date_due = day("11-28")
        self.assertEqual((followup.state, self._listed(followup)), ("todo", self.old))

    def test_due_date_of_one_that_is_only_listed(self):
        self.step.days = 15
        followup = self.plan._run(MONDAY)
        self.assertEqual(followup.line_ids.filtered("is_subject").move_id, self.old)
        self.new.invoice_date_due = day("11-12")
        self.assertEqual((followup.state, self._listed(followup)), ("todo", self.old))
        followup.sudo()._send(MONDAY)
        self._pay(self.old)
        self.assertEqual(self._listed(self.plan._run(day("11-30"))), self.new, "it has not taken the step")

    def test_summary_in_the_queue_tells_the_new_due_date(self):
        summary = self._create_summary()
        followup = summary._run(MONDAY)
        self.new.invoice_date_due = day("11-28")
        self.env.invalidate_all()  # the queue is sent later
        with self.mock_mail_gateway():
            self._mails_of(followup).send()
        first, again = self._mails_of(followup)
        self.assertEqual((first.state, again.state), ("cancel", "outgoing"))
        self.assertIn("200.00", first.body_html)
        self.assertIn("Not yet due", again.body_html)

    def test_summary(self):
        summary = self._create_summary()
        followup = summary.sudo()._record(MONDAY)
        summary.step_ids.write({"days": 0, "direction": "after", "anchor": "due"})
        self.assertEqual(followup.state, "queued")
