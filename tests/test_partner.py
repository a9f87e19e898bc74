"""Plans on the customer, per company: what they cover, what is shown before, and what is refused."""

from freezegun import freeze_time

from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class PartnerCase(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["account.escalation.plan"].search([("company_id", "=", cls.company.id)]).is_default = False
        cls.plan = cls._create_plan(cls._step(1), name="Firm")
        cls.default = cls._create_plan(cls._step(5), name="Usual", is_default=True)


class TestPlanOfInvoices(PartnerCase):
    """`escalation_invoice_plan_id`: its own choice, else its customer's, else the default."""

    def test_covers_open_invoices_at_once(self):
        none = self._create_invoice(day("10-16"))
        none._escalation_write({"escalation_plan_id": False, "escalation_plan_origin": False})
        usual, paid = self._create_invoice(day("10-16")), self._create_invoice(day("10-16"))
        self._pay(paid)
        foreign = self._create_invoice(day("10-16"), partner=self._create_customer("Other"))
        self.customer.escalation_invoice_plan_id = self.plan
        self.assertRecordValues(
            none | usual | paid | foreign,
            [
                {"escalation_plan_id": self.plan.id, "escalation_plan_origin": "customer"},
                {"escalation_plan_id": self.plan.id, "escalation_plan_origin": "customer"},
                {"escalation_plan_id": self.default.id, "escalation_plan_origin": "default"},
                {"escalation_plan_id": self.default.id, "escalation_plan_origin": "default"},
            ],
        )

    def test_a_choice_on_the_invoice_is_kept(self):
        chosen, none = self._create_invoice(day("10-16"), self.default), self._create_invoice(day("10-16"))
        none.escalation_plan_id = False
        self.customer.escalation_invoice_plan_id = self.plan
        self.assertRecordValues(
            chosen | none,
            [
                {"escalation_plan_id": self.default.id, "escalation_plan_origin": "manual"},
                {"escalation_plan_id": False, "escalation_plan_origin": "manual"},
            ],
        )

    def test_removing_it_falls_back_to_the_default(self):
        self.customer.escalation_invoice_plan_id = self.plan
        move, chosen = self._create_invoice(day("10-16")), self._create_invoice(day("10-16"), self.plan)
        self.customer.escalation_invoice_plan_id = False
        self.assertRecordValues(
            move | chosen,
            [
                {"escalation_plan_id": self.default.id, "escalation_plan_origin": "default"},
                {"escalation_plan_id": self.plan.id, "escalation_plan_origin": "manual"},
            ],
        )

    def test_removing_it_without_default(self):
        self.default.is_default = False
        self.customer.escalation_invoice_plan_id = self.plan
        move = self._create_invoice(day("10-16"))
        followup = self.plan.sudo()._record(MONDAY)
        self.customer.escalation_invoice_plan_id = False
        self.assertRecordValues(move, [{"escalation_plan_id": False, "escalation_plan_origin": False}])
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "plan_changed"}])

    def test_begins_afresh(self):
        self.customer.escalation_invoice_plan_id = self.plan
        move = self._create_invoice(day("10-16"))
        self.plan._run(MONDAY)
        self._empty_mail_queue()
        self.customer.escalation_invoice_plan_id = self.default
        self.customer.escalation_invoice_plan_id = self.plan
        self.assertEqual(self._listed(self.plan._run(day("11-03"))), move)
        self.assertEqual(move.escalation_last_date, day("11-03"))

    def test_posting_takes_it(self):
        self.customer.escalation_invoice_plan_id = self.plan
        contact = self._create_customer("Branch", parent_id=self.customer.id, is_company=False)
        for partner in (self.customer, contact):
            move = self._create_invoice(day("10-16"), partner=partner)
            self.assertRecordValues(move, [{"escalation_plan_id": self.plan.id, "escalation_plan_origin": "customer"}])

    def test_posting_in_another_company_does_not(self):
        self.customer.escalation_invoice_plan_id = self.plan
        move = self._create_invoice(day("10-16"), company_id=self.other_company.id)
        self.assertFalse(move.escalation_plan_id)

    def test_a_plan_chosen_for_a_new_customer_is_a_choice(self):
        plan = self._create_plan(self._step(1), level="customer", next_run_date=MONDAY)
        customer = self._create_customer("Newcomer", escalation_plan_id=plan.id)
        self.assertEqual(customer.escalation_plan_origin, "manual")

    def test_an_archived_plan_is_not_taken(self):
        self.customer.escalation_invoice_plan_id = self.plan
        self.plan.active = False
        self.assertEqual(self._create_invoice(day("10-16")).escalation_plan_id, self.default)

    @freeze_time("2026-11-02 10:00:00")
    def test_what_saving_does_is_said_before(self):
        self._create_invoice(day("10-16"))
        self._create_invoice(day("10-16"))
        self._create_invoice(day("12-16"))
        with Form(self.customer) as form:
            self.assertFalse(form.escalation_preview)
            form.escalation_invoice_plan_id = self.plan
            self.assertIn("under this plan: 3; messages that would go today: 1.", form.escalation_preview)
        self.assertEqual(len(self.plan._run()), 1)
        with Form(self.customer) as form:
            form.escalation_invoice_plan_id = self.env["account.escalation.plan"]
            self.assertIn("takes off their plan: 3.", form.escalation_preview)

    def test_a_new_customer_with_a_plan(self):
        partner = self._create_customer("New", escalation_invoice_plan_id=self.plan.id)
        self.assertEqual(self._create_invoice(day("10-16"), partner=partner).escalation_plan_id, self.plan)


class TestAutomatic(PartnerCase):
    """One tick gives the default plan."""

    def test_default_plan_of_invoices(self):
        move = self._create_invoice(day("10-16"))
        move._escalation_write({"escalation_plan_id": False, "escalation_plan_origin": False})
        self.customer.escalation_is_automatic = True
        self.assertEqual(self.customer.escalation_invoice_plan_id, self.default)
        self.assertEqual(move.escalation_plan_id, self.default)

    def test_default_plan_of_customers_comes_first(self):
        plan = self._create_plan(self._step(1), level="customer", next_run_date=MONDAY, is_default=True)
        self.customer.escalation_is_automatic = True
        self.assertEqual(self.customer.escalation_plan_id, plan)
        self.assertFalse(self.customer.escalation_invoice_plan_id)

    def test_one_default_for_each_level(self):
        self._create_plan(self._step(1), level="customer", next_run_date=MONDAY, is_default=True)
        with self.assertRaisesRegex(ValidationError, "one default plan only"):
            self._create_plan(self._step(1), level="customer", next_run_date=MONDAY, is_default=True)

    def test_a_chosen_plan_is_kept(self):
        self.customer.escalation_invoice_plan_id = self.plan
        self.assertTrue(self.customer.escalation_is_automatic)
        self.customer.escalation_is_automatic = True
        self.assertEqual(self.customer.escalation_invoice_plan_id, self.plan)

    def test_unticked(self):
        self.customer.escalation_invoice_plan_id = self.plan
        self.customer.escalation_is_automatic = False
        self.assertFalse(self.customer.escalation_invoice_plan_id or self.customer.escalation_plan_id)

    def test_without_default_plan(self):
        self.default.is_default = False
        with self.assertRaisesRegex(UserError, "no default plan yet"):
            self.customer.escalation_is_automatic = True

    def test_a_new_customer(self):
        partner = self._create_customer("New", escalation_is_automatic=True)
        self.assertEqual(partner.escalation_invoice_plan_id, self.default)


class TestRefused(PartnerCase):
    def test_plan_of_another_company(self):
        for name, level in (
            ("escalation_plan_id", "customer"),
            ("escalation_invoice_plan_id", "invoice"),
            ("escalation_summary_plan_id", "summary"),
        ):
            plan = self._create_plan(company_id=self.other_company.id, level=level, next_run_date=MONDAY)
            with self.subTest(name), self.assertRaisesRegex(ValidationError, "belongs to"), self.env.cr.savepoint():
                self.customer[name] = plan
            self.customer.invalidate_recordset()
            self.customer.with_company(self.other_company)[name] = plan
            self.assertFalse(self.customer[name])

    def test_plan_of_another_level(self):
        for name in ("escalation_plan_id", "escalation_summary_plan_id"):
            with self.subTest(name), self.assertRaisesRegex(ValidationError, "not made for"), self.env.cr.savepoint():
                self.customer[name] = self.plan

    def test_plan_in_use_on_a_customer(self):
        plan = self._create_customer_plan(self._step(0))
        for change in (lambda: plan.write({"level": "summary"}), plan.unlink):
            with self.assertRaisesRegex(ValidationError, "in use"), self.env.cr.savepoint():
                change()
        self.customer.escalation_plan_id = False
        plan.unlink()

    def test_company_of_a_plan_in_use_on_a_customer(self):
        plan = self._create_customer_plan(self._step(1))
        with self.assertRaisesRegex(ValidationError, "of another company"):
            plan.company_id = self.other_company

    def test_follow_up_at_oneself(self):
        contact = self._create_customer("Branch", parent_id=self.customer.id, is_company=False)
        with self.assertRaisesRegex(ValidationError, "another company"):
            self.customer.escalation_contact_partner_id = contact


class TestShown(PartnerCase):
    def test_next_date_and_reason(self):
        self.default.is_default = False
        self._create_customer_plan(self._step(10))
        self._create_invoice(day("10-28"))
        with freeze_time("2026-11-02 10:00:00"):
            self.assertRecordValues(self.customer, [{"escalation_next_date": day("11-09")}])
            self.assertIn("11/09/2026", self.customer.escalation_reason)
            self._create_summary(next_run_date=day("11-05"))
            self.customer.invalidate_recordset()
            self.assertEqual(self.customer.escalation_next_date, day("11-05"), "the first of both")
            self.assertIn("11/05/2026", self.customer.escalation_summary_reason)

    def test_without_plan(self):
        self.assertRecordValues(
            self.customer,
            [{"escalation_next_date": False, "escalation_reason": False, "escalation_summary_reason": False}],
        )

    def test_nothing_open(self):
        self._create_customer_plan(self._step(10))
        self.assertIn("Paid", self.customer.escalation_reason)
        self.assertFalse(self.customer.escalation_next_date)

    def test_open_items_and_history_of_the_contacts_too(self):
        contact = self._create_customer("Branch", parent_id=self.customer.id, is_company=False)
        move, paid = self._create_invoice(day("10-16"), self.plan, partner=contact), self._create_invoice(day("10-16"))
        followup = self.plan._run(MONDAY)
        self._pay(paid)
        self.assertEqual(self.customer.escalation_line_ids.move_id, move)
        self.assertEqual(self.customer.escalation_followup_ids, followup)
        self.assertEqual(self.customer.escalation_followup_count, 1)
        found = followup.search(self.customer.action_open_escalation_followups()["domain"])
        self.assertEqual(found, followup)

    def test_history_of_all_companies_that_one_looks_at(self):
        self.env.user.company_ids += self.other_company
        plan = self._create_plan(self._step(1), company_id=self.other_company.id)
        self._create_invoice(day("10-16"), plan, company_id=self.other_company.id)
        self._create_invoice(day("10-16"), self.plan)
        (self.plan | plan)._run(MONDAY)
        for companies in (self.company, self.company | self.other_company):
            with self.subTest(companies.mapped("name")):
                self.env.invalidate_all()  # another request
                customer = self.customer.with_context(allowed_company_ids=companies.ids)
                domain = customer.action_open_escalation_followups()["domain"]
                listed = customer.env["account.escalation.followup"].search(domain)
                self.assertEqual(listed.company_id, companies)
                self.assertEqual(customer.escalation_followup_count, len(listed))
                self.assertEqual(customer.escalation_followup_ids, listed)

    def test_open_items_are_those_of_the_statement(self):
        """Without what is paid and waits for the bank statement, and without what is blocked."""
        summary = self._create_summary()
        moves = [self._create_invoice(day("10-16"), amount=amount) for amount in (100.0, 37.0, 41.0)]
        moves[2].action_toggle_block_payment()
        self.env.flush_all()
        self.env.cr.execute("UPDATE account_move SET payment_state = 'in_payment' WHERE id = %s", [moves[1].id])
        self.env.invalidate_all()
        listed = summary._run(MONDAY).line_ids.move_line_id
        self.assertEqual(listed.move_id, moves[0])
        self.assertEqual(self.customer.escalation_line_ids, listed)

    def test_customers_of_a_plan(self):
        plan = self._create_customer_plan(self._step(10))
        self.assertEqual(plan.partner_count, 1)
        action = plan.action_open_customers()
        self.assertEqual(self.env["res.partner"].search(action["domain"]), self.customer)

    def test_customers_of_a_plan_seen_from_another_company(self):
        self.env.user.company_ids += self.other_company
        plan = self._create_customer_plan(self._step(10)).with_context(
            allowed_company_ids=[self.other_company.id, self.company.id]
        )
        self.assertEqual(plan.partner_count, 1)
        found = plan.env["res.partner"].search(plan.action_open_customers()["domain"])
        self.assertEqual(found, self.customer)


class TestAlwaysReview(PartnerCase):
    def setUp(self):
        super().setUp()
        self.customer.write({"escalation_always_review": True, "escalation_user_id": self.env.user.id})

    def test_every_automatic_message_waits_for_the_named_responsible(self):
        customer_plan, summary = self._create_customer_plan(self._step(1)), self._create_summary()
        self._create_invoice(day("10-16"), self.plan)
        self._create_invoice(day("10-16"), self.plan.copy({"step_ids": False}))
        for plan in (self.plan, customer_plan, summary):
            self.assertRecordValues(
                plan._run(MONDAY), [{"state": "todo", "is_reviewed": True, "user_id": self.env.user.id}]
            )

    def test_other_channels_and_customers_as_the_plan_says(self):
        plan = self._create_plan(self._step(1, "call"), self._step(1), responsible_id=self.user_employee.id)
        self._create_invoice(day("10-16"), plan)
        other = self._create_invoice(day("10-16"), plan, partner=self._create_customer("Other"))
        followups = plan._run(MONDAY)
        self.assertEqual(followups.filtered(lambda f: f.channel == "call").user_id, self.user_employee)
        email = followups.filtered(lambda f: f.move_ids == other and f.channel == "email")
        self.assertEqual(email.state, "done")

    def test_in_its_company_only(self):
        self.assertFalse(self.customer.with_company(self.other_company).escalation_always_review)

    def test_named_person_who_has_left(self):
        self.customer.escalation_user_id = self.user_employee
        self.user_employee.active = False
        self.plan.responsible_id = self.env.user
        self._create_invoice(day("10-16"), self.plan)
        self.assertRecordValues(self.plan._run(MONDAY), [{"state": "todo", "user_id": self.env.user.id}])

    def test_without_named_person(self):
        self.customer.escalation_user_id = False
        self.plan.responsible_id = self.user_employee
        self._create_invoice(day("10-16"), self.plan)
        self.assertRecordValues(self.plan._run(MONDAY), [{"state": "todo", "user_id": self.user_employee.id}])
