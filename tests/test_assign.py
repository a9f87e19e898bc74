"""Setting the plan of many invoices or customers from their lists."""

from unittest.mock import patch

import psycopg2
from freezegun import freeze_time
from lxml import etree

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user
from odoo.tools import mute_logger

from odoo.addons.account_escalation.models import account_escalation_job as job_module
from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day
from odoo.addons.account_escalation.wizard import account_escalation_assign as assign_module


class AssignCommon(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["account.escalation.plan"].search([]).active = False  # ready plans and demo data
        cls.plan = cls._create_plan(cls._step(1), name="Firm")
        cls.user = new_test_user(
            cls.env, "biller", "account.group_account_invoice,base.group_partner_manager", company_id=cls.company.id
        )

    def _open(self, records, **context):
        """The dialog of the action menu."""
        wizard = self.env["account.escalation.assign"].with_user(self.user)
        return Form(wizard.with_context(active_model=records._name, active_ids=records.ids, **context))

    def _assign(self, records, plan, **values):
        form = self._open(records)
        for name, value in values.items():
            form[name] = value
        form.plan_id = plan
        wizard = form.save()
        wizard.action_assign()
        return wizard


class TestAssign(AssignCommon):
    def setUp(self):
        super().setUp()
        self.moves = self._create_invoice(day("12-20")) | self._create_invoice(day("12-21"))

    def test_plan_and_how_many_are_said_and_set(self):
        form = self._open(self.moves)
        form.plan_id = self.plan
        self.assertIn("begin the plan “Firm”", form.summary)
        self.assertEqual(form.change_count, 2)
        form.save().action_assign()
        self.assertRecordValues(
            self.moves, [{"escalation_plan_id": self.plan.id, "escalation_plan_origin": "manual"}] * 2
        )

    def test_no_plan_is_no_slip(self):
        """Nothing is taken off its plan by the button that sets one."""
        arch = etree.fromstring(self.env.ref("account_escalation.account_escalation_assign_view_form").arch)
        shown = {button.get("string"): button.get("invisible") for button in arch.iter("button")}
        self.assertIn("not plan_id", shown["Set Plan"])
        self.assertIn("or plan_id", shown["Take Off Their Plan"])

    @freeze_time("2026-11-02 12:00:00")
    def test_customers_without_plan_go_to_the_default(self):
        """Which is told, with the messages that it makes today."""
        self.env["account.escalation.plan"].search([]).is_default = False
        default = self._create_plan(self._step(1), name="Default", is_default=True)
        self.customer.escalation_invoice_plan_id = self._create_plan(self._step(40))
        move = self._create_invoice(day("10-16"))
        form = self._open(self.customer)
        self.assertIn("<b>1</b> message would", form.summary)
        form.save().action_assign()
        self.assertEqual(move.escalation_plan_id, default)
        self.assertEqual(len(default._run(MONDAY)), 1)

    def test_no_plan_is_a_choice(self):
        self.moves.escalation_plan_id = self.plan
        form = self._open(self.moves)
        self.assertIn("take off their plan", form.summary)
        form.save().action_assign()
        self.assertFalse(self.moves.escalation_plan_id)
        self.assertEqual(set(self.moves.mapped("escalation_plan_origin")), {"manual"})

    def test_skipped_with_their_reasons(self):
        refund = self._create_invoice(day("12-20"), move_type="out_refund")
        paid = self._create_invoice(day("12-20"))
        self._pay(paid)
        same = self._create_invoice(day("12-20"), self.plan)
        form = self._open(self.moves | refund | paid | same)
        form.plan_id = self.plan
        self.assertEqual(form.change_count, 2)
        for text in (
            "1 skipped: no customer invoice",
            "1 skipped: paid, reversed or cancelled",
            "1 skipped: already so",
        ):
            self.assertIn(text, form.summary)
        form.save().action_assign()
        self.assertFalse((refund | paid).escalation_plan_id)
        self.assertEqual(self.moves.escalation_plan_id, self.plan)

    def test_nothing_to_change(self):
        self.moves.escalation_plan_id = self.plan
        with self.assertRaises(UserError):
            self._assign(self.moves, self.plan)

    @freeze_time("2026-11-02 12:00:00")
    def test_messages_that_would_go_today(self):
        late = [self._create_invoice(day("10-16"), partner=self._create_customer(name)) for name in ("A", "B")]
        late.append(self._create_invoice(day("10-16"), partner=late[0].partner_id))
        form = self._open(self.moves.concat(self.moves, *late))
        form.plan_id = self.plan
        self.assertIn("<b>2</b> messages would be made today", form.summary)
        form.save().action_assign()
        self.assertEqual(len(self.plan._run(MONDAY)), 2)

    def test_two_levels(self):
        customers = self._create_plan(self._step(1), level="customer", next_run_date=MONDAY)
        form = self._open(self.moves)
        form.plan_id = self.plan
        self.assertNotIn("at once", form.summary)
        self.customer.escalation_plan_id = customers
        form = self._open(self.moves)
        form.plan_id = self.plan
        self.assertIn("<b>1</b> customer would be under an invoice plan and a customer plan at once", form.summary)

    def test_nobody_to_write_to(self):
        lost, letters, blocked = (self._create_customer(name, email=False) for name in ("Lost", "Letters", "Blocked"))
        (lost | blocked).write({"street": False, "city": False})
        blocked.email = "blocked@example.com"
        self.env["mail.blacklist"].create({"email": "blocked@example.com"})
        chosen = self._create_customer("Chosen")
        self._create_customer("Ann", parent_id=chosen.id, is_company=False, email=False, escalation_is_contact=True)
        moves = self.moves
        for customer in (lost, letters, blocked, chosen):
            moves |= self._create_invoice(day("12-20"), partner=customer)
        form = self._open(moves)
        form.plan_id = self.plan
        text = form.summary.partition("Nobody to write to:")[2]
        for name, is_lost in (("Lost", 1), ("Letters", 1), ("Blocked", 1), ("Chosen", 1), ("Azure", 0)):
            self.assertEqual(name in text, bool(is_lost), name)
        form.plan_id = self._create_plan(self._step(1, "letter"))
        text = form.summary.partition("Nobody to write to:")[2]
        self.assertIn("Lost", text)
        self.assertNotIn("Letters", text)
        form.plan_id = self._create_plan(self._step(1, "call"))
        self.assertNotIn("Nobody to write to", form.summary)

    def test_plan_of_another_company_or_level_writes_nothing(self):
        other = self._create_plan(company_id=self.other_company.id)
        customers = self._create_plan(self._step(1), level="customer", next_run_date=MONDAY)
        wizard = self.env["account.escalation.assign"].with_context(
            active_model="account.move", active_ids=self.moves.ids
        )
        for plan in (other, customers):
            with self.subTest(plan.level), self.assertRaises(ValidationError), self.env.cr.savepoint():
                wizard.create({"plan_id": plan.id}).action_assign()
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.moves.escalation_plan_id = customers
        self.moves.invalidate_recordset()
        self.assertFalse(self.moves.escalation_plan_id)

    def test_more_than_the_client_passes_on(self):
        with patch.object(assign_module, "IDS_LIMIT", 1):
            domain = [("id", "in", self.moves.ids)]
            form = self._open(self.moves[:1], active_domain=domain)
            form.plan_id = self.plan
            self.assertEqual(form.change_count, 2)
            form.save().action_assign()
        self.assertEqual(self.moves.escalation_plan_id, self.plan)

    def test_a_selection_is_not_the_whole_list(self):
        form = self._open(self.moves[:1], active_domain=[("id", "in", self.moves.ids)])
        form.plan_id = self.plan
        self.assertEqual(form.change_count, 1)

    def test_steps_begin_anew_and_what_waits_is_withdrawn(self):
        self.plan.step_ids.needs_review = True
        move = self._create_invoice(day("10-16"), self.plan)
        waiting = self.plan._run(MONDAY)
        self._assign(move, self.plan.copy())
        self.assertRecordValues(waiting, [{"state": "skipped", "reason": "plan_changed"}])

    def test_list_does_not_open_due_dates_for_editing(self):
        view = self.env.ref("account.view_out_invoice_tree")
        self.assertNotIn("multi_edit", self.env["account.move"].get_view(view.id, "list")["arch"])


@freeze_time("2026-11-02 12:00:00")
class TestAssignCustomers(AssignCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        values = {"next_run_date": MONDAY, "interval_type": "weeks"}
        cls.customer_plan = cls._create_plan(cls._step(1), level="customer", name="Whole", **values)
        cls.summary = cls._create_plan(cls._step(0), level="summary", name="Monthly", **values)
        cls.second = cls._create_customer("Deco Addict")
        cls.customers = cls.customer | cls.second

    def setUp(self):
        super().setUp()
        self.move = self._create_invoice(day("10-16"))
        self.contact = self._create_customer("Ann", is_company=False, parent_id=self.customer.id)

    def test_each_level(self):
        for level, plan, field in (
            ("customer", self.customer_plan, "escalation_plan_id"),
            ("summary", self.summary, "escalation_summary_plan_id"),
            ("invoice", self.plan, "escalation_invoice_plan_id"),
        ):
            with self.subTest(level):
                self._assign(self.contact | self.second, plan, level=level)
                self.assertEqual(self.customers.mapped(field), plan)
                self.assertFalse(self.contact[field], "its company is followed up")
        self.assertRecordValues(self.move, [{"escalation_plan_id": self.plan.id, "escalation_plan_origin": "customer"}])

    def test_no_plan(self):
        self._assign(self.customers, self.customer_plan, level="customer")
        self._assign(self.customers, self.plan.browse(), level="customer")
        self.assertFalse(self.customers.escalation_plan_id)
        self.assertEqual(self.customers.mapped("escalation_plan_origin"), ["manual"] * 2)

    def test_from_customer_plans_to_invoice_plans_in_one_step(self):
        self.customers.escalation_plan_id = self.customer_plan
        self.customer.escalation_invoice_plan_id = self.plan  # has the new one already, but must leave the old one
        form = self._open(self.customers)
        form.level, form.plan_id = "invoice", self.plan
        self.assertIn("at once", form.summary)
        form.takes_off = True
        self.assertNotIn("at once", form.summary)
        self.assertEqual(form.change_count, 2)
        form.save().action_assign()
        self.assertFalse(self.customers.escalation_plan_id)
        self.assertEqual(self.customers.mapped("escalation_invoice_plan_id"), self.plan)
        self.assertEqual(self.move.escalation_plan_id, self.plan)

    def test_and_back(self):
        self._assign(self.customers, self.plan, level="invoice")
        wizard = self._assign(self.customers, self.customer_plan, level="customer", takes_off=True)
        self.assertEqual(wizard.level, "customer")
        self.assertEqual(self.customers.mapped("escalation_plan_id"), self.customer_plan)
        self.assertFalse(self.customers.escalation_invoice_plan_id | self.move.escalation_plan_id)

    def test_two_levels_by_the_plan_of_an_invoice(self):
        self.move.escalation_plan_id = self.plan
        for takes_off in (False, True):  # a choice on an invoice is not taken off
            form = self._open(self.customers)
            form.level, form.takes_off, form.plan_id = "customer", takes_off, self.customer_plan
            self.assertIn("<b>1</b> customer would be", form.summary)

    def test_changing_the_level_empties_the_plan(self):
        form = self._open(self.customers)
        form.plan_id = self.plan
        form.level = "customer"
        self.assertFalse(form.plan_id)

    def test_messages_that_would_go_today(self):
        self._create_invoice(day("10-16"), partner=self.second)
        self._assert_messages(2)
        self.second._escalation_hold("pause", day("11-10"))
        self._assert_messages(1)
        self.customer.escalation_no_followup = True
        self._assert_messages(0)
        self.customer.escalation_no_followup = False
        self.customer_plan.next_run_date = day("11-09")
        self._assert_messages(0)

    def _assert_messages(self, number):
        self.env.invalidate_all()
        form = self._open(self.customers)
        form.level, form.plan_id = "customer", self.customer_plan
        self.assertIn(f"<b>{number}</b> message{'' if number == 1 else 's'} would be made today", form.summary)

    def test_what_invoice_plans_take_care_of_is_no_message(self):
        self.move.escalation_plan_id = self._create_plan(self._step(30))
        self._assert_messages(0)


class TestAssignAccess(AssignCommon):
    def setUp(self):
        super().setUp()
        self.move = self._create_invoice(day("12-20"))
        company = {"company_id": self.company.id, "company_ids": [(6, 0, self.company.ids)]}
        self.reader = new_test_user(
            self.env, "reader", "account.group_account_readonly,base.group_partner_manager", **company
        )

    def _wizard(self, user, records, **values):
        wizard = self.env["account.escalation.assign"].with_user(user)
        return wizard.with_context(active_model=records._name, active_ids=records.ids).create(values)

    def test_invoicing_user_may(self):
        self._assign(self.move, self.plan)
        self.assertEqual(self.move.escalation_plan_id, self.plan)

    def test_readers_may_not(self):
        with self.assertRaises(AccessError):
            self._wizard(self.reader, self.move, plan_id=self.plan.id)
        customers = self._create_plan(self._step(1), level="customer", next_run_date=MONDAY)
        for name, value in (("escalation_plan_id", customers.id), ("escalation_no_followup", True)):
            with self.subTest(name), self.assertRaises(AccessError), mute_logger("odoo.models"):
                self.customer.with_user(self.reader)[name] = value
        self.customer.with_user(self.reader).comment = "A contact manager otherwise"

    def test_customers_need_the_right_to_write_on_them(self):
        biller = new_test_user(self.env, "only_invoices", "account.group_account_invoice", company_id=self.company.id)
        biller.group_ids -= self.env.ref("base.group_partner_manager")
        wizard = self._wizard(biller, self.customer, plan_id=self.plan.id, level="invoice")
        with self.assertRaises(AccessError):
            wizard.action_assign()

    def test_other_companies_are_out_of_sight(self):
        self.env.user.company_ids += self.other_company
        theirs = self.init_invoice("out_invoice", products=self.product_a, post=True, company=self.other_company)
        wizard = self._wizard(self.user, self.move | theirs, plan_id=self.plan.id)
        self.assertEqual(wizard.change_count, 1)
        wizard.action_assign()
        self.assertFalse(theirs.sudo().escalation_plan_id)


class TestJob(AssignCommon):
    """Many records, in the background."""

    def setUp(self):
        super().setUp()
        self.moves = self.env["account.move"].concat(*(self._create_invoice(day("12-20")) for _number in range(5)))
        self.patch(assign_module, "AT_ONCE", 2)
        self.patch(job_module, "BATCH", 2)

    def _start(self):
        form = self._open(self.moves)
        form.plan_id = self.plan
        wizard = form.save()
        return wizard, wizard.action_assign()

    def _run_cron(self):
        with self.enter_registry_test_mode():
            self.env.ref("account_escalation.ir_cron_assign").method_direct_trigger()
        self.env.invalidate_all()

    def test_in_the_background_with_a_running_count(self):
        wizard, action = self._start()
        self.assertEqual(action["res_id"], wizard.id, "the dialog stays, and tells how far it is")
        self.assertFalse(self.moves.escalation_plan_id)
        self.assertRecordValues(wizard, [{"progress": 0, "done": 0, "total": 5, "summary": False}])
        wizard.job_id.sudo()._run_batch()
        wizard.invalidate_recordset()
        self.assertEqual((wizard.progress, wizard.done), (40, 2))
        self.assertEqual(len(self.moves.filtered("escalation_plan_id")), 2)
        self._run_cron()
        self.assertEqual(wizard.progress, 100)
        self.assertEqual(self.moves.mapped("escalation_plan_id"), self.plan)

    def test_asked_twice_is_done_once(self):
        wizard, _action = self._start()
        wizard.action_assign()
        self.assertEqual(self.env["account.escalation.job"].search_count([("res_model", "=", "account.move")]), 1)

    def test_goes_on_after_a_crash(self):
        wizard, _action = self._start()
        model = type(self.env["account.move"])
        assign, calls = model._escalation_assign, []

        def crash(records, *args):
            calls.append(records)
            if len(calls) == 2:
                raise psycopg2.OperationalError
            return assign(records, *args)

        with patch.object(model, "_escalation_assign", crash), mute_logger("odoo.addons.base.models.ir_cron"):
            job = wizard.job_id.sudo()
            job._run_batch()
            with self.assertRaises(psycopg2.OperationalError):
                job._run_batch()
        self.assertEqual(job.done, 2, "what is done stays done")
        self._run_cron()
        self.assertTrue(job.is_done)
        self.assertEqual(self.moves.mapped("escalation_plan_id"), self.plan)

    def test_a_collision_is_done_again(self):
        wizard, _action = self._start()
        job = wizard.job_id.sudo()
        error = psycopg2.errors.SerializationFailure
        with patch.object(type(self.env["account.move"]), "_escalation_assign", side_effect=error):
            job._run_batch()
        self.assertEqual((job.done, job.failed), (0, 0))
        self._run_cron()
        self.assertTrue(job.is_done)

    def test_a_bad_record_is_left_out_and_told(self):
        wizard, _action = self._start()
        bad = self.moves[1]
        model = type(self.env["account.move"])
        assign = model._escalation_assign

        reason = "Locked"

        def fail(records, *args):
            if bad in records:
                raise ValidationError(reason)
            return assign(records, *args)

        with patch.object(model, "_escalation_assign", fail), mute_logger(job_module.__name__):
            self._run_cron()
        self.assertEqual((self.moves - bad).mapped("escalation_plan_id"), self.plan)
        self.assertFalse(bad.escalation_plan_id)
        self.assertRecordValues(wizard, [{"progress": 100, "failed": 1, "error": "Locked"}])
        told = self.env["mail.message"].sudo().search([("partner_ids", "in", self.user.partner_id.ids)], limit=1)
        self.assertIn("1 of 5", told.body)

    def test_with_the_rights_of_its_user(self):
        wizard, _action = self._start()
        self.user.group_ids = self.env.ref("base.group_user")
        with mute_logger(job_module.__name__):
            self._run_cron()
        self.assertFalse(self.moves.escalation_plan_id)
        self.assertEqual(wizard.sudo().job_id.failed, 5)

    def test_deleted_meanwhile(self):
        self._start()
        draft = self.moves[0]
        draft.button_draft()
        draft.with_context(force_delete=True).unlink()
        self._run_cron()
        self.assertEqual(self.moves[1:].mapped("escalation_plan_id"), self.plan)

    def test_few_are_done_at_once_or_not_at_all(self):
        self.patch(assign_module, "AT_ONCE", 5)
        form = self._open(self.moves)
        form.plan_id = self.plan
        wizard = form.save()
        error = ValidationError("Locked")
        with (
            patch.object(type(self.env["account.move"]), "_escalation_assign", side_effect=error),
            self.assertRaises(ValidationError),
        ):
            wizard.action_assign()

    def test_old_jobs_are_forgotten(self):
        wizard, _action = self._start()
        job = wizard.job_id.sudo()
        job._run()
        job._gc_done()
        self.assertTrue(job.exists())
        self.env.cr.execute("UPDATE account_escalation_job SET write_date = '2020-01-01'")
        self.env.invalidate_all()
        job._gc_done()
        self.assertFalse(job.exists())
