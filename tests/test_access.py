"""Who may do what: invoicing users work, managers configure, read-only accountants read."""

from functools import cached_property

from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class TestAccess(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan = cls._create_plan(cls._step(1, needs_review=True), cls._step(9, "call"), cls._step(19))
        cls.move = cls._create_invoice(day("10-16"), cls.plan)
        companies = {"company_id": cls.company.id, "company_ids": [(6, 0, cls.company.ids)]}
        cls.biller = new_test_user(cls.env, "biller", "account.group_account_invoice", **companies)
        cls.reader = new_test_user(cls.env, "reader", "account.group_account_readonly", **companies)
        cls.nobody = new_test_user(cls.env, "nobody", "base.group_user", **companies)

    @cached_property
    def stranger(self):
        """An accountant of another company."""
        companies = {"company_id": self.other_company.id, "company_ids": [(6, 0, self.other_company.ids)]}
        return new_test_user(self.env, "stranger", "account.group_account_manager", **companies)

    def test_invoicing_user_works_with_follow_ups(self):
        followup = self.plan._run(MONDAY).with_user(self.biller)
        action = followup.action_send()
        composer = self.env["mail.compose.message"].with_user(self.biller).with_context(**action["context"]).create({})
        with self.mock_mail_gateway():
            composer._action_send_mail()
        self.assertEqual(followup.state, "done")
        call = self.plan._run(day("12-01")).with_user(self.biller)
        call.action_mark_sent()
        self.assertEqual(call.state, "done")
        email = self.plan._run(day("12-07")).with_user(self.biller)
        email.action_skip()
        email.action_retry()
        self.assertEqual(email.state, "done")

    def test_history_is_not_written_by_hand(self):
        followup = self.plan._run(MONDAY).with_user(self.biller)
        for vals in ({"state": "done"}, {"is_manual": True}, {"date": MONDAY}, {"reason_detail": "Paid"}):
            with self.subTest(vals), self.assertRaises(AccessError):
                followup.write(vals)

    def test_invoicing_user_assigns_but_does_not_configure(self):
        self.move.with_user(self.biller).escalation_plan_id = False
        self.move.with_user(self.biller).escalation_plan_id = self.plan
        with self.assertRaises(AccessError):
            self.plan.with_user(self.biller).name = "Mine"
        with self.assertRaises(AccessError):
            self.plan.step_ids[0].with_user(self.biller).days = 2

    def test_nobody_makes_or_deletes_history(self):
        followup = self.plan._run(MONDAY)
        for user in (self.biller, self.env.user):
            with self.assertRaises(AccessError):
                followup.with_user(user).unlink()
            with self.assertRaises(AccessError):
                followup.line_ids.with_user(user).unlink()

    def test_reader_reads(self):
        followup = self.plan._run(MONDAY).with_user(self.reader)
        self.assertTrue(followup.read(["state", "amount_residual", "items_table", "move_ids"]))
        self.assertTrue(self.plan.with_user(self.reader).read(["name"]))
        with self.assertRaises(AccessError):
            followup.action_skip()

    def test_readers_who_manage_contacts_write_what_core_lets_them(self):
        self.reader.group_ids += self.env.ref("base.group_partner_manager")
        customer = self.customer.with_user(self.reader)
        customer.credit_limit = 500.0
        self.assertEqual(self.customer.credit_limit, 500.0)
        with self.assertRaises(AccessError):
            customer.escalation_always_review = True

    def test_reading_an_invoice_needs_no_access_to_plans(self):
        group = self.env["res.groups"].create({"name": "Reads invoices"})
        self.env["ir.model.access"].create(
            {
                "name": "move",
                "model_id": self.env["ir.model"]._get_id("account.move"),
                "group_id": group.id,
                "perm_read": True,
            }
        )
        self.nobody.group_ids += group
        move = self.move.with_user(self.nobody)
        values = move.read(["escalation_reason", "escalation_next_date", "escalation_plan_id", "escalation_alert"])
        self.assertTrue(values[0]["escalation_reason"])
        with self.assertRaises(AccessError):
            self.plan.with_user(self.nobody).read(["name"])

    def test_posting_takes_the_default_plan_without_access_to_plans(self):
        self.plan.is_default = True
        move = self._create_invoice(day("12-20"))
        move.button_draft()
        move.write({"escalation_plan_id": False, "escalation_plan_origin": False})
        move.with_user(self.biller).action_post()
        self.assertEqual(move.escalation_plan_id, self.plan)

    def test_companies_are_apart(self):
        followup = self.plan._run(MONDAY)
        for records in (self.plan, self.plan.step_ids, followup, followup.line_ids):
            with self.subTest(records._name):
                model = self.env[records._name].with_user(self.stranger)
                self.assertFalse(model.search([("id", "in", records.ids)]))
                with self.assertRaises(AccessError):
                    records.with_user(self.stranger).read(["display_name"])
