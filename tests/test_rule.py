"""Who takes a new invoice or customer: the customer's own plan, then rules in their order, then the default."""

from odoo.exceptions import ValidationError
from odoo.tests import Form
from odoo.tools import mute_logger

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class RuleCommon(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["account.escalation.plan"].search([]).active = False  # ready plans and demo data

    def _apply(self, plan):
        """Apply Now to Existing: the dialog, as the user meets it."""
        action = plan.action_apply_rule()
        return self.env[action["res_model"]].browse(action["res_id"])


class TestRuleOfInvoices(RuleCommon):
    def setUp(self):
        super().setUp()
        self.large = self._create_rule("Large", [("amount_total", ">=", 500)], sequence=1)
        self.middle = self._create_rule("Middle", [("amount_total", ">=", 200)], sequence=2)
        self.default = self._create_plan(self._step(1), name="Default", is_default=True, sequence=0)

    def test_rule_that_is_not_valid_any_more_lets_invoices_be_posted(self):
        self.env.cr.execute(
            "UPDATE account_escalation_plan SET assign_domain = %s WHERE id = %s", ["[('gone', '=', 1)]", self.large.id]
        )
        self.env.invalidate_all()
        with mute_logger("odoo.addons.account_escalation.models.account_escalation_plan"):
            move = self._create_invoice(day("10-16"), amount=600.0)
        self.assertEqual(move.escalation_plan_id, self.middle)

    def _create_rule(self, name, domain, **values):
        return self._create_plan(self._step(1), name=name, assign_domain=repr(domain), **values)

    def test_first_that_matches_then_the_default(self):
        for amount, plan, origin in (
            (600, self.large, "rule"),
            (300, self.middle, "rule"),
            (100, self.default, "default"),
        ):
            move = self._create_invoice(day("12-20"), amount=amount)
            self.assertRecordValues(move, [{"escalation_plan_id": plan.id, "escalation_plan_origin": origin}])

    def test_sequence_decides(self):
        self.middle.sequence = 0
        self.assertEqual(self._create_invoice(day("12-20"), amount=600).escalation_plan_id, self.middle)

    def test_archived_plan_takes_nothing(self):
        self.large.active = False
        self.assertEqual(self._create_invoice(day("12-20"), amount=600).escalation_plan_id, self.middle)

    def test_without_rule_and_default_none(self):
        (self.large | self.middle | self.default).active = False
        move = self._create_invoice(day("12-20"))
        self.assertRecordValues(move, [{"escalation_plan_id": False, "escalation_plan_origin": False}])

    def test_rule_of_another_company(self):
        self.large.company_id = self.other_company
        self.assertEqual(self._create_invoice(day("12-20"), amount=600).escalation_plan_id, self.middle)

    def test_the_customers_own_plan_comes_first(self):
        own = self._create_plan(self._step(1))
        self.customer.escalation_invoice_plan_id = own
        move = self._create_invoice(day("12-20"), amount=600)
        self.assertRecordValues(move, [{"escalation_plan_id": own.id, "escalation_plan_origin": "customer"}])

    def test_manual_choice_comes_first(self):
        chosen = self._create_plan(self._step(1))
        for plan in (chosen, chosen.browse()):
            move = self._create_invoice(day("12-20"), amount=600)
            move.button_draft()
            move.escalation_plan_id = plan
            move.action_post()
            self.assertEqual(move.escalation_plan_id, plan)

    def test_customers_that_match(self):
        self.large.assign_domain = repr([("partner_id.country_id.code", "=", "DE")])
        self.assertEqual(self._create_invoice(day("12-20")).escalation_plan_id, self.large)

    def test_invalid_rules_are_refused(self):
        for rule in ("[('no_such_field', '=', 1)]", "[(", "[('id', 'unlike', 1)]", "nonsense", "3", "{'a': 1}"):
            with self.subTest(rule), self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.large.assign_domain = rule

    def test_rule_follows_the_level(self):
        self.large.assign_domain = False
        form = Form(self.large)
        self.assertEqual(form.assign_model, "account.move")
        form.level, form.next_run_date = "customer", MONDAY
        self.assertEqual(form.assign_model, "res.partner")
        form.assign_domain = "[('amount_total', '>', 1)]"
        with self.assertRaises(ValidationError):
            form.save()

    def test_one_default_for_each_company_and_level(self):
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.large.is_default = True
        customers = self._create_plan(self._step(1), level="customer", next_run_date=MONDAY, is_default=True)
        elsewhere = self._create_plan(self._step(1), company_id=self.other_company.id, is_default=True)
        self.assertTrue(customers.is_default and elsewhere.is_default)

    def test_apply_now_shows_the_number_first(self):
        moves = self.env["account.move"].concat(
            *(self._create_invoice(day("12-20"), amount=amount) for amount in (300, 600, 300))
        )
        moves._escalation_write({"escalation_plan_id": False, "escalation_plan_origin": False})
        wizard = self._apply(self.middle)
        self.assertEqual(wizard.change_count, 2, "the third belongs to the rule before it")
        self.assertFalse(moves.escalation_plan_id, "nothing is written before the user says so")
        wizard.action_assign()
        self.assertEqual(moves.mapped("escalation_plan_id.name"), ["Middle"])
        self.assertEqual([move.escalation_plan_origin for move in moves], ["rule", False, "rule"])

    def test_apply_now_leaves_choices_alone(self):
        chosen, refused, default, paid, owned = (self._create_invoice(day("12-20"), amount=600) for _number in range(5))
        chosen.escalation_plan_id = self.middle
        refused.escalation_plan_id = False
        default._escalation_write({"escalation_plan_id": self.default.id, "escalation_plan_origin": "default"})
        paid._escalation_write({"escalation_plan_id": False, "escalation_plan_origin": False})
        self._pay(paid)
        owned._escalation_write({"escalation_plan_id": self.middle.id, "escalation_plan_origin": "customer"})
        wizard = self._apply(self.large)
        self.assertEqual(wizard.change_count, 1)
        wizard.action_assign()
        self.assertEqual(default.escalation_plan_id, self.large)
        self.assertEqual((chosen | owned).escalation_plan_id, self.middle)
        self.assertFalse((refused | paid).escalation_plan_id)

    def test_choice_made_between_the_dialog_and_the_job_stands(self):
        moves = self._create_invoice(day("12-20"), amount=600) | self._create_invoice(day("12-20"), amount=600)
        moves._escalation_write({"escalation_plan_id": False, "escalation_plan_origin": False})
        values = self._apply(self.large)._prepare_job_values(moves)
        job = self.env["account.escalation.job"].sudo().create(values)
        moves[0].escalation_plan_id = self.middle
        job._run()
        self.assertEqual(moves.mapped("escalation_plan_id"), self.middle | self.large)


class TestRuleOfCustomers(RuleCommon):
    def setUp(self):
        super().setUp()
        values = {"level": "customer", "next_run_date": MONDAY}
        rule = repr([("country_id.code", "=", "DE")])
        self.plan = self._create_plan(self._step(1), name="Germans", assign_domain=rule, **values)
        self.chosen = self._create_plan(self._step(1), name="Chosen", **values)
        self.summary = self._create_plan(self._step(0), level="summary", next_run_date=MONDAY, assign_domain=rule)

    def test_posting_takes_the_first_that_matches(self):
        self._create_invoice(day("12-20"))
        self.assertRecordValues(
            self.customer,
            [
                {
                    "escalation_plan_id": self.plan.id,
                    "escalation_plan_origin": "rule",
                    "escalation_summary_plan_id": self.summary.id,
                }
            ],
        )

    def test_customer_that_does_not_match(self):
        self.customer.country_id = self.env.ref("base.fr")
        self._create_invoice(day("12-20"))
        self.assertFalse(self.customer.escalation_plan_id | self.customer.escalation_summary_plan_id)

    def test_manual_choice_comes_first(self):
        self.customer.escalation_plan_id = self.chosen
        self._create_invoice(day("12-20"))
        self.assertEqual(self.customer.escalation_plan_id, self.chosen)

    def test_what_a_form_leaves_empty_on_a_new_customer_is_no_choice(self):
        values = {"escalation_plan_id": self.chosen.id, "escalation_summary_plan_id": False}
        customer = self._create_customer("Deco Addict", **values)
        self._create_invoice(day("12-20"), partner=customer)
        self.assertRecordValues(
            customer, [{"escalation_plan_id": self.chosen.id, "escalation_summary_plan_id": self.summary.id}]
        )

    def test_none_is_a_choice(self):
        self._create_invoice(day("12-20"))
        self.customer.write({"escalation_plan_id": False, "escalation_summary_plan_id": False})
        self._create_invoice(day("12-21"))
        self.assertFalse(self.customer.escalation_plan_id | self.customer.escalation_summary_plan_id)

    def test_apply_now(self):
        person = self._create_customer("Jane Doe", is_company=False)
        chosen = self._create_customer("Deco Addict", escalation_plan_id=False)
        chosen.escalation_plan_id = self.chosen
        contact = self._create_customer("Ann", is_company=False, parent_id=self.customer.id)
        self.plan.assign_domain = repr([("id", "in", (self.customer | person | chosen | contact).ids)])
        wizard = self._apply(self.plan)
        self.assertEqual(wizard.change_count, 2)
        wizard.action_assign()
        self.assertEqual((self.customer | person).escalation_plan_id, self.plan)
        self.assertEqual((self.customer | person).mapped("escalation_plan_origin"), ["rule"] * 2)
        self.assertEqual(chosen.escalation_plan_id, self.chosen)
