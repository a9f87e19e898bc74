"""Who is written to, which colleagues are told, whose work it is, who signs and who hears the answers."""

from email.message import EmailMessage

from freezegun import freeze_time
from lxml import etree

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user
from odoo.tools.safe_eval import safe_eval

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class RecipientsCase(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seller = cls._create_user("seller", "account.group_account_invoice")
        cls.clerk = cls._create_user("clerk", "account.group_account_invoice")
        cls.colleague = cls._create_user("colleague", "base.group_user")

    @classmethod
    def _create_user(cls, login, groups, **values):
        companies = {"company_id": cls.company.id, "company_ids": [Command.set(cls.company.ids)]}
        return new_test_user(cls.env, login, groups, email=f"{login}@example.com", **companies, **values)

    @classmethod
    def _create_contact(cls, name, parent=None, **values):
        return cls._create_customer(name, parent_id=(parent or cls.customer).id, is_company=False, **values)

    def _run_one(self, *steps, **values):
        """The follow-up of one late invoice under a plan of these steps."""
        plan = self._create_plan(*steps, **values)
        self._create_invoice(day("10-16"), plan)
        return plan._run(MONDAY)

    def _sent(self, followup):
        """What leaves through the mail server: (To, Cc) of each email, as sorted addresses."""
        with self.mock_mail_gateway(), freeze_time("2026-11-02 12:00:00"):
            self._mails_of(followup).send()
        return self._addresses()

    def _addresses(self):
        found = [(self._plain(mail["email_to"]), self._plain(mail["email_cc"])) for mail in self._mails]
        return sorted(found)

    def _plain(self, addresses):
        return sorted(address.rpartition("<")[2].strip(">") for address in addresses or ())

    def _send_by_hand(self, followup):
        with self.mock_mail_gateway(), freeze_time("2026-11-02 12:00:00"):
            action = followup.action_send()
            composer = self._open_wizard(action)
            composer._action_send_mail()
        return self._addresses()


class TestCustomerSide(RecipientsCase):
    def test_the_company_itself(self):
        self.assertEqual(self._run_one(self._step(1)).recipient_ids, self.customer)

    def test_the_invoice_address(self):
        self._create_contact("Other", type="other")
        accounts = self._create_contact("Accounts", type="invoice")
        self.customer.email = False
        plan = self._create_customer_plan(self._step(1))
        balance = self._create_invoice(day("10-16"))
        followup = plan._run(MONDAY)
        self.assertEqual((followup.recipient_ids, self._listed(followup)), (accounts, balance))

    def test_contacts_chosen_for_it_come_first(self):
        self._create_contact("Accounts", type="invoice")
        chosen = self._create_contact("Jane", escalation_is_contact=True)
        self.assertEqual(self._run_one(self._step(1)).recipient_ids, chosen)

    def test_several_contacts_are_all_in_to(self):
        for name in ("Jane", "John"):
            self._create_contact(name, escalation_is_contact=True)
        followup = self._run_one(self._step(1))
        self.assertEqual(self._sent(followup), [(["jane@example.com", "john@example.com"], [])])
        self.assertEqual(set(followup.mail_message_id.notification_ids.mapped("notification_status")), {"sent"})

    def test_several_contacts_by_hand(self):
        for name in ("Jane", "John"):
            self._create_contact(name, escalation_is_contact=True)
        followup = self._run_one(self._step(1, needs_review=True))
        self.assertEqual(self._send_by_hand(followup), [(["jane@example.com", "john@example.com"], [])])

    def test_a_letter_goes_to_one(self):
        first = self._create_contact("Jane", escalation_is_contact=True)
        self._create_contact("John", escalation_is_contact=True)
        self.assertEqual(self._run_one(self._step(1, "letter", template_id=False)).recipient_ids, first)

    def test_a_contact_that_cannot_be_reached_leaves_the_others(self):
        self._create_contact("Jane", escalation_is_contact=True, email=False)
        john = self._create_contact("John", escalation_is_contact=True)
        self.assertEqual(self._run_one(self._step(1)).recipient_ids, john)

    def test_chosen_contacts_are_never_replaced(self):
        jane = self._create_contact("Jane", escalation_is_contact=True, email=False)
        followup = self._run_one(self._step(1))
        self.assertEqual(followup.recipient_ids, jane)
        self.assertRecordValues(followup, [{"state": "failed", "reason": "no_recipient"}])

    def test_head_office(self):
        office = self._create_customer("Head Office")
        self.customer.escalation_contact_partner_id = office
        self.assertEqual(self._run_one(self._step(1)).recipient_ids, office)
        treasurer = self._create_contact("Treasurer", office, escalation_is_contact=True)
        self.assertEqual(self._run_one(self._step(1)).recipient_ids, treasurer)

    def test_head_office_never_merges_amounts(self):
        office = self._create_customer("Head Office")
        other = self._create_customer("Other branch", escalation_contact_partner_id=office.id)
        self.customer.escalation_contact_partner_id = office
        plan = self._create_customer_plan(self._step(1))
        other.escalation_plan_id = office.escalation_plan_id = plan
        for partner in (self.customer, other, office):
            self._create_invoice(day("10-16"), partner=partner)
        followups = plan._run(MONDAY)
        self.assertEqual(followups.recipient_ids, office)
        self.assertEqual(followups.partner_id, self.customer | other | office)
        for followup in followups:
            self.assertEqual(followup.move_ids.partner_id, followup.partner_id)
            self.assertIn("100.00", followup.total_due)

    def test_summary(self):
        jane = self._create_contact("Jane", escalation_is_contact=True)
        summary = self._create_summary()
        self._create_invoice(day("10-16"))
        self.assertEqual(summary._run(MONDAY).recipient_ids, jane)


class TestAnotherTry(RecipientsCase):
    """Before it is tried again: the same whom it was recorded for, whatever their address is now."""

    def setUp(self):
        super().setUp()
        self.office = self._create_contact("Accounts", type="invoice")
        self.named = self._create_contact("Munich", type="other")

    def _try_again(self, followup):
        followup.sudo()._fail("delivery")
        followup.action_retry()
        return followup.recipient_ids

    def test_of_an_invoice(self):
        plan = self._create_plan(self._step(1))
        self._create_invoice(day("10-16"), plan, partner=self.named)
        self.assertEqual(self._try_again(plan._run(MONDAY)), self.named)

    def test_of_a_customer(self):
        plan = self._create_customer_plan(self._step(1))
        self._create_invoice(day("10-16"), partner=self.named)
        followup = plan._run(MONDAY)
        self.assertEqual(followup.recipient_ids, self.office)
        self.assertEqual(self._try_again(followup), self.office)

    def test_by_hand(self):
        move = self._create_invoice(day("10-16"), partner=self.named)
        reminder = move._escalation_begin_reminders("todo")
        self.assertEqual(reminder.recipient_ids, self.named)
        self.assertEqual(self._try_again(reminder), self.named)

    def test_chosen_by_a_person(self):
        adviser = self._create_customer("Tax adviser")
        plan = self._create_plan(self._step(1, needs_review=True), group_by_customer=False)
        for _number in range(2):
            self._create_invoice(day("10-16"), plan)
        followups = plan._run(MONDAY)
        followups.recipient_ids = adviser
        self.assertEqual(followups[0].action_send()["context"]["default_partner_ids"], adviser.ids)
        self.assertEqual(self._try_again(followups), adviser)
        followups.action_send()
        self.assertEqual(self._mails_of(followups[1]).recipient_ids, adviser)

    def test_chosen_in_the_composer(self):
        adviser = self._create_customer("Tax adviser")
        plan = self._create_plan(self._step(1, needs_review=True))
        self._create_invoice(day("10-16"), plan)
        followup = plan._run(MONDAY)
        action = followup.action_send()
        composer = self._open_wizard(action)
        composer.partner_ids = adviser
        with self.mock_mail_gateway():
            composer._action_send_mail()
        self.assertEqual(self._try_again(followup), adviser)
        self.assertEqual(followup.action_send()["context"]["default_partner_ids"], adviser.ids)

    def test_address_that_was_put_right(self):
        self.named.email = False
        plan = self._create_plan(self._step(1))
        self._create_invoice(day("10-16"), plan, partner=self.named)
        followup = plan._run(MONDAY)
        self.assertEqual(followup.recipient_ids, self.office)
        self.named.email = "munich@example.com"
        self.assertEqual(self._try_again(followup), self.named)


class TestCopies(RecipientsCase):
    def test_salesperson_in_copy(self):
        plan = self._create_plan(self._step(1, cc_salesperson=True))
        self._create_invoice(day("10-16"), plan, invoice_user_id=self.seller.id)
        self.assertEqual(self._sent(plan._run(MONDAY)), [([self.customer.email], ["seller@example.com"])])

    def test_salesperson_in_copy_by_hand(self):
        plan = self._create_plan(self._step(1, cc_salesperson=True, needs_review=True), responsible_id=self.clerk.id)
        self._create_invoice(day("10-16"), plan, invoice_user_id=self.seller.id)
        self.assertEqual(self._send_by_hand(plan._run(MONDAY)), [([self.customer.email], ["seller@example.com"])])

    def test_salesperson_of_the_customer_on_summaries(self):
        self.customer.user_id = self.seller
        summary = self._create_summary()
        summary.step_ids.cc_salesperson = True
        self._create_invoice(day("10-16"))
        self.assertEqual(self._sent(summary._run(MONDAY)), [([self.customer.email], ["seller@example.com"])])

    def test_salesperson_who_has_left(self):
        plan = self._create_plan(self._step(1, cc_salesperson=True))
        self._create_invoice(day("10-16"), plan, invoice_user_id=self.seller.id)
        self.seller.active = False
        self.assertEqual(self._sent(plan._run(MONDAY)), [([self.customer.email], [])])

    def test_without_salesperson(self):
        plan = self._create_plan(self._step(1, cc_salesperson=True))
        self._create_invoice(day("10-16"), plan, invoice_user_id=False)
        self.assertEqual(self._sent(plan._run(MONDAY)), [([self.customer.email], [])])

    def test_copy_to_the_responsible(self):
        values = {"responsible_id": self.clerk.id, "copy_responsible": True}
        self.assertEqual(
            self._sent(self._run_one(self._step(1), **values)), [([self.customer.email], ["clerk@example.com"])]
        )
        reviewed = self._run_one(self._step(1, needs_review=True), **values)
        self.assertEqual(self._send_by_hand(reviewed), [([self.customer.email], [])], "who sends it knows")

    def test_customer_reads_no_follower(self):
        followup = self._run_one(self._step(1, needs_review=True), responsible_id=self.clerk.id)
        followup.message_subscribe(self._create_customer("Curious").ids)
        self.assertEqual(self._send_by_hand(followup), [([self.customer.email], [])])


class TestInternal(RecipientsCase):
    def setUp(self):
        super().setUp()
        self.customer.escalation_internal_user_ids = self.colleague

    def test_a_message_of_its_own(self):
        followup = self._run_one(self._step(1, to_internal=True))
        self.assertEqual(followup.recipient_ids, self.customer)
        self.assertEqual(self._sent(followup), [([self.customer.email], []), (["colleague@example.com"], [])])
        to_customer, notice = self._mails_of(followup)
        self.assertEqual(to_customer, followup.mail_message_id.mail_ids)
        self.assertIn("for you, not for the customer", notice.body_html)
        self.assertIn(followup.move_ids.name, notice.body_html)
        self.assertIn(f"model=res.partner&amp;res_id={self.customer.id}", notice.body_html)
        self.assertIn(f"res_id={followup.id}", notice.body_html)
        self.assertNotIn("for you, not for the customer", to_customer.body_html)

    def test_in_the_colleagues_language(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.env["ir.module.module"]._load_module_terms(["account_escalation"], ["de_DE"])
        self.colleague.lang = "de_DE"
        to_customer, notice = self._mails_of(self._run_one(self._step(1, to_internal=True)))
        self.assertIn("10/16/2026", to_customer.body_html)
        self.assertIn("16.10.2026", notice.body_html)
        self.assertIn("nicht für den Kunden", notice.body_html)
        self.assertIn("Der Kunde erhält eine E-Mail", notice.body_html)

    def test_with_copies(self):
        plan = self._create_plan(self._step(1, to_internal=True, cc_salesperson=True))
        self._create_invoice(day("10-16"), plan, invoice_user_id=self.seller.id)
        self.assertEqual(
            self._sent(plan._run(MONDAY)),
            [([self.customer.email], ["seller@example.com"]), (["colleague@example.com"], [])],
        )

    def test_also_to(self):
        lawyer = self._create_customer("Lawyer")
        followup = self._run_one(self._step(1, extra_partner_ids=[Command.set(lawyer.ids)]))
        self.assertEqual(self._sent(followup), [([self.customer.email], []), (["lawyer@example.com"], [])])

    def test_by_hand_and_on_paper(self):
        email = self._run_one(self._step(1, to_internal=True, needs_review=True))
        self.assertFalse(self._mails_of(email), "not before it is sent")
        self.assertIn((["colleague@example.com"], []), [*self._send_by_hand(email), *self._sent(email)])
        letter = self._run_one(self._step(1, "letter", to_internal=True, template_id=False))
        self.assertEqual(self._sent(letter), [(["colleague@example.com"], [])])
        letter.action_print()
        self.assertEqual(len(self._mails_of(letter)), 1, "told once")
        self.assertIn("gets a letter about these items", self._mails_of(letter).body_html)
        self.assertNotIn("8pt", self._mails_of(letter).body_html, "the table is that of emails, not that of paper")

    def test_other_open_follow_ups(self):
        call = self._run_one(self._step(1, "call"))
        followup = self._run_one(self._step(1, to_internal=True))
        notice = self._mails_of(followup)[1]
        self.assertIn(f"model=account.escalation.followup&amp;res_id={call.id}", notice.body_html)
        self.assertEqual(notice.body_html.count(f"res_id={followup.id}"), 1)

    def test_text_of_the_notice(self):
        notice = self.env.ref("account_escalation.mail_template_notice")
        notice.body_html = '<p>Look here</p><t t-out="object.notice_links"/>'
        followup = self._run_one(self._step(1, to_internal=True))
        self.assertIn("Look here", self._mails_of(followup)[1].body_html)
        with self.assertRaisesRegex(UserError, "Change its text instead"):
            notice.unlink()
        with self.assertRaisesRegex(ValidationError, "is for colleagues"):
            self._create_plan(self._step(1, template_id=notice.id))

    def test_on_summaries(self):
        summary = self._create_summary()
        summary.step_ids.to_internal = True
        self._create_invoice(day("10-16"))
        self.assertEqual(
            self._sent(summary._run(MONDAY)), [([self.customer.email], []), (["colleague@example.com"], [])]
        )

    def test_to_internal_people_only(self):
        followup = self._run_one(self._step(1, to_customer=False, to_internal=True, template_id=False))
        self.assertRecordValues(
            followup, [{"state": "done", "recipient_ids": self.colleague.partner_id.ids, "date_done": MONDAY}]
        )
        self.assertEqual(self._sent(followup), [(["colleague@example.com"], [])])
        self.assertFalse(followup.move_ids.escalation_last_date, "no contact with the customer")
        self.assertIn("The customer gets nothing", followup.mail_body)

    def test_to_internal_people_only_on_summaries(self):
        summary = self._create_summary()
        summary.step_ids.write({"to_customer": False, "to_internal": True, "template_id": False})
        self._create_invoice(day("10-16"))
        self.assertEqual(self._sent(summary._run(MONDAY)), [(["colleague@example.com"], [])])

    def test_nobody_to_tell(self):
        self.customer.escalation_internal_user_ids = False
        followup = self._run_one(self._step(1, to_customer=False, to_internal=True, template_id=False))
        self.assertRecordValues(followup, [{"state": "failed", "reason": "no_recipient"}])

    def test_a_step_to_nobody(self):
        with self.assertRaisesRegex(ValidationError, "goes to nobody"):
            self._create_plan(self._step(1, to_customer=False))

    def test_several_at_once_are_not_tried_one_by_one(self):
        plan = self._create_plan(self._step(1, to_internal=True))
        self._create_invoice(day("10-16"), plan)
        self._create_invoice(day("10-16"), plan, partner=self._create_customer("Other"))
        with self.assertNoLogs("odoo.addons.account_escalation", "INFO"):
            followups = plan._run(MONDAY)
        self.assertEqual(followups.mapped("state"), ["done", "done"])
        told = followups.filtered(lambda followup: followup.partner_id == self.customer)
        self.assertIn(self.colleague.partner_id, self._mails_of(told).recipient_ids)

    def test_a_call_is_theirs(self):
        call = self._run_one(self._step(1, "call", to_internal=True), responsible_id=self.clerk.id)
        self.assertEqual((call.user_id, call.activity_id.user_id), (self.colleague, self.colleague))

    def test_a_call_is_not_theirs_in_a_company_they_do_not_work_for(self):
        self.colleague.write(
            {"company_id": self.other_company.id, "company_ids": [Command.set(self.other_company.ids)]}
        )
        call = self._run_one(self._step(1, "call", to_internal=True), responsible_id=self.clerk.id)
        self.assertEqual(call.user_id, self.clerk)

    def test_others_are_told_of_a_call(self):
        call = self._run_one(
            self._step(1, "call", to_internal=True, extra_partner_ids=self.clerk.partner_id.ids),
            responsible_id=self.clerk.id,
        )
        mails = self.env["mail.mail"].search([("model", "=", call._name), ("res_id", "=", call.id)])
        self.assertEqual(mails.recipient_ids, self.clerk.partner_id)

    def test_colleague_who_has_left(self):
        self.colleague.active = False
        self.assertEqual(self._sent(self._run_one(self._step(1, to_internal=True))), [([self.customer.email], [])])
        call = self._run_one(self._step(1, "call", to_internal=True), responsible_id=self.clerk.id)
        self.assertEqual(call.user_id, self.clerk)

    def test_told_of_what_leaves_in_the_end(self):
        plan = self._create_plan(self._step(1, to_internal=True))
        move = self._create_invoice(day("10-16"), plan)
        with freeze_time("2026-11-02 12:00:00"):
            followup = plan._run(MONDAY)
            self._pay(move, 30.0)
            with self.mock_mail_gateway():
                self._mails_of(followup).send()
        waiting = self._mails_of(followup).filtered(lambda mail: mail.state == "outgoing")
        self.assertEqual(waiting.recipient_ids, self.customer | self.colleague.partner_id)
        for mail in waiting:
            self.assertIn("70.00", mail.body_html)

    def test_withdrawn_letter_or_call(self):
        extra = self.clerk.partner_id.ids
        for channel in ("letter", "call"):
            with self.subTest(channel):
                plan = self._create_plan(self._step(1, channel, to_internal=True, extra_partner_ids=extra))
                move = self._create_invoice(day("10-16"), plan)
                followup = plan._run(MONDAY)
                notices = self._mails_of(followup)
                self.assertIn("outgoing", notices.mapped("state"))
                self._pay(move)
                self.assertEqual(set(notices.mapped("state")), {"cancel"})

    def test_withdrawn_before_sending(self):
        followup = self._run_one(self._step(1, to_internal=True))
        self._pay(followup.move_ids)
        self.assertEqual(self._mails_of(followup).mapped("state"), ["cancel", "cancel"])


class TestInternalAccess(RecipientsCase):
    """A colleague without any right in invoicing."""

    def setUp(self):
        super().setUp()
        self.customer.escalation_internal_user_ids = self.colleague
        self.own = self._run_one(self._step(1, needs_review=True))
        plan = self._create_plan(self._step(1))
        self._create_invoice(day("10-16"), plan, partner=self._create_customer("Other"))
        self.foreign = plan._run(MONDAY)

    def test_reads_follow_ups_of_own_customers_only(self):
        followups = self.env["account.escalation.followup"].with_user(self.colleague)
        self.assertEqual(followups.search([("id", "in", (self.own | self.foreign).ids)]), self.own)
        self.assertEqual(followups.env["account.escalation.followup.line"].search([]), self.own.line_ids)
        with self.assertRaises(AccessError):
            self.foreign.with_user(self.colleague).read(["state"])

    def test_reads_what_is_open(self):
        own = self.own.with_user(self.colleague)
        own.invalidate_recordset()
        [values] = own.read(["state", "items_table", "total_due", "amount_residual", "mail_subject", "can_reopen"])
        self.assertIn("100.00", values["items_table"])
        self.assertEqual(values["amount_residual"], 100.0)
        self.assertEqual(own.line_ids.read(["amount_residual"])[0]["amount_residual"], 100.0)

    def _get_specification(self, user, view_type):
        """What the screen asks for: the fields of the view, as this user gets it."""
        followups = self.env["account.escalation.followup"].with_user(user)
        fields = etree.fromstring(followups.get_view(view_type=view_type)["arch"]).xpath(
            "//field[not(ancestor::field)]"
        )
        names = {field.get("name") for field in fields}
        relations = {name for name in names if followups._fields[name].relational}
        return {name: {"fields": {"display_name": {}}} if name in relations else {} for name in names}

    def test_opens_all_screens(self):
        own = self.own.with_user(self.colleague)
        for view_type in ("list", "kanban", "calendar"):
            with self.subTest(view_type):
                self.env.invalidate_all()
                specification = self._get_specification(self.colleague, view_type)
                [record] = own.web_search_read([("state", "=", "todo")], specification)["records"]
                self.assertEqual(record["id"], own.id)
        specification = self._get_specification(self.colleague, "form")
        self.assertFalse({"move_ids", "items_table"} & specification.keys())
        [record] = own.web_read(specification)
        self.assertIn("100.00", record["notice_items"])
        self.assertIn("invoice_names", self._get_specification(self.colleague, "list"))
        self.assertNotIn("invoice_names", self._get_specification(self.clerk, "list"))

    def test_gets_no_link_to_the_customers_page(self):
        with self.assertRaises(AccessError):
            self.own.with_user(self.colleague).read(["payment_link"])
        self.assertTrue(self.own.with_user(self.clerk).read(["payment_link"]))

    def test_opens_the_form(self):
        own = self.own.with_user(self.colleague)
        self.assertEqual(Form(own).partner_id, self.customer)

    def test_posts_a_note(self):
        own = self.own.with_user(self.colleague)
        own.message_post(body="Will pay on Friday", subtype_xmlid="mail.mt_note")
        self.assertIn("Will pay on Friday", self.own.message_ids[0].body)

    def _log(self, followup, **values):
        values = {"followup_id": followup.id, "note": "Wants a copy of the contract", **values}
        self.env["account.escalation.log"].with_user(self.colleague).create(values).action_log()

    def test_logs_a_call(self):
        self._log(self.own)
        self.assertIn("Called: Wants a copy", self.customer.message_ids[0].body)
        self.assertEqual(self.own.state, "todo", "an email still waits")

    def test_ends_the_own_call_and_no_other(self):
        mine = self._run_one(self._step(1, "call", to_internal=True))
        self.assertEqual(mine.activity_id.res_model, "res.partner", "which the colleague can open")
        self._log(mine)
        self.assertRecordValues(mine, [{"state": "done", "reason_detail": "Wants a copy of the contract"}])
        other = self._run_one(self._step(1, "call"), responsible_id=self.clerk.id)
        self._log(other)
        self.assertEqual(other.state, "todo")

    def test_pauses_the_customer(self):
        with freeze_time("2026-11-02 10:00:00"):
            self._log(self.own, kind="pause", until=day("11-20"))
        customer = self.customer.with_company(self.company)
        self.assertRecordValues(customer, [{"escalation_hold": "pause", "escalation_hold_until": day("11-20")}])
        self.assertEqual(customer.message_ids[0].author_id, self.colleague.partner_id)
        self.assertEqual(self.own.state, "skipped")

    def test_a_pause_needs_a_day_and_cuts_short_no_other_hold(self):
        with self.assertRaisesRegex(UserError, "until which day"):
            self._log(self.own, kind="pause")
        customer = self.customer.with_company(self.company)
        customer.write({"escalation_hold": "promise", "escalation_hold_until": day("12-31")})
        with freeze_time("2026-11-02 10:00:00"):
            self._log(self.own, kind="pause", until=day("11-20"))
        self.assertRecordValues(customer, [{"escalation_hold": "promise", "escalation_hold_until": day("12-31")}])

    def test_nobody_names_themselves(self):
        editor = self._create_user("editor", "base.group_user,base.group_partner_manager")
        with self.assertRaises(AccessError):
            self.customer.with_user(editor).escalation_internal_user_ids = editor

    def test_logs_nothing_of_other_customers(self):
        with self.assertRaises(AccessError):
            self._log(self.foreign)
        reader = new_test_user(self.env, "reader", "account.group_account_readonly")
        wizard = self.env["account.escalation.log"].with_user(reader)
        with self.assertRaisesRegex(AccessError, "Only an internal contact"):
            wizard.create({"followup_id": self.own.id, "note": "-"}).action_log()

    def test_nothing_else(self):
        own = self.own.with_user(self.colleague)
        for action in ("action_send", "action_skip", "action_retry", "action_mark_sent", "action_take"):
            with self.subTest(action), self.assertRaises(AccessError):
                getattr(own, action)()
        for records in (own, own.line_ids):
            with self.subTest(records._name), self.assertRaises(AccessError):
                records.unlink()
        with self.assertRaises(AccessError):
            own.user_id = self.colleague
        with self.assertRaises(AccessError):
            own.line_ids[0].action_take_out()
        for model in ("account.move", "account.move.line", "account.escalation.plan", "account.escalation.step"):
            with self.subTest(model):
                self.assertFalse(self.env[model].with_user(self.colleague).has_access("read"))
        for name in ("escalation_plan_id", "escalation_hold", "escalation_always_review"):
            with self.subTest(name), self.assertRaises(AccessError):
                self.customer.with_user(self.colleague).read([name])


class TestResponsible(RecipientsCase):
    def test_of_the_plan(self):
        plan = self._create_plan(self._step(1), responsible_id=self.clerk.id)
        self._create_invoice(day("10-16"), plan, invoice_user_id=self.seller.id)
        self.assertEqual(plan._run(MONDAY).user_id, self.clerk)

    def test_else_the_salesperson(self):
        self.company.escalation_user_id = self.clerk
        plan = self._create_plan(self._step(1))
        self._create_invoice(day("10-16"), plan, invoice_user_id=self.seller.id)
        self.assertEqual(plan._run(MONDAY).user_id, self.seller)

    def test_salesperson_who_cannot_open_invoices(self):
        self.company.escalation_user_id = self.clerk
        self.customer.user_id = self.colleague
        elsewhere = self._create_user("elsewhere", "account.group_account_invoice")
        elsewhere.write({"company_id": self.other_company.id, "company_ids": [Command.set(self.other_company.ids)]})
        for salesperson in (self.colleague, elsewhere):
            for channel in ("email", "call", "letter"):
                with self.subTest(salesperson=salesperson.login, channel=channel):
                    plan = self._create_plan(self._step(1, channel))
                    self._create_invoice(day("10-16"), plan, invoice_user_id=salesperson.id)
                    self.assertEqual(plan._run(MONDAY).user_id, self.clerk)
        self.assertEqual(self._create_customer_plan(self._step(1))._run(MONDAY).user_id, self.clerk)

    def test_salesperson_with_rights_that_imply_invoicing(self):
        self.company.escalation_user_id = self.clerk
        self.seller.group_ids = self.env.ref("account.group_account_manager")
        plan = self._create_plan(self._step(1))
        self._create_invoice(day("10-16"), plan, invoice_user_id=self.seller.id)
        self.assertEqual(plan._run(MONDAY).user_id, self.seller)

    def test_must_work_for_the_company(self):
        elsewhere = self._create_user("elsewhere", "account.group_account_invoice")
        elsewhere.write({"company_id": self.other_company.id, "company_ids": [Command.set(self.other_company.ids)]})
        plan = self._create_plan(self._step(1, needs_review=True), responsible_id=self.clerk.id)
        self._create_invoice(day("10-16"), plan)
        todo = plan._run(MONDAY)
        for refused in (
            lambda: plan.write({"responsible_id": elsewhere.id}),
            lambda: plan.write({"responsible_ids": [Command.link(elsewhere.id)]}),
            lambda: self.company.write({"escalation_user_id": elsewhere.id}),
            lambda: self.clerk.write({"escalation_substitute_id": elsewhere.id}),
            lambda: todo.with_user(self.clerk).write({"user_id": elsewhere.id}),
        ):
            with self.assertRaisesRegex(UserError, "company"), self.env.cr.savepoint():
                refused()
            self.env.invalidate_all()

    def test_else_the_salesperson_of_the_customer(self):
        self.customer.user_id = self.seller
        plan = self._create_customer_plan(self._step(1))
        self._create_invoice(day("10-16"), invoice_user_id=self.clerk.id)
        self.assertEqual(plan._run(MONDAY).user_id, self.seller)

    def test_else_the_companys_default(self):
        self.company.escalation_user_id = self.clerk
        plan = self._create_plan(self._step(1))
        self._create_invoice(day("10-16"), plan, invoice_user_id=False)
        self.assertEqual(plan._run(MONDAY).user_id, self.clerk)

    def test_archived_responsible_gets_nothing_more(self):
        self.company.escalation_user_id = self.clerk
        plan = self._create_plan(self._step(1, "call"), responsible_id=self.seller.id)
        self._create_invoice(day("10-16"), plan, invoice_user_id=False)
        self.seller.active = False
        self.assertEqual(plan._run(MONDAY).user_id, self.clerk)

    def test_sender(self):
        mail = self._mails_of(self._run_one(self._step(1), responsible_id=self.clerk.id))
        self.assertIn("clerk@example.com", mail.email_from)
        self.assertEqual(mail.author_id, self.clerk.partner_id)

    def test_sender_of_the_plan(self):
        values = {"responsible_id": self.clerk.id, "sender_email": "billing@example.com"}
        mail = self._mails_of(self._run_one(self._step(1), **values))
        self.assertIn("billing@example.com", mail.email_from)
        self.assertNotIn("clerk@example.com", mail.email_from)
        reviewed = self._run_one(self._step(1, needs_review=True), **values)
        self._send_by_hand(reviewed)
        self.assertIn("billing@example.com", reviewed.mail_message_id.email_from)


class TestTeam(RecipientsCase):
    def setUp(self):
        super().setUp()
        team = self.seller | self.clerk
        self.todo = self._run_one(self._step(1, "call"), responsible_ids=[Command.set(team.ids)])

    def _my_team(self, user):
        """What the filter “My Team” finds."""
        view = self.env.ref("account_escalation.account_escalation_followup_view_search")
        [node] = etree.fromstring(view.arch).xpath("//filter[@name='my_team']")
        followups = self.env["account.escalation.followup"].with_user(user)
        return followups.search(safe_eval(node.get("domain"), {"uid": user.id}))

    def test_unassigned_until_one_takes_it(self):
        self.assertEqual(self.todo.state, "todo")
        self.assertFalse(self.todo.user_id or self.todo.activity_id.user_id)
        for user in (self.seller, self.clerk):
            self.assertEqual(self._my_team(user), self.todo)
        self.assertFalse(self._my_team(self.env.user))
        self.todo.with_user(self.clerk).action_take()
        self.assertEqual((self.todo.user_id, self.todo.activity_id.user_id), (self.clerk, self.clerk))
        self.assertFalse(self._my_team(self.seller))
        self.todo.message_post(body="Is the amount right?", message_type="comment", subtype_xmlid="mail.mt_comment")
        self.assertIn(self.clerk.partner_id, self.todo.message_partner_ids, "who took it hears of it")

    def test_what_somebody_has_is_not_taken(self):
        self.todo.user_id = self.clerk
        self.todo.with_user(self.seller).action_take()
        self.assertEqual(self.todo.user_id, self.clerk)

    def test_a_team_that_has_left(self):
        self.company.escalation_user_id = self.env.user
        (self.seller | self.clerk).active = False
        self._create_invoice(day("10-16"), self.todo.plan_id, invoice_user_id=False)
        self.assertEqual(self.todo.plan_id._run(MONDAY).user_id, self.env.user)


class TestSubstitute(RecipientsCase):
    def setUp(self):
        super().setUp()
        self.seller.write(
            {
                "escalation_substitute_id": self.clerk.id,
                "escalation_substitute_from": day("11-02"),
                "escalation_substitute_to": day("11-06"),
            }
        )

    def _is_mine(self, user, followup, today):
        with freeze_time(f"{today} 10:00:00"):
            followups = followup.with_user(user)
            followups.invalidate_recordset(["is_mine"])
            found = followups.search([("is_mine", "=", True)])
            self.assertEqual(followup in found, followups.is_mine)
            return followups.is_mine

    def test_sees_the_to_dos_on_the_days_given(self):
        with freeze_time("2026-11-02 10:00:00"):
            todo = self._run_one(self._step(1, needs_review=True), responsible_id=self.seller.id)
        for today, is_mine in (("11-01", False), ("11-02", True), ("11-06", True), ("11-07", False)):
            with self.subTest(today):
                self.assertEqual(self._is_mine(self.clerk, todo, day(today)), is_mine)
                self.assertTrue(self._is_mine(self.seller, todo, day(today)))
                self.assertFalse(self._is_mine(self.env.user, todo, day(today)))

    def _answer(self, followup):
        """The customer answers the email; who is notified."""
        message, number = followup.mail_message_id, len(followup.message_ids)
        answer = EmailMessage()
        answer["From"], answer["To"] = self.customer.email_formatted, self.company.catchall_email
        answer["Subject"], answer["Message-Id"] = "Re: Reminder", f"<answer-{number}@example.com>"
        answer["In-Reply-To"] = answer["References"] = message.message_id
        answer.set_content("Paid yesterday")
        with self.mock_mail_gateway():
            self.env["mail.thread"].sudo().message_process(None, answer.as_string())
        self.assertIn("Paid yesterday", followup.message_ids[0].body)
        return followup.message_ids[0].notified_partner_ids

    def test_answers_go_to_both(self):
        with freeze_time("2026-11-03 10:00:00"):
            followup = self._run_one(self._step(1), responsible_id=self.seller.id)
            self.assertEqual(self._answer(followup), (self.seller | self.clerk).partner_id)

    def test_answers_to_what_was_sent_before(self):
        with freeze_time("2026-10-30 10:00:00"):
            followup = self._run_one(self._step(1), responsible_id=self.seller.id)
            self.assertEqual(self._answer(followup), self.seller.partner_id)
        with freeze_time("2026-11-03 10:00:00"):
            self.assertEqual(self._answer(followup), (self.seller | self.clerk).partner_id)

    def test_answers_of_a_company_stay_in_it(self):
        self.clerk.write({"company_ids": [Command.link(self.other_company.id)], "company_id": self.other_company.id})
        self.seller.company_ids += self.other_company
        self.clerk.company_ids = self.other_company
        with freeze_time("2026-11-03 10:00:00"):
            followup = self._run_one(self._step(1), responsible_id=self.seller.id)
            self.assertEqual(self._answer(followup), self.seller.partner_id)

    def test_answers_to_who_has_left_go_to_the_default(self):
        self.company.escalation_user_id = self.env.user
        with freeze_time("2026-11-03 10:00:00"):
            followup = self._run_one(self._step(1), responsible_id=self.seller.id)
            self.seller.active = False
            self.assertIn(self.env.user.partner_id, self._answer(followup))

    def test_nonsense_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "own substitute"):
            self.clerk.escalation_substitute_id = self.clerk
        with self.assertRaisesRegex(ValidationError, "ends before it begins"):
            self.seller.escalation_substitute_to = day("11-01")

    def test_users_name_their_own(self):
        self.colleague.with_user(self.colleague).escalation_substitute_id = self.clerk
        self.assertEqual(self.colleague.escalation_substitute_id, self.clerk)


class TestHandOver(RecipientsCase):
    def setUp(self):
        super().setUp()
        self.call = self._run_one(self._step(1, "call"), responsible_id=self.seller.id)
        self.email = self._run_one(self._step(1, needs_review=True), responsible_id=self.seller.id)

    def test_a_selection_for_good(self):
        todo = self.call | self.email
        wizard = self.env["account.escalation.hand.over"].with_user(self.clerk).with_context(active_ids=todo.ids)
        form = Form(wizard)
        form.user_id = self.clerk
        form.save().action_hand_over()
        self.assertEqual(todo.user_id, self.clerk)
        self.assertEqual(self.call.activity_id.user_id, self.clerk)
        self.email.message_post(body="Is the amount right?", message_type="comment", subtype_xmlid="mail.mt_comment")
        self.assertIn(self.clerk.partner_id, self.email.message_partner_ids, "answers go to whom it was handed")

    def test_archived_user(self):
        self.company.escalation_user_id = self.clerk
        self.seller.action_archive()
        self.assertEqual((self.call | self.email).user_id, self.clerk)
        self.assertEqual(self.call.activity_id.user_id, self.clerk, "the call is still to be made")
        self.assertEqual(self.call.state, "todo")

    def test_archived_user_by_writing(self):
        self.company.escalation_user_id = self.clerk
        self.seller.active = False
        self.assertEqual((self.call | self.email).user_id, self.clerk)

    def test_archived_user_without_default(self):
        self.company.escalation_user_id = self.seller
        self.seller.action_archive()
        self.assertFalse((self.call | self.email).user_id)
        self.assertEqual(self.call.state, "todo")
        self.assertTrue(self.call.activity_id.exists())
