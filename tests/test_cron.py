"""The scheduled actions: each company once a day, from its hour, on its own day; batch by batch."""

from datetime import datetime

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.account_escalation.tests.common import EscalationCommon, day


@tagged("post_install", "-at_install")
class TestCron(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["account.escalation.plan"].search([]).active = False  # ready plans and demo data
        cls.plan = cls._create_plan(cls._step(1))
        cls.move = cls._create_invoice(day("10-16"), cls.plan)

    def _trigger(self, at):
        """Both scheduled actions at an instant, in UTC."""
        with freeze_time(at), self.enter_registry_test_mode():
            self.env.ref("account_escalation.ir_cron_run").method_direct_trigger()
            self.env.ref("account_escalation.ir_cron_process").method_direct_trigger()
        self.env.invalidate_all()

    def test_not_before_the_send_hour(self):
        self._trigger("2026-11-02 07:00:00")  # 8:00 in Berlin
        self.assertFalse(self.move.escalation_followup_ids)
        self._trigger("2026-11-02 08:00:00")
        self.assertEqual(self.move.escalation_followup_ids.state, "done")
        self.assertEqual(self.plan.last_run, day("11-02"))

    def test_once_a_day(self):
        self._trigger("2026-11-02 08:00:00")
        late = self._create_invoice(day("10-16"), self.plan)
        self._trigger("2026-11-02 09:00:00")
        self.assertFalse(late.escalation_followup_ids)
        self._trigger("2026-11-03 08:00:00")
        self.assertEqual(late.escalation_followup_ids.date, day("11-03"))

    def test_not_for_an_archived_company(self):
        plan = self._create_plan(self._step(1), company_id=self.other_company.id)
        now = datetime(2026, 11, 2, 18)
        self.assertIn(plan, plan._get_due_plans(now))
        self.other_company.active = False
        self.assertNotIn(plan, plan._get_due_plans(now))

    def test_run_now_looks_again(self):
        self._trigger("2026-11-02 08:00:00")
        late = self._create_invoice(day("10-16"), self.plan)
        self.plan.action_run()
        self._trigger("2026-11-02 09:00:00")
        self.assertTrue(late.escalation_followup_ids)
        self.assertEqual(len(self.move.escalation_followup_ids), 1)

    def test_the_companys_own_today(self):
        self.company.resource_calendar_id.tz = "Pacific/Auckland"  # 13 hours ahead in November
        self._trigger("2026-11-01 20:00:00")
        self.assertEqual(self.move.escalation_followup_ids.date, day("11-02"))

    def test_stale_follow_ups_are_let_go_every_hour(self):
        self.plan.step_ids.needs_review = True
        self._trigger("2026-11-02 08:00:00")
        followup = self.move.escalation_followup_ids
        self.assertEqual(followup.state, "todo")
        self._pay(self.move)
        self._trigger("2026-11-02 09:00:00")
        self.assertEqual(followup.state, "skipped")

    def test_paid_between_deciding_and_doing(self):
        with freeze_time("2026-11-02 08:00:00"), self.enter_registry_test_mode():
            self.env.ref("account_escalation.ir_cron_run").method_direct_trigger()
        self.env.invalidate_all()
        followup = self.move.escalation_followup_ids
        self.assertEqual(followup.state, "queued")
        self._pay(self.move)
        with freeze_time("2026-11-02 08:05:00"), self.enter_registry_test_mode():
            self.env.ref("account_escalation.ir_cron_process").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(followup.state, "skipped")
        self.assertFalse(followup.mail_message_id)

    def test_more_than_one_batch(self):
        plan = self._create_plan(self._step(1), group_by_customer=False)
        move = self._create_invoice(day("10-16"), plan)
        moves = move
        for _number in range(3):
            moves |= self._create_invoice(day("10-16"), plan)
        path = "odoo.addons.account_escalation.models.account_escalation_followup_process.PROCESS_BATCH"
        self.patch(__import__(path.rpartition(".")[0], fromlist=["x"]), "PROCESS_BATCH", 2)
        self._trigger("2026-11-02 08:00:00")
        self.assertEqual(set(moves.escalation_followup_ids.mapped("state")), {"done"})
        self.assertEqual(len(moves.escalation_followup_ids.mail_message_id), 4)
