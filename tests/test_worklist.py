"""To Do in the order in which a person works: by age and by amount, with totals."""

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class TestWorklist(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1, needs_review=True))
        self.small = self._create_invoice(day("10-10"), self.plan, amount=20.0)
        partner = self._create_customer("Deco Addict")
        self.large = self._create_invoice(day("10-16"), self.plan, amount=300.0, partner=partner)
        self.followups = self.plan._run(MONDAY)

    def _search(self, order):
        return self.followups.search([("id", "in", self.followups.ids)], order=order).move_ids

    def test_sorted_by_amount(self):
        self.assertEqual(self._search("amount_residual"), self.small | self.large)
        self.assertEqual(self._search("amount_residual desc"), self.large | self.small)

    def test_sorted_by_what_is_open_now(self):
        self._pay(self.large, 290.0)
        self.assertEqual(self._search("amount_residual"), self.large | self.small)

    def test_sorted_by_age(self):
        self.assertEqual(self._search("date_oldest_due"), self.small | self.large)
        self.assertEqual(self.followups.mapped("date_oldest_due"), [day("10-10"), day("10-16")])

    def test_the_client_may_sort_and_sum_up(self):
        fields = self.followups.fields_get(["amount_residual", "date_oldest_due"])
        self.assertTrue(all(field["sortable"] for field in fields.values()))
        groups = self.followups.formatted_read_group(
            [("id", "in", self.followups.ids)], ["channel"], ["amount_residual:sum"]
        )
        self.assertEqual([group["amount_residual:sum"] for group in groups], [320.0])

    def test_what_is_over_keeps_what_was_asked_for(self):
        [small] = self.followups.filtered(lambda followup: followup.move_ids == self.small)
        small.action_skip()
        self._pay(self.small)
        self._pay(self.large)
        self.assertEqual(set(self.followups.mapped("state")), {"skipped"})
        self.assertEqual(self.followups.mapped("amount_residual"), [20.0, 300.0])
        self.assertEqual(self.followups.mapped("date_oldest_due"), [False, False])
