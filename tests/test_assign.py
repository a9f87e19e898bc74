"""Setting the plan of several invoices from their list."""

from odoo.exceptions import ValidationError
from odoo.tests import Form, new_test_user

from odoo.addons.account_escalation.tests.common import EscalationCommon, day


class TestAssign(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1), name="Firm")
        self.moves = self._create_invoice(day("12-20")) | self._create_invoice(day("12-21"))
        self.user = new_test_user(self.env, "biller", "account.group_account_invoice", company_id=self.company.id)

    def _assign(self, moves, plan):
        wizard = (
            self.env["account.escalation.assign"]
            .with_user(self.user)
            .with_context(active_model="account.move", active_ids=moves.ids)
        )
        form = Form(wizard)
        form.plan_id = plan
        wizard = form.save()
        wizard.action_assign()
        return wizard

    def test_plan_and_how_many_are_said_and_set(self):
        wizard = self._assign(self.moves, self.plan)
        self.assertIn("begin the plan “Firm”", wizard.summary)
        self.assertRecordValues(
            self.moves, [{"escalation_plan_id": self.plan.id, "escalation_plan_origin": "manual"}] * 2
        )

    def test_no_plan_is_a_choice(self):
        self.moves.escalation_plan_id = self.plan
        wizard = self._assign(self.moves, self.env["account.escalation.plan"])
        self.assertIn("followed up no more", wizard.summary)
        self.assertFalse(self.moves.escalation_plan_id)
        self.assertEqual(set(self.moves.mapped("escalation_plan_origin")), {"manual"})

    def test_credit_notes_are_left_out(self):
        refund = self._create_invoice(day("12-20"), move_type="out_refund")
        self._assign(self.moves | refund, self.plan)
        self.assertFalse(refund.escalation_plan_id)
        self.assertEqual(self.moves.escalation_plan_id, self.plan)

    def test_plan_of_another_company_writes_nothing(self):
        other = self._create_plan(company_id=self.other_company.id)
        wizard = (
            self.env["account.escalation.assign"]
            .with_context(active_model="account.move", active_ids=self.moves.ids)
            .create({})
        )
        wizard.plan_id = other
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            wizard.action_assign()
        self.moves.invalidate_recordset()
        self.assertFalse(self.moves.escalation_plan_id)

    def test_list_does_not_open_due_dates_for_editing(self):
        view = self.env.ref("account.view_out_invoice_tree")
        self.assertNotIn("multi_edit", self.env["account.move"].get_view(view.id, "list")["arch"])
