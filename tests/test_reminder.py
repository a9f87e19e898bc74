"""A person's own reminder: in two clicks, one for each customer, a contact, and no step of the plan."""

from freezegun import freeze_time

from odoo.exceptions import UserError, ValidationError
from odoo.tests import new_test_user
from odoo.tools.safe_eval import safe_eval

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


@freeze_time("2026-11-02 12:00:00")
class TestReminder(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1), min_contact_days=3)
        self.move = self._create_invoice(day("10-16"), self.plan)

    def _remind(self, moves):
        action = moves.action_escalation_remind()
        with self.mock_mail_gateway():
            self._open_wizard(action)._action_send_mail()
        return self._followups_of(moves[:1])[-1]

    def test_one_customer_opens_the_composer_filled_in(self):
        composer = self._open_wizard(self.move.action_escalation_remind())
        self.assertIn(self.move.name, composer.body)
        self.assertEqual(composer.partner_ids, self.customer)

    def test_counts_as_contact_and_moves_no_plan(self):
        reminder = self._remind(self.move)
        self.assertRecordValues(reminder, [{"state": "done", "is_manual": True}])
        self.assertEqual(self.move.escalation_last_date, MONDAY)
        self.assertFalse(self.plan._run(MONDAY), "the minimum delay")
        self.assertEqual(self.plan._run(day("11-05")).step_id, self.plan.step_ids)

    def test_counts_as_contact_for_a_customer_plan_too(self):
        plan = self._create_customer_plan(self._step(1), interval_type="days", min_contact_days=3)
        self.move.escalation_plan_id = False
        self._remind(self.move)
        self.assertFalse(plan._run(day("11-03")))
        self.assertTrue(plan._run(day("11-05")))

    def test_invoice_without_plan(self):
        self.move.escalation_plan_id = False
        self.assertEqual(self._remind(self.move).state, "done")

    def test_beginning_anew_takes_nothing_that_was_sent_or_is_a_colleagues(self):
        reminder = self._remind(self.move)
        reminder.sudo()._fail("delivery", "the second address does not exist")
        reminder.action_retry()
        self.assertEqual(reminder.state, "todo")
        self.move.action_escalation_remind()
        self.assertTrue(reminder.exists() and reminder.mail_message_id)
        clerk = new_test_user(self.env, "clerk", "account.group_account_invoice", company_id=self.company.id)
        second = self._create_invoice(day("10-16"), partner=self._create_customer("Gemini"))
        waiting = second._escalation_begin_reminders("todo")
        waiting.sudo().user_id = clerk
        second.action_escalation_remind()
        self.assertTrue(waiting.exists())

    def test_paid_meanwhile(self):
        action = self.move.action_escalation_remind()
        composer = self._open_wizard(action)
        self._pay(self.move)
        with self.assertRaises(UserError):
            composer._action_send_mail()

    def test_placeholder_that_does_not_exist(self):
        with self.assertRaises(ValidationError, msg="object.partner_id.nmae"):
            self.template.body_html = '<p t-out="object.partner_id.nmae"/>'
        with self.assertRaises(ValidationError):
            self.template.subject = "{{ object.total_de }}"

    def test_placeholders_that_do_something_with_a_field(self):
        for path in (
            "get_base_url()",
            "date.strftime('%d')",
            "user_id.name.upper()",
            "line_ids.mapped('move_id')",
            "date.year",
        ):
            self.template.subject = f"{{{{ object.{path} }}}}"

    def test_earlier_reminders_can_be_cited(self):
        self._remind(self.move)
        followup = self.plan._run(day("11-05"))
        self.assertEqual(followup.previous_reminders, "11/02/2026")

    def test_answer_is_told_on_the_invoice(self):
        followup = self._remind(self.move)
        followup.message_post(
            body="We pay on Friday", message_type="email", author_id=self.customer.id, subject="Re: Reminder"
        )
        note = self.move.message_ids[0]
        self.assertIn("has answered", note.body)
        self.assertTrue(note.is_internal)

    def test_text_for_what_is_not_due_yet(self):
        early = self._create_invoice(day("11-20"))
        composer = self._open_wizard(early.action_escalation_remind())
        self.assertIn("falls due soon", composer.body)
        self.assertNotIn("past its due date", composer.body)
        self.assertIn("past its due date", self._open_wizard(self.move.action_escalation_remind()).body)

    # --- what it carries, and who gets it ----------------------------------------------------------------------------

    def test_invoice_is_attached(self):
        composer = self._open_wizard(self.move.action_escalation_remind())
        self.assertTrue(self.move.invoice_pdf_report_id)
        self.assertEqual(composer.attachment_ids, self.move.invoice_pdf_report_id)

    def test_copy_to_oneself(self):
        composer = self._open_wizard(self.move.action_escalation_remind())
        composer.escalation_sends_copy = True
        with self.mock_mail_gateway():
            composer._action_send_mail()
            reminder = self._followups_of(self.move)[-1]
            mails = self._mails_of(reminder)
            mails.filtered(lambda mail: mail.state == "outgoing").send()
        mine, theirs = self._sent_to(self.env.user.partner_id), self._sent_to(self.customer)
        self.assertEqual(len(mine), 1)
        self.assertEqual(len(theirs), 1)
        for key in ("subject", "body", "attachments"):
            self.assertEqual(mine[0][key], theirs[0][key])
        self.assertFalse(theirs[0]["email_cc"])

    def test_no_copy_unless_asked_for(self):
        reminder = self._remind(self.move)
        self.assertEqual(self._mails_of(reminder).recipient_ids, self.customer)

    def _sent_to(self, partner):
        return [mail for mail in self._mails if partner.email_normalized in "".join(mail["email_to"])]

    # --- a template of one's own -------------------------------------------------------------------------------------

    def _save_template(self, composer, name="My reminder"):
        composer.template_name = name
        composer.create_mail_template()
        return composer.template_id

    def test_saved_template_says_nothing_of_this_customer(self):
        biller = new_test_user(self.env, "biller", "account.group_account_invoice", company_id=self.company.id)
        action = self.move.with_user(biller).action_escalation_remind()
        composer = self.env[action["res_model"]].with_user(biller).with_context(**action["context"]).create({})
        composer.body = composer.body + f"<p>Dear {self.customer.name}</p>"
        template = self._save_template(composer)
        for text in (self.move.name, self.customer.name, "100.00", "access_token", "/my/follow-up/"):
            self.assertNotIn(text, template.body_html + template.subject)
        self.assertIn("object.items_table", template.body_html)
        self.assertFalse(template.attachment_ids or template.email_from or template.reply_to)
        self.assertEqual(self.move.invoice_pdf_report_id.res_model, "account.move", "the legal PDF stays where it is")
        self.assertIn(self.move.name, composer.body, "what is being written stays")
        self.assertIn(self.move.name, composer.subject)
        self.assertEqual(composer.partner_ids, self.customer)

    def test_saved_template_takes_what_the_user_has_added_and_no_invoice(self):
        composer = self._open_wizard(self.move.action_escalation_remind())
        pdf = composer.attachment_ids
        added = self.env["ir.attachment"].create({"name": "Terms.pdf", "res_model": composer._name, "raw": b"Terms"})
        composer.attachment_ids |= added
        template = self._save_template(composer)
        self.assertEqual(template.attachment_ids, added)
        self.assertEqual(composer.attachment_ids, pdf | added)
        self.assertEqual(self.move.invoice_pdf_report_id, pdf, "the legal PDF stays where it is")

    def test_saved_template_can_be_chosen_for_another_customer_and_on_a_step(self):
        template = self._save_template(self._open_wizard(self.move.action_escalation_remind()))
        other = self._create_invoice(day("10-16"), partner=self._create_customer("Deco Addict"), amount=77.0)
        composer = self._open_wizard(other.action_escalation_remind())
        email_from = composer.email_from
        composer.template_id = template
        self.assertIn(other.name, composer.body)
        self.assertIn(other.name, composer.subject)
        self.assertNotIn(self.move.name, composer.body)
        self.assertEqual(composer.partner_ids, other.partner_id)
        self.assertEqual(composer.attachment_ids, other.invoice_pdf_report_id)
        self.assertEqual(composer.email_from, email_from)
        self.plan.step_ids.template_id = template
        self.assertIn(self.move.name, self.plan._run(MONDAY).mail_body)


@freeze_time("2026-11-02 12:00:00")
class TestReminders(EscalationCommon):
    """Several customers, and what must not be sent."""

    def setUp(self):
        super().setUp()
        self.move = self._create_invoice(day("10-16"))
        self.other = self._create_invoice(day("10-16"), partner=self._create_customer("Deco Addict"))

    def _ask(self, moves):
        action = moves.action_escalation_remind()
        self.assertEqual(action["res_model"], "account.escalation.remind")
        return self._open_wizard(action)

    def test_told_how_many_customers(self):
        wizard = self._ask(self.move | self.other)
        self.assertRecordValues(wizard, [{"ready_count": 2, "customer_count": 2, "left_out": False, "warning": False}])
        self.assertFalse((self.move | self.other).escalation_followup_ids)

    def test_read_one_by_one(self):
        action = self._ask(self.move | self.other).action_review()
        for move, waiting in ((self.move, 1), (self.other, 0)):
            composer = self._open_wizard(action)
            self.assertEqual(composer.partner_ids, move.partner_id)
            self.assertEqual(composer.escalation_next_count, waiting)
            with self.mock_mail_gateway():
                action = composer.action_send_mail()
            self.assertEqual(move.escalation_followup_ids.state, "done")
        self.assertEqual(action["type"], "ir.actions.act_window_close")

    def test_those_not_read_yet_wait_in_to_do(self):
        action = self._ask(self.move | self.other).action_review()
        self._open_wizard(action)  # and closed again
        todo = safe_eval(self.env.ref("account_escalation.account_escalation_followup_action_todo").domain)
        reminders = (self.move | self.other).escalation_followup_ids
        self.assertEqual(len(reminders.filtered_domain(todo)), 2)
        self.assertFalse(reminders.mail_message_id, "nothing is sent unread")

    def test_begun_again_while_they_wait(self):
        moves = self.move | self.other
        for _time in range(2):
            wizard = self._ask(moves)
            self.assertFalse(wizard.warning, "what one has begun oneself is no news")
            wizard.action_review()
            self.assertEqual(moves.mapped("escalation_followup_ids.state"), ["todo", "todo"])
        self.move.action_escalation_remind()
        self.assertEqual(self.move.escalation_followup_ids.state, "todo", "opened alone and closed again")

    def test_sent_as_the_text_says(self):
        with self.mock_mail_gateway():
            action = self._ask(self.move | self.other).action_send()
            self.assertIn("within a minute: 2.", action["params"]["message"])
            reminders = (self.move | self.other).escalation_followup_ids
            self.assertRecordValues(reminders, [{"state": "queued", "mail_message_id": False}] * 2)
            reminders._process()
            for move, stranger in ((self.move, self.other), (self.other, self.move)):
                reminder = move.escalation_followup_ids
                mail = self._mails_of(reminder)
                self.assertRecordValues(
                    reminder, [{"state": "done", "is_manual": True, "partner_id": move.partner_id.id}]
                )
                self.assertEqual(mail.recipient_ids, move.partner_id)
                self.assertIn(move.name, mail.body_html)
                self.assertNotIn(stranger.name, mail.body_html)
                self.assertEqual(mail.attachment_ids, move.invoice_pdf_report_id)

    def test_unread_one_whose_amount_changes_in_the_mail_queue_leaves_all_the_same(self):
        self._ask(self.move | self.other).action_send()
        reminder = self.move.escalation_followup_ids
        reminder._process()
        self._pay(self.move, 30.0)
        with self.mock_mail_gateway():
            self._mails_of(reminder).send()
        self.assertEqual(reminder.state, "done")
        self.assertEqual(self._mails_of(reminder).mapped("state"), ["cancel", "outgoing"])
        self.assertIn("70.00", self._mails_of(reminder)[-1].body_html)

    def test_what_a_person_should_know_is_not_sent_unread(self):
        self.move.write({"escalation_hold": "dispute"})
        wizard = self._ask(self.move | self.other)
        self.assertIn("Disputed", wizard.warning)
        action = wizard.action_send()
        for text in ("leave within a minute: 1.", "wait in To Do to be read: 1."):
            self.assertIn(text, action["params"]["message"])
        self.assertEqual(self.move.escalation_followup_ids.state, "todo")
        self.assertEqual(self.other.escalation_followup_ids.state, "queued")

    def test_queued_by_who_may_remind_and_taken_up_by_the_scheduled_action(self):
        biller = new_test_user(self.env, "biller", "account.group_account_invoice", company_id=self.company.id)
        wizard = self._ask((self.move | self.other).with_user(biller))
        triggers = [("cron_id", "=", self.env.ref("account_escalation.ir_cron_process").id)]
        before = self.env["ir.cron.trigger"].sudo().search_count(triggers)
        wizard.action_send()
        self.assertGreater(self.env["ir.cron.trigger"].sudo().search_count(triggers), before)
        reminders = (self.move | self.other).escalation_followup_ids
        self.assertEqual(self.env[reminders._name].search(reminders._get_queued_domain()) & reminders, reminders)

    def test_what_comes_to_be_known_in_the_queue_is_not_sent_unread(self):
        third = self._create_invoice(day("10-16"), partner=self._create_customer("Gemini"))
        moves = self.move | self.other | third
        self._ask(moves).action_send()
        self._contact(self.move, MONDAY)
        self.other.write({"escalation_hold": "dispute"})
        reminders = moves.escalation_followup_ids.filtered("is_manual").sorted("id")
        clerk = new_test_user(self.env, "clerk", "account.group_account_invoice", notification_type="inbox")
        reminders.sudo().user_id = clerk
        reminders._process()
        self.assertEqual(reminders.mapped("state"), ["todo", "skipped", "done"])
        notices = [("model", "=", reminders._name), ("message_type", "=", "user_notification")]
        told = self.env["mail.message"].sudo().search([*notices, ("res_id", "=", reminders[0].id)])
        self.assertIn("Contacted", told.body)
        self.assertEqual(told.notified_partner_ids, clerk.partner_id, "who believed that it leaves")
        self.assertEqual(self.other.escalation_followup_ids.reason, "hold")

    def test_what_was_read_and_failed_is_read_again(self):
        composer = self._open_wizard(self.move.action_escalation_remind())
        with self.mock_mail_gateway():
            composer._action_send_mail()
        reminder = self.move.escalation_followup_ids
        reminder.sudo()._fail("delivery", "down")
        reminder.action_retry()
        self.assertEqual(reminder.state, "todo")

    def test_bounced_address_is_tried_all_the_same(self):
        self.customer.message_bounce = 3
        self._ask(self.move | self.other).action_send()
        self.move.escalation_followup_ids._process()
        self.assertEqual(self.move.escalation_followup_ids.state, "done")

    def test_sent_unread_is_no_automatic_message(self):
        self.company.write({"escalation_min_days_any": 5, "escalation_max_messages": 1})
        self._ask(self.move | self.other).action_send()
        (self.move | self.other).escalation_followup_ids._process()
        plan = self._create_plan(self._step(1))
        later = self._create_invoice(day("10-16"), plan)
        self.assertEqual(plan._run(MONDAY).move_ids, later)

    def test_left_out_in_plain_words(self):
        draft = self.move.copy()
        credit = self._create_invoice(day("10-16"), move_type="out_refund")
        self._pay(self.other)
        wizard = self._ask(self.move | self.other | draft | credit)
        self.assertEqual(wizard.ready_ids, self.move)
        for sentence in (f"{self.other.name}: Paid.", "Not posted.", f"{credit.name}: Not a customer invoice."):
            self.assertIn(sentence, wizard.left_out)

    def test_refused(self):
        excluded = self._create_invoice(day("10-16"))
        excluded.write({"no_followup": True, "escalation_exclusion": "insolvency"})
        self._pay(self.other)
        cases = {self.other: "Paid", excluded: "Excluded", self.move.copy(): "Not posted"}
        for move, sentence in cases.items():
            with self.assertRaisesRegex(UserError, sentence):
                move.action_escalation_remind()

    def test_customer_who_is_excluded(self):
        self.customer.escalation_no_followup = True
        with self.assertRaisesRegex(UserError, "Excluded"):
            self.move.action_escalation_remind()

    # --- what a person decides ---------------------------------------------------------------------------------------

    def test_hold_is_told_and_a_person_may_send_all_the_same(self):
        self.move.write({"escalation_hold": "pause", "escalation_hold_until": day("11-30")})
        composer = self._open_wizard(self.move.action_escalation_remind())
        self.assertIn("Paused", composer.escalation_warning)
        with self.mock_mail_gateway():
            composer._action_send_mail()
        self.assertEqual(self.move.escalation_followup_ids.state, "done")

    def test_hold_that_comes_while_the_email_is_written_stops_it(self):
        composer = self._open_wizard(self.move.action_escalation_remind())
        self.move.write({"escalation_hold": "dispute"})
        with self.assertRaisesRegex(UserError, "On hold"):
            composer._action_send_mail()

    def test_another_hold_than_the_known_one_stops_it(self):
        self.move.write({"escalation_hold": "pause"})
        composer = self._open_wizard(self.move.action_escalation_remind())
        self.move.write({"escalation_hold": "dispute"})
        with self.assertRaisesRegex(UserError, "On hold"):
            composer._action_send_mail()

    def test_customer_who_is_held_while_the_email_is_written(self):
        composer = self._open_wizard(self.move.action_escalation_remind())
        self.customer.write({"escalation_hold": "pause"})
        with self.assertRaisesRegex(UserError, "On hold"):
            composer._action_send_mail()

    def test_known_hold_stops_nothing_and_a_later_one_its_invoice(self):
        other = self._create_invoice(day("10-16"))
        (self.move | other).write({"escalation_hold": "pause"})
        [reminder] = (self.move | other)._escalation_begin_reminders("todo")
        other.action_escalation_lift()
        reminder.sudo()._withdraw_stale(day("11-03"), [])
        self.assertEqual(reminder.state, "todo")
        self.move.write({"escalation_hold": "dispute"})
        self.assertEqual(self._listed(reminder), other)

    def test_hold_that_comes_beside_a_known_one_stops_it_too(self):
        other = self._create_invoice(day("10-16"))
        other.write({"escalation_hold": "pause"})
        composer = self._open_wizard((self.move | other).action_escalation_remind())
        self.move.write({"escalation_hold": "dispute"})
        with self.assertRaisesRegex(UserError, "On hold"):
            composer._action_send_mail()

    def test_begun_twice_the_last_one_counts(self):
        first, _second = (self._open_wizard(self.move.action_escalation_remind()) for _time in range(2))
        self.assertEqual(len(self._drafts()), 1)
        self.assertFalse(first.exists())

    def test_two_people_do_not_remind_of_the_same(self):
        biller = new_test_user(self.env, "biller", "account.group_account_invoice", company_id=self.company.id)
        mine = self._open_wizard(self.move.action_escalation_remind())
        action = self.move.with_user(biller).action_escalation_remind()
        theirs = self.env[action["res_model"]].with_user(biller).with_context(**action["context"]).create({})
        with self.mock_mail_gateway():
            theirs._action_send_mail()
        with self.assertRaisesRegex(UserError, "since you began"):
            mine._action_send_mail()

    def test_contact_that_the_reader_is_told_of_stops_nothing(self):
        plan = self._create_plan(self._step(1))
        self.move.escalation_plan_id = plan
        self._ask(self.move | self.other).action_review()
        waiting = self.move.escalation_followup_ids
        plan._run(MONDAY)
        composer = self._open_wizard(waiting.action_send())
        self.assertIn("Contacted lately: 11/02/2026", composer.escalation_warning)
        with self.mock_mail_gateway():
            composer._action_send_mail()
        self.assertEqual(waiting.state, "done")

    def test_two_reminders_of_the_same_in_one_selection(self):
        biller = new_test_user(self.env, "biller", "account.group_account_invoice", company_id=self.company.id)
        reminders = self.move._escalation_begin_reminders("todo")
        reminders += self.move.with_user(biller)._escalation_begin_reminders("todo").with_user(self.env.user)
        with self.mock_mail_gateway():
            reminders.action_send()
        self.assertEqual(reminders.mapped("state"), ["todo", "todo"])

    def test_sent_with_others_only_if_there_is_nothing_to_know(self):
        early = self._create_invoice(day("11-20"), partner=self._create_customer("Early Bird"))
        parked = (self.move | early)._escalation_begin_reminders("todo")
        parked.action_send()
        states = {reminder.move_ids: reminder.state for reminder in parked}
        self.assertEqual(states, {self.move: "done", early: "todo"})

    def test_paid_although_the_hold_was_known(self):
        self.move.write({"escalation_hold": "pause"})
        composer = self._open_wizard(self.move.action_escalation_remind())
        self._pay(self.move)
        with self.assertRaises(UserError):
            composer._action_send_mail()

    def test_told_of_contacts_credits_and_what_waits(self):
        plan = self._create_plan(self._step(1, needs_review=True))
        self.move.escalation_plan_id = plan
        plan._run(MONDAY)
        self._contact(self.move, day("11-01"))
        self._pay_in(30.0)
        warning = self._open_wizard(self.move.action_escalation_remind()).escalation_warning
        name = self.move.name
        self.assertEqual(
            warning.replace("\xa0", " ").splitlines(),
            [
                "Open credits that are not listed: $ 30.00 (Azure Interior)",
                f"Contacted lately: 11/01/2026 ({name})",
                f"Another follow-up waits: 1 day after the due date ({name})",
            ],
        )

    def test_one_line_for_each_kind_of_warning(self):
        """Whatever the order of the invoices; the most important first."""
        early = [self._create_invoice(day("11-20"), partner=self.other.partner_id) for _number in range(2)]
        held = self._create_invoice(day("10-16"), partner=self._create_customer("Held Back"))
        held.write({"escalation_hold": "pause", "escalation_hold_until": day("11-30")})
        for amount, partner in ((30.0, self.customer), (40.0, self.other.partner_id)):
            self._pay_in(amount, partner=partner)
        wizard = self._ask(self.move | self.other | early[0] | early[1] | held)
        self.assertEqual(
            wizard.warning.replace("\xa0", " ").splitlines(),
            [
                f"On hold: Paused until 11/30/2026 ({held.name})",
                f"Not due yet: {early[0].name}, {early[1].name}",
                "Open credits that are not listed: $ 30.00 (Azure Interior), $ 40.00 (Deco Addict)",
            ],
        )

    def test_named_in_the_language_of_the_reader(self):
        self.env["res.lang"]._activate_lang("it_IT")
        step = self.move._escalation_begin_reminders("todo").step_id
        step.with_context(lang="it_IT").name = False
        self.assertEqual(step.with_context(lang="it_IT").display_name, "Sollecito manuale")

    def test_told_that_it_is_not_due(self):
        early = self._create_invoice(day("12-16"))
        self.assertIn("Not due yet", self._open_wizard(early.action_escalation_remind()).escalation_warning)
        wizard = self._ask(early | self.other)
        wizard.action_send()
        self.assertEqual(early.escalation_followup_ids.state, "todo")
        self.assertNotIn("Another", early.escalation_followup_ids.warning)

    def test_begun_again_is_one_reminder(self):
        self.move.action_escalation_remind()
        self.move.action_escalation_remind()
        [draft] = self._drafts()
        self.assertEqual(draft.move_ids, self.move)

    def test_what_is_not_sent_is_nobodys_to_do(self):
        self.move.action_escalation_remind()
        self.assertFalse(self.move.escalation_followup_ids)
        self.assertFalse(self.customer.escalation_followup_ids)
        todo = self.env.ref("account_escalation.account_escalation_followup_action_todo")
        self.assertFalse(self._drafts().filtered_domain(safe_eval(todo.domain)))
        self.assertFalse(self.move.is_move_sent, "there is a PDF, but nobody has got it")
        with freeze_time("2026-11-04 12:00:00"):
            self._drafts().sudo()._gc_unsent_reminders()
        self.assertFalse(self._drafts())

    def test_what_is_sent_is_marked_as_sent(self):
        composer = self._open_wizard(self.move.action_escalation_remind())
        with self.mock_mail_gateway():
            composer._action_send_mail()
        self.assertTrue(self.move.is_move_sent)

    def _drafts(self):
        return self.env["account.escalation.followup"].search([("state", "=", "draft")])

    # --- from the customer -------------------------------------------------------------------------------------------

    def test_customer_is_reminded_of_what_is_overdue(self):
        later = self._create_invoice(day("12-16"))
        second = self._create_invoice(day("10-20"))
        composer = self._open_wizard(self.customer.action_escalation_remind())
        self.assertEqual(composer.escalation_followup_id.move_ids, self.move | second)
        self.assertNotIn(later.name, composer.body)

    def test_customers_are_asked_about(self):
        action = (self.customer | self.other.partner_id).action_escalation_remind()
        self.assertEqual(action["context"]["default_move_ids"], (self.move | self.other).ids)

    def test_customer_who_owes_nothing(self):
        self._pay(self.move)
        with self.assertRaisesRegex(UserError, "No invoice is overdue"):
            self.customer.action_escalation_remind()
