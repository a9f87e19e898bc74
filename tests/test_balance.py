"""The list of customers who owe: sums as the customer's own screens say, and what can be done from it."""

from ast import literal_eval

from freezegun import freeze_time
from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from odoo.addons.account_escalation.models.account_escalation_followup_items import AGES
from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


@freeze_time("2026-11-02 12:00:00")
class BalanceCase(EscalationCommon):
    def _balance(self, partner=None, company=None):
        self.env.flush_all()
        self.env.invalidate_all()
        company = company or self.company
        balances = self.env["account.escalation.balance"].with_context(allowed_company_ids=company.ids)
        return balances.search([("partner_id", "=", (partner or self.customer).id), ("company_id", "=", company.id)])

    def _ageing(self, balance):
        return [balance[f"amount_age_{number}"] for number in range(len(AGES) + 1)]

    def _search_balances(self, domain):
        self.env.flush_all()
        return self.env["account.escalation.balance"].search([("company_id", "=", self.company.id), *domain])


class TestAmounts(BalanceCase):
    def test_one_story(self):
        """Partial payment, credit, opening balance, in payment, other companies and currencies, a contact."""
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 2.0)])
        branch = self._create_customer("Branch", parent_id=self.customer.id, is_company=False)
        partial = self._create_invoice(day("10-20"), amount=100.0)
        self._pay(partial, 40.0)
        self._create_invoice(day("12-01"), amount=70.0, partner=branch)
        self._create_invoice(day("08-20"), amount=50.0, currency_id=euro.id)  # 25.0 in company currency
        self._create_invoice(day("10-30"), move_type="out_refund", amount=10.0)
        self._create_opening_balance(300.0)
        in_payment = self._create_invoice(day("10-20"), amount=1000.0)
        in_payment.payment_state = "in_payment"
        self._create_invoice(day("10-20"), amount=5000.0, company_id=self.other_company.id)
        balance = self._balance()
        self.assertRecordValues(
            balance,
            [
                {
                    "amount_overdue": 385.0,  # 60 + 25 + 300
                    "amount_age_0": 70.0,
                    "amount_credit": -10.0,
                    "amount_open": 445.0,
                    "overdue_count": 2,
                    "date_oldest": day("08-20"),
                    "days_overdue": 74,
                    "currency_id": self.company.currency_id.id,
                }
            ],
        )
        self.assertEqual(self._ageing(balance), [70.0, 360.0, 0.0, 25.0, 0.0])
        items = self.customer.escalation_line_ids - in_payment.line_ids
        self.assertEqual(sum(items.mapped("amount_residual")), balance.amount_open)
        other = self._balance(company=self.other_company)
        self.assertEqual((other.amount_open, other.partner_id), (5000.0, self.customer))

    def test_same_ageing_as_the_statement(self):
        """Days 0, 1, 30, 31, 60, 61, 90, 91: the bounds of the columns."""
        for number, due in enumerate(("11-02", "11-01", "10-03", "10-02", "09-03", "09-02", "08-04", "08-03")):
            self._create_invoice(day(due), amount=float(2**number), issued=day("08-01"))
        followup = self._create_summary()._run(MONDAY)
        lines = followup.line_ids.move_line_id
        rows = [
            {"residual": line.amount_residual, "maturity": line.date_maturity, "currency_id": line.currency_id.id}
            for line in lines
        ]
        [[*told, credited, balance]] = followup._get_ageing(rows, MONDAY, lambda amount, _currency_id: amount)
        self.assertEqual(self._ageing(self._balance()), told)
        self.assertEqual((told, credited, balance), ([1.0, 6.0, 24.0, 96.0, 128.0], 0.0, 255.0))

    def test_sorted_by_age(self):
        """Whoever owes nothing of an age comes last, not first."""
        other = self._create_customer("Other")
        self._create_invoice(day("10-20"))
        self._create_invoice(day("09-20"), partner=other)
        self.env.flush_all()
        both = [("partner_id", "in", (self.customer | other).ids)]
        for order, first in (("amount_age_1 desc", self.customer), ("amount_age_2 desc", other)):
            balances = self.env["account.escalation.balance"].search(both, order=order)
            self.assertEqual(balances[0].partner_id, first)

    def test_customer_with_credits_only(self):
        self._pay_in(80.0)
        self.assertRecordValues(
            self._balance(), [{"amount_open": -80.0, "amount_overdue": 0.0, "date_oldest": False, "days_overdue": 0}]
        )

    def test_customer_who_owes_nothing_has_no_row(self):
        move = self._create_invoice(day("10-20"))
        self.assertTrue(self._balance())
        self._pay(move)
        self.assertFalse(self._balance())

    def test_today_is_the_company_s_own(self):
        self._create_invoice(day("11-01"))
        with freeze_time("2026-11-01 23:30:00"):  # in Berlin it is the 2nd
            self.assertEqual(self._balance().amount_overdue, 100.0)
        self.company.resource_calendar_id.tz = "America/New_York"
        with freeze_time("2026-11-01 23:30:00"):
            self.assertEqual(self._balance().amount_overdue, 0.0)


class TestFacts(BalanceCase):
    def test_last_contact(self):
        move, other = self._create_invoice(day("10-10")), self._create_invoice(day("10-12"))
        self.assertFalse(self._balance().date_last_contact)
        self._contact(move, day("10-20"))
        self._contact(other, day("10-15"))
        self._contact(other, day("10-30")).is_contact = False  # colleagues were told
        self.assertEqual(self._balance().date_last_contact, day("10-20"))
        recent = self._search_balances([("date_last_contact", "<", "2026-10-20")])
        self.assertNotIn(self.customer, recent.partner_id)

    def test_decisions_on_the_customer(self):
        self._create_invoice(day("10-20"), company_id=self.other_company.id)
        self._create_invoice(day("10-20"))
        plan = self._create_customer_plan(self._step(1))
        self.customer.write({"escalation_hold": "pause", "escalation_hold_until": day("11-20")})
        self.customer.escalation_no_followup = True
        self.assertRecordValues(
            self._balance(),
            [{"plan_id": plan.id, "hold": "pause", "hold_until": day("11-20"), "is_excluded": True}],
        )
        self.assertRecordValues(
            self._balance(company=self.other_company),
            [{"plan_id": False, "hold": False, "hold_until": False, "is_excluded": False}],
        )

    def test_amount_on_hold(self):
        self._create_invoice(day("10-20"), amount=30.0)
        self._create_invoice(day("12-20"), amount=50.0).escalation_hold = "dispute"
        self.assertEqual(self._balance().amount_held, 50.0)

    def test_amount_without_a_plan(self):
        plan = self._create_plan(self._step(1))
        self.env["account.escalation.plan"].search([("company_id", "=", self.company.id)]).is_default = False
        self._create_invoice(day("10-20"), plan, amount=30.0)
        self._create_invoice(day("10-20"), amount=50.0)
        self._create_opening_balance(7.0)
        self.assertEqual(self._balance().amount_unplanned, 57.0)
        plan.active = False
        self.assertEqual(self._balance().amount_unplanned, 87.0)
        self._create_customer_plan(self._step(1))
        self.assertEqual(self._balance().amount_unplanned, 0.0)


class TestActions(BalanceCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.move = cls._create_invoice(day("10-16"))
        cls.neighbour = cls._create_customer("Neighbour")
        cls._create_invoice(day("10-16"), partner=cls.neighbour)
        companies = {"company_id": cls.company.id, "company_ids": [(6, 0, cls.company.ids)]}
        cls.biller = new_test_user(
            cls.env, "biller", "account.group_account_invoice,base.group_partner_manager", **companies
        )
        cls.reader = new_test_user(cls.env, "reader", "account.group_account_readonly", **companies)
        cls.nobody = new_test_user(cls.env, "nobody", "base.group_user", **companies)

    def _balances(self):
        return (self._balance() | self._balance(self.neighbour)).with_user(self.biller)

    def test_who_reads(self):
        for user in (self.biller, self.reader):
            balance = self.env["account.escalation.balance"].with_user(user).search([])
            self.assertEqual(balance.filtered(lambda row: row.partner_id == self.customer).amount_overdue, 100.0)
            with self.assertRaises(AccessError):
                balance.unlink()
        with self.assertRaises(AccessError):
            self.env["account.escalation.balance"].with_user(self.nobody).search([])

    def test_other_companies_are_not_seen(self):
        self._create_invoice(day("10-16"), company_id=self.other_company.id)
        seen = self.env["account.escalation.balance"].with_user(self.biller).search([])
        self.assertEqual(seen.company_id, self.company)

    def test_click_opens_the_customer_at_follow_up(self):
        action = self._balance().with_user(self.reader).action_open_customer()
        self.assertEqual((action["res_model"], action["res_id"]), ("res.partner", self.customer.id))
        [(view_id, _type)] = action["views"]
        arch = self.env["res.partner"].get_view(view_id, "form")["arch"]
        self.assertRegex(arch, r'<page [^>]*name="escalation"[^>]*autofocus="autofocus"')

    def test_remind(self):
        action = self._balance().with_user(self.biller).action_remind()
        self.assertEqual(action["res_model"], "mail.compose.message")
        action = self._balances().action_remind()
        self.assertEqual(action["res_model"], "account.escalation.remind")

    def test_hold(self):
        action = self._balances().action_hold()
        wizard = self.env[action["res_model"]].with_user(self.biller).with_context(**action["context"])
        wizard.create({"until": day("11-20")}).action_hold()
        self.assertEqual((self.customer | self.neighbour).mapped("escalation_hold"), ["pause", "pause"])

    def test_set_plan(self):
        plan = self._create_plan(self._step(1))
        action = self._balances().action_assign()
        wizard = self.env[action["res_model"]].with_user(self.biller).with_context(**action["context"])
        wizard.create({"plan_id": plan.id}).action_assign()
        self.assertEqual(self.customer.escalation_invoice_plan_id, plan)
        self.assertEqual(self.neighbour.escalation_invoice_plan_id, plan)

    def test_another_company_s_customers_are_not_decided_on_by_mistake(self):
        self._create_invoice(day("10-16"), company_id=self.other_company.id)
        both = self.company + self.other_company
        balances = self.env["account.escalation.balance"].with_context(allowed_company_ids=both.ids)
        row = balances.search([("company_id", "=", self.other_company.id), ("partner_id", "=", self.customer.id)])
        with self.assertRaisesRegex(UserError, "Switch to"):
            row.action_hold()


class TestCustomerForm(BalanceCase):
    """The same sums above the customer's open items."""

    def test_sums_above_the_open_items(self):
        self._create_invoice(day("10-20"), amount=60.0)
        self._create_invoice(day("12-20"), amount=50.0)
        self._create_invoice(day("10-20"), amount=1000.0).payment_state = "in_payment"
        self._pay_in(20.0)
        self.env.invalidate_all()
        self.assertRecordValues(
            self.customer,
            [
                {
                    "escalation_amount_overdue": 60.0,
                    "escalation_amount_upcoming": 50.0,
                    "escalation_amount_credit": -20.0,
                    "escalation_amount_open": 90.0,
                }
            ],
        )
        self.assertEqual(self.customer.escalation_amount_open, self._balance().amount_open)

    def test_hold_of_the_invoice_is_shown_on_its_item(self):
        move = self._create_invoice(day("10-20"))
        move._escalation_hold("pause", day("11-20"))
        self.assertRecordValues(
            self.customer.escalation_line_ids,
            [{"escalation_hold": "pause", "escalation_hold_until": day("11-20")}],
        )

    def test_invoices_under_plans_of_their_own(self):
        plan = self._create_plan(self._step(1))
        self._create_invoice(day("10-20"), plan)
        self.assertFalse(self.customer.escalation_is_automatic)
        self.assertEqual(self.customer.escalation_own_plan_count, 1)
        self.customer.escalation_invoice_plan_id = plan
        self._create_invoice(day("10-20"))
        self.assertEqual(self.customer.escalation_own_plan_count, 1, "the other has the customer's")

    def test_customers_without_a_plan_and_excluded_are_found(self):
        other = self._create_customer("Other", escalation_no_followup=True)
        self._create_customer_plan(self._step(1))
        arch = self.env["res.partner"].get_view(self.env.ref("account.res_partner_view_search").id, "search")["arch"]
        for name in ("escalation_unplanned", "escalation_excluded"):
            with self.subTest(name):
                [domain] = etree.fromstring(arch).xpath(f"//filter[@name='{name}']/@domain")
                found = self.env["res.partner"].search(
                    [*literal_eval(domain), ("id", "in", (self.customer | other).ids)]
                )
                self.assertEqual(found, other)
