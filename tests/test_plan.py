"""Plans and steps: what bad input gets, and what stays when a plan changes."""

from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import Form

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class TestPlan(EscalationCommon):
    def _assert_refused(self, message, *steps, **values):
        with self.assertRaisesRegex(ValidationError, message), self.env.cr.savepoint():
            self._create_plan(*steps, **values)

    def test_before_the_issue_date(self):
        self._assert_refused("before the issue date", self._step(3, anchor="issue", direction="before"))

    def test_negative_days(self):
        for field in ("days", "repeat_days", "auto_skip_days"):
            with self.subTest(field):
                self._assert_refused("cannot be negative", {**self._step(3), field: -1})

    def test_negative_policy(self):
        self._assert_refused("cannot be negative", min_contact_days=-1)
        self._assert_refused("cannot be negative", min_amount=-1)

    def test_only_the_last_step_after_the_due_date_repeats(self):
        message = "Only the last step after the due date"
        self._assert_refused(message, self._step(3, repeat_days=7), self._step(10))
        self._assert_refused(message, self._step(-3, repeat_days=7))
        self._assert_refused(message, self._step(40, anchor="issue", repeat_days=7))
        self._assert_refused(message, self._step(3, repeat_days=7), self._step(3, repeat_days=7))
        plan = self._create_plan(
            self._step(3), self._step(3, sequence=20, repeat_days=7), self._step(40, anchor="issue")
        )
        with self.assertRaisesRegex(ValidationError, message):
            plan.write({"step_ids": [Command.create(self._step(5))]})

    def test_email_without_template(self):
        self._assert_refused("needs a template", {**self._step(3), "template_id": False})
        self._assert_refused("needs a template", {"days": 3, "channel": "email"})

    def test_template_of_another_model(self):
        other = self.env.ref("account.email_template_edi_invoice")
        self._assert_refused("not made for follow-ups", self._step(3, template_id=other.id))

    def test_sender_that_is_no_address(self):
        for nonsense in ("accounts at company", "a@example.com, b@example.com"):
            with self.assertRaises(ValidationError):
                self._create_plan(sender_email=nonsense)
        self._create_plan(sender_email="accounts@example.com")

    def test_two_defaults(self):
        self._create_plan(is_default=True)
        self._assert_refused("one default plan only", is_default=True)
        self.assertTrue(self._create_plan(is_default=True, company_id=self.other_company.id))

    def test_archived_default_does_not_stand_in_the_way(self):
        self._create_plan(is_default=True).active = False
        self.assertTrue(self._create_plan(is_default=True))

    def test_plan_of_another_company(self):
        plan = self._create_plan(company_id=self.other_company.id)
        move = self._create_invoice(day("10-16"))
        with self.assertRaisesRegex(ValidationError, "belongs to"):
            move.escalation_plan_id = plan
        used = self._create_plan()
        move.escalation_plan_id = used
        with self.assertRaisesRegex(ValidationError, "another company"):
            used.company_id = self.other_company

    def test_the_button_opens_the_invoices_that_it_counts(self):
        plan = self._create_plan(self._step(1))
        move, draft = (self._create_invoice(day("10-16"), plan) for _number in range(2))
        draft.button_draft()
        self.assertEqual(plan.move_count, 1)
        self.assertEqual(self.env["account.move"].search(plan.action_open_moves()["domain"]), move)

    def test_a_plan_with_a_history_stays_in_its_company(self):
        plan = self._create_plan(self._step(1))
        move = self._create_invoice(day("10-16"), plan)
        plan._run(MONDAY)
        move.escalation_plan_id = False
        with self.assertRaisesRegex(ValidationError, "follow-ups of another company"):
            plan.company_id = self.other_company
        without = self._create_plan(self._step(1))
        without.company_id = self.other_company

    def test_deleting_a_plan_in_use(self):
        plan = self._create_plan(self._step(1))
        move = self._create_invoice(day("10-16"), plan)
        with self.assertRaisesRegex(ValidationError, "archive it instead"):
            plan.unlink()
        plan._run(MONDAY)
        move.escalation_plan_id = False
        with self.assertRaisesRegex(ValidationError, "archive it instead"):
            plan.unlink()
        self._create_plan(self._step(1)).unlink()

    def test_taken_step_is_archived_when_removed(self):
        plan = self._create_plan(self._step(1), self._step(7), self._step(20))
        move = self._create_invoice(day("10-16"), plan)
        self._run_days(plan, MONDAY, day("11-03"))
        taken = plan.step_ids[1]
        plan.write({"step_ids": [Command.delete(taken.id)]})
        self.assertFalse(taken.active)
        plan.write({"step_ids": [Command.create(self._step(3))]})  # before what was taken
        self.assertEqual(plan._run(day("11-05")).step_id.days, 20)
        self.assertEqual(self._followups_of(move).step_id.mapped("days"), [1, 7, 20])

    def test_untaken_step_is_deleted(self):
        plan = self._create_plan(self._step(1))
        step = plan.step_ids
        plan.write({"step_ids": [Command.delete(step.id)]})
        self.assertFalse(step.exists())

    def test_copy_has_its_own_steps(self):
        plan = self._create_plan(self._step(1), self._step(5, repeat_days=3), is_default=True)
        copy = plan.copy()
        self.assertEqual(copy.step_ids.mapped("repeat_days"), [0, 3])
        self.assertFalse(copy.is_default)
        self.assertFalse(copy.step_ids & plan.step_ids)

    def test_review_everything_and_back(self):
        plan = self._create_plan(self._step(1), self._step(5), self._step(9, "call"))
        plan.action_toggle_review()
        self.assertEqual(plan.step_ids.mapped("needs_review"), [True, True, False])
        plan.action_toggle_review()
        self.assertEqual(plan.step_ids.mapped("needs_review"), [False, False, False])

    def test_reminder_after_the_due_date_warns(self):
        step = self._create_plan(self._step(3, tone="reminder")).step_ids
        self.assertIn("would never be taken", step.warning)
        self.assertFalse(self._create_plan(self._step(-3)).step_ids.warning)

    def test_issue_date_excludes_before_in_the_form(self):
        with Form(self.env["account.escalation.plan"]) as form:
            form.name = "Form"
            with form.step_ids.new() as step:
                step.direction = "before"
                step.anchor = "issue"
                step.template_id = self.template
                self.assertEqual(step.direction, "after")

    def test_step_says_when(self):
        plan = self._create_plan(self._step(-5), self._step(0), self._step(3, anchor="issue"))
        self.assertEqual(
            plan.step_ids.mapped("display_name"),
            ["5 days before the due date", "On the due date", "3 days after the issue date"],
        )


class TestInvoice(EscalationCommon):
    """Plan, next step, date and reason on the invoice."""

    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(-5), self._step(10), self._step(20))

    def test_default_plan_is_taken_when_posted(self):
        self.plan.is_default = True
        move = self._create_invoice(day("12-20"))
        self.assertRecordValues(move, [{"escalation_plan_id": self.plan.id, "escalation_plan_origin": "default"}])
        refund = self._create_invoice(day("12-20"), move_type="out_refund")
        bill = self.init_invoice("in_invoice", amounts=[10.0], post=True)
        self.assertFalse((refund + bill).escalation_plan_id)

    def test_without_default_there_is_no_plan(self):
        self.assertFalse(self._create_invoice(day("12-20")).escalation_plan_id)

    def test_choice_before_posting_is_kept(self):
        self.plan.is_default = True
        other = self._create_plan(self._step(1))
        move = self._create_invoice(day("12-20"), escalation_plan_id=other.id)
        self.assertRecordValues(move, [{"escalation_plan_id": other.id, "escalation_plan_origin": "manual"}])

    def test_copy_has_no_plan_and_no_history(self):
        move = self._create_invoice(day("10-16"), self.plan)
        self.plan._run(MONDAY)
        copy = move.copy()
        self.assertFalse(copy.escalation_plan_id or copy.escalation_last_date or copy.escalation_followup_ids)

    def test_next_date_and_sentence(self):
        today = self.company._escalation_today()
        due = today.replace(year=today.year + 1)
        move = self._create_invoice(due, self.plan, issued=today)
        decided = {facts.move_id: decision for facts, decision in self.plan._decide(today)}[move.id]
        self.assertEqual(move.escalation_next_date, decided.date)
        self.assertEqual(move.escalation_next_step_id, self.plan.step_ids[0])
        self.assertIn(str(decided.date.year), move.escalation_reason)

    def test_next_fields_of_many_invoices_take_one_read(self):
        moves = self.env["account.move"].concat(
            *(self._create_invoice(day("10-16"), self.plan) for _number in range(5))
        )
        moves[:2].mapped("escalation_reason")  # warm
        moves.invalidate_recordset()
        moves.mapped("escalation_plan_id.name")
        before = self.env.cr.sql_log_count
        moves.mapped("escalation_reason")
        self.assertLess(self.env.cr.sql_log_count - before, 12)

    def test_sentence_is_in_the_readers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        move = self._create_invoice(day("10-16"), self.plan)
        move.no_followup = True
        french = move.with_context(lang="fr_FR").escalation_reason
        self.assertTrue(french)
        self.assertNotEqual(french, move.escalation_reason)

    def test_search(self):
        today = self.company._escalation_today()
        late = self._create_invoice(day("10-16"), self.plan)
        future = self._create_invoice(today.replace(year=today.year + 1), self.plan, issued=today)
        unplanned = self._create_invoice(day("10-16"))
        moves = late | future | unplanned

        def found(domain):
            return moves & self.env["account.move"].search([("id", "in", moves.ids), *domain])

        limit = today.replace(month=12, day=31)
        self.assertEqual(found([("escalation_next_date", "<=", limit)]), late)
        self.assertEqual(found([("escalation_next_date", ">", limit)]), future)
        self.assertEqual(found([("escalation_next_date", "=", late.escalation_next_date)]), late)
        self.assertEqual(found([("escalation_next_date", "=", False)]), unplanned)
        self.assertEqual(found([("escalation_next_date", "!=", False)]), late | future)
        self.assertEqual(found([("escalation_next_step_id", "=", self.plan.step_ids[0].id)]), future)
        self.assertEqual(found([("escalation_next_step_id", "=", False)]), unplanned)
        self.assertEqual(found([("escalation_reason", "ilike", late.escalation_reason[:10])]) & late, late)
        self.assertEqual(found([("escalation_reason", "=", False)]), unplanned)
        self.assertEqual(found([("escalation_reason", "!=", False)]), late | future)
        self.plan._run(MONDAY)
        followup = late.escalation_followup_ids
        self.assertEqual(found([("escalation_followup_ids", "in", followup.ids)]), late)
        followups = self.env["account.escalation.followup"]
        self.assertEqual(followups.search([("move_ids", "in", late.ids)]), followup)
        self.assertEqual(followups.search([("move_line_ids", "in", followup.move_line_ids.ids)]), followup)

    def test_an_invoice_of_a_branch_says_that_it_has_no_plan(self):
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.company.id})
        self.env.cr.precommit.run()  # its chart of accounts
        self.plan.is_default = True
        move = self._create_invoice(day("12-20"), company_id=branch.id)
        self.assertFalse(move.escalation_plan_id)
        self.assertIn("No plan: the plans of the main company", move.escalation_alert)
        self.assertFalse(self._create_invoice(day("12-20")).escalation_alert)
        own = self._create_plan(self._step(1), company_id=branch.id, is_default=True)
        move.invalidate_recordset()
        self.assertFalse(move.escalation_alert)
        self.assertEqual(self._create_invoice(day("12-20"), company_id=branch.id).escalation_plan_id, own)

    def test_putting_under_a_plan_warns_when_nobody_can_be_written_to(self):
        self.customer.email = False
        move = self._create_invoice(day("12-20"), self.plan)
        self.assertIn("Nobody to write to", move.escalation_alert)
        calls = self._create_plan(self._step(1, "call"))
        move.escalation_plan_id = calls
        self.assertFalse(move.escalation_alert)
        move.escalation_plan_id = self._create_plan(self._step(1, to_customer=False, to_internal=True))
        self.assertFalse(move.escalation_alert, "it is told to colleagues only")

    def test_deciding_writes_nothing(self):
        self._create_invoice(day("10-16"), self.plan)
        self.env.flush_all()
        with self.env.cr.savepoint():
            self.env.cr.execute("SET TRANSACTION READ ONLY")
            self.assertTrue(list(self.plan._decide(MONDAY)))
