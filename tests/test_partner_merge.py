"""Two customers turn out to be one, and are merged with core's wizard."""

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class TestMerge(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.twin = self._create_customer("Azure Twin")

    def _merge(self):
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((self.customer | self.twin).ids, self.customer, extra_checks=False)

    def test_plan_goes_on(self):
        plan = self._create_customer_plan(self._step(10), self._step(20))
        self._create_invoice(day("10-20"))
        plan._run(MONDAY)
        self._merge()
        self.assertEqual(plan._run(day("11-09")).step_id, plan.step_ids[1])

    def test_plan_of_the_other_goes_on(self):
        plan = self._create_customer_plan(self._step(10), self._step(20), partner=self.twin)
        move = self._create_invoice(day("10-20"), partner=self.twin)
        plan._run(MONDAY)
        self._merge()
        followup = plan._run(day("11-09"))
        self.assertEqual((followup.partner_id, followup.step_id), (self.customer, plan.step_ids[1]))
        self.assertEqual(self._listed(followup), move)

    def test_summaries_of_one_day(self):
        plan = self._create_summary()
        self.twin.escalation_summary_plan_id = plan
        moves = self._create_invoice(day("10-20")) | self._create_invoice(day("10-20"), partner=self.twin)
        history = plan._run(MONDAY)
        self._empty_mail_queue()
        self._merge()
        self.assertEqual(self.customer.escalation_followup_ids, history)
        self.assertEqual(history.mapped("state"), ["done", "done"])
        self.assertEqual(self._listed(plan._run(day("11-09"))), moves)
