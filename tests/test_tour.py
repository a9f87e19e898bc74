"""The screens: one story in a real browser, and every view for every kind of user."""

from datetime import timedelta

from odoo import fields
from odoo.tests import Form, HttpCase, new_test_user, tagged

from .common import EscalationCommon

PLANS_URL = "/odoo/action-account_escalation.account_escalation_plan_action"
INVOICING_URL = "/odoo/customer-invoices"


class ScreensCommon(EscalationCommon):
    """An invoice that is ten days late today: a browser knows no other day."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.today = fields.Date.today()
        cls.move = cls._create_invoice(cls.today - timedelta(days=10))
        # the ready text that the tour's steps take by themselves
        cls.env.ref("account_escalation.mail_template_first").body_html = "<p>Please pay</p>"

    @classmethod
    def _create_user(cls, login, group):
        return new_test_user(
            cls.env, login, groups=f"base.group_user,{group}", company_id=cls.company.id, company_ids=cls.company.ids
        )


@tagged("post_install", "-at_install")
class TestTour(ScreensCommon, HttpCase):
    def test_plan_to_history(self):
        """Make a plan, put an invoice under it, run it, deal with what waits for a person, read the history."""
        self.start_tour(PLANS_URL, "account_escalation_plan_tour", login=self.env.user.login)
        plan = self.move.escalation_plan_id
        self.assertRecordValues(
            plan.step_ids,
            [
                {"days": 2, "channel": "email", "needs_review": False},
                {"days": 10, "channel": "email", "needs_review": True},
                {"days": 10, "channel": "call", "needs_review": False},
                {"days": 10, "channel": "letter", "needs_review": False},
            ],
        )
        plan.responsible_id = self.env.user
        self._run_days(plan, self.today - timedelta(days=8), self.today)
        self.assertEqual(self._followups_of(self.move).mapped("state"), ["done", "todo", "todo", "todo"])
        self.start_tour(INVOICING_URL, "account_escalation_todo_tour", login=self.env.user.login)
        self.assertEqual(set(self._followups_of(self.move).mapped("state")), {"done"})

    def test_customer(self):
        """Give a customer a plan, run it, read in its history the email about both of its invoices."""
        second = self._create_invoice(self.today - timedelta(days=7))
        plan = self._create_plan(
            self._step(5),
            name="Whole Tour",
            level="customer",
            interval_type="weeks",
            next_run_date=self.today,
            workdays_only=False,
        )
        url = f"/odoo/action-account.res_partner_action_customer/{self.customer.id}"
        self.start_tour(url, "account_escalation_customer_tour", login=self.env.user.login)
        self.assertEqual(self.customer.with_company(self.company).escalation_plan_id, plan)
        followup = plan._run(self.today)
        self.assertRecordValues(followup, [{"partner_id": self.customer.id, "state": "done"}])
        self.assertEqual(followup.move_ids, self.move | second)
        self.start_tour(url, "account_escalation_customer_history_tour", login=self.env.user.login)

    def test_assign_from_the_list(self):
        """Select invoices in their list, read what a plan would do, put them under it."""
        second = self._create_invoice(self.today - timedelta(days=7))
        plan = self._create_plan(self._step(5), name="Batch Tour")
        self.start_tour(INVOICING_URL, "account_escalation_assign_tour", login=self.env.user.login)
        self.assertEqual((self.move | second).escalation_plan_id, plan)
        self.assertEqual((self.move | second).mapped("escalation_plan_origin"), ["manual", "manual"])

    def test_promise_broken_and_resumed(self):
        """Note a promise on an invoice; it is paused; the day passes; it goes on, and somebody is told."""
        plan = self._create_plan(self._step(5), workdays_only=False)
        self.move.escalation_plan_id = plan
        self.start_tour(INVOICING_URL, "account_escalation_promise_tour", login=self.env.user.login)
        promise = self.move.escalation_promise_ids
        self.assertEqual(promise.amount, self.move.amount_residual)
        self.assertFalse(plan._run(self.today))
        plan._end_holds({self.company: self.today + timedelta(days=10)})
        self.assertEqual(promise.state, "broken")
        self.start_tour(INVOICING_URL, "account_escalation_promise_broken_tour", login=self.env.user.login)
        self.assertTrue(plan._run(self.today))

    def test_invoicing_user(self):
        """To do is open to those who invoice but configure nothing."""
        plan = self._create_plan(self._step(5, needs_review=True), workdays_only=False)
        self.move.escalation_plan_id = plan
        followup = plan._run(self.today)
        user = self._create_user("escalation_invoicing", "account.group_account_invoice")
        self.start_tour(INVOICING_URL, "account_escalation_invoicing_tour", login=user.login)
        self.assertEqual(followup.state, "done")


@tagged("post_install", "-at_install")
class TestViews(ScreensCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan = cls._create_plan(cls._step(5, needs_review=True), cls._step(20, "call"), workdays_only=False)
        cls.move.escalation_plan_id = cls.plan
        cls.followup = cls.plan._run(cls.today)
        cls.users = {
            group: cls._create_user(f"escalation_{group}", f"account.group_account_{group}")
            for group in ("readonly", "invoice", "manager")
        }

    def test_views_load(self):
        for group, user in self.users.items():
            for action in ("plan_action", "followup_action", "followup_action_todo"):
                with self.subTest(group=group, action=action):
                    values = self.env.ref(f"account_escalation.account_escalation_{action}").sudo().read()[0]
                    model = self.env[values["res_model"]].with_user(user)
                    views = model.get_views([*values["views"], (False, "search")])["views"]
                    self.assertLessEqual({"list", "form", "search"}, views.keys())

    def test_analysis_loads(self):
        for user in self.users.values():
            for action in ("followup_action", "balance_action", "balance_action_report"):
                with self.subTest(user=user.login, action=action):
                    values = self.env.ref(f"account_escalation.account_escalation_{action}").sudo().read()[0]
                    model = self.env[values["res_model"]].with_user(user)
                    views = model.get_views([*values["views"], (False, "search")])["views"]
                    self.assertLessEqual({"list", "pivot", "graph", "search"}, views.keys())

    def test_records_open(self):
        for group, user in self.users.items():
            for record in (self.plan, self.followup, self.move, self.customer):
                with self.subTest(group=group, model=record._name):
                    Form(record.with_user(user))

    def test_no_forbidden_button(self):
        """Read-only accountants see no button that would end in an access error."""
        arch = self.followup.with_user(self.users["readonly"]).get_view(view_type="form")["arch"]
        for button in ("action_send", "action_mark_sent", "action_retry", "action_skip"):
            self.assertNotIn(button, arch)
        self.assertIn("action_print", arch)
        arch = self.plan.with_user(self.users["invoice"]).get_view(view_type="form")["arch"]
        self.assertNotIn("action_run", arch)

    def test_invoice_without_access_to_follow_ups(self):
        """Who may read invoices for another reason sees them as before, without our tab."""
        self.env["ir.model.access"].create(
            {
                "name": "readers of invoices",
                "model_id": self.env["ir.model"]._get_id("account.move"),
                "group_id": self.env.ref("base.group_user").id,
                "perm_read": True,
            }
        )
        reader = new_test_user(self.env, "escalation_reader", company_id=self.company.id, company_ids=self.company.ids)
        move = self.move.with_user(reader)
        self.assertNotIn("escalation_followup_ids", move.get_view(view_type="form")["arch"])
        columns = {"escalation_plan_id": {"fields": {"display_name": {}}}, "escalation_reason": {}}
        [values] = move.web_read({**columns, "escalation_next_date": {}, "escalation_last_date": {}})
        self.assertEqual(values["escalation_plan_id"]["display_name"], self.plan.name)

    def test_issue_date_is_never_before(self):
        form = Form(self.plan.with_user(self.users["manager"]))
        with form.step_ids.new() as step:
            step.days = 3
            step.direction = "before"
            step.anchor = "issue"
            self.assertEqual(step.direction, "after")
            with self.assertRaises(AssertionError, msg="read-only"):
                step.direction = "before"

    def test_email_opens_as_sent(self):
        action = self.followup.action_send()
        with self.mock_mail_gateway():
            self._open_wizard(action)._action_send_mail()
        form = Form(self.followup)
        self.assertIn("Please pay", form.mail_body)
        self.assertEqual(form.mail_subject, f"Reminder {self.move.name}")
