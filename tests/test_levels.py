"""Two levels at once: shown on invoice and customer, found by the filters of both lists."""

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class TestLevels(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.invoice_plan = self._create_plan(self._step(1))
        self.customer_plan = self._create_plan(self._step(1), level="customer", next_run_date=MONDAY)
        self.move = self._create_invoice(day("10-16"), self.invoice_plan)
        self.other_customer = self._create_customer("Deco Addict")
        self.other = self._create_invoice(day("10-16"), partner=self.other_customer)
        self.customers = self.customer | self.other_customer

    def _search(self, records, value=True):
        return records.search([("id", "in", records.ids), ("escalation_is_doubled", "=", value)])

    def _assert_doubled(self, moves, customers):
        self.assertEqual((self.move | self.other).filtered("escalation_is_doubled"), moves)
        self.assertEqual(self._search(self.move | self.other), moves)
        self.assertEqual(self._search(self.move | self.other, False), (self.move | self.other) - moves)
        self.assertEqual(self.customers.filtered("escalation_is_doubled"), customers)
        self.assertEqual(self._search(self.customers), customers)
        self.assertEqual(self._search(self.customers, False), self.customers - customers)

    def test_one_level_only(self):
        nothing = self.move.browse(), self.customer.browse()
        self._assert_doubled(*nothing)
        self.other_customer.escalation_plan_id = self.customer_plan
        self._assert_doubled(*nothing)

    def test_two_levels(self):
        self.customers.escalation_plan_id = self.customer_plan
        self._assert_doubled(self.move, self.customer)

    def test_customer_whose_planned_invoices_are_paid(self):
        self.customers.escalation_plan_id = self.customer_plan
        self._pay(self.move)
        self.env.invalidate_all()
        self.assertFalse(self.customer.escalation_is_doubled)
        self.assertFalse(self._search(self.customers))

    def test_plan_of_the_customer_in_another_company(self):
        self.env.user.company_ids += self.other_company
        plan = self._create_plan(
            self._step(1), level="customer", next_run_date=MONDAY, company_id=self.other_company.id
        )
        self.customer.with_company(self.other_company).escalation_plan_id = plan
        both = self.move.with_context(allowed_company_ids=[self.other_company.id, self.company.id])
        self.assertFalse(both.escalation_is_doubled)
        self.assertFalse(self._search(both))
        here = self.move.with_context(allowed_company_ids=[self.company.id, self.other_company.id])
        self.customer.with_company(self.company).escalation_plan_id = self.customer_plan
        self.assertEqual(self._search(here), here)
        self.assertEqual(self._search(both), both)
