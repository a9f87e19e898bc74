"""The run on real invoices: the worked examples through READ, DECIDE, RECORD and DO."""

from datetime import timedelta

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class TestRun(EscalationCommon):
    def _run_until(self, plan, first, last):
        today = first
        while today <= last:
            plan._run(today)
            today += timedelta(days=1)

    def test_late_invoice_takes_the_steps_one_by_one(self):
        plan = self._create_plan(*[self._step(days) for days in (1, 7, 10, 15)], min_contact_days=5)
        move = self._create_invoice(day("10-16"), plan)
        self._run_until(plan, MONDAY, day("11-30"))
        self.assertEqual(self._days_of(move), [day("11-02"), day("11-09"), day("11-16"), day("11-23")])
        self.assertEqual(set(self._followups_of(move).mapped("state")), {"done"})
        self.assertEqual(move.escalation_last_date, day("11-23"))
