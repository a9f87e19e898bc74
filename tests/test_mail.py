"""Emails through a real SMTP server, read back as MIME; answers and bounces through the gateway."""

import email
import email.policy
import io
import socket
from email.message import EmailMessage
from typing import NamedTuple
from unittest.mock import patch

from aiosmtpd.controller import Controller

from odoo.tests import new_test_user
from odoo.tools import safe_eval
from odoo.tools.pdf import OdooPdfFileReader

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class Received(NamedTuple):
    sender: str  # of the envelope
    recipients: list
    raw: bytes
    message: EmailMessage


class Sink:
    """Keeps what it is given, envelope and all."""

    def __init__(self):
        self.received = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.received.append(Received(envelope.mail_from, envelope.rcpt_tos, envelope.content, message))
        return "250 OK"


class MailCase(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.responsible = cls.user_employee
        cls.responsible.write({"company_ids": [(4, cls.company.id)], "notification_type": "email"})
        cls.plan = cls._create_plan(cls._step(1), responsible_id=cls.responsible.id)
        cls.move = cls._create_invoice(day("10-16"), cls.plan)

    def _start_server(self, sink):
        """A mail server on this machine."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        controller = Controller(sink, hostname="127.0.0.1", port=port)
        controller.start()
        self.addCleanup(controller.stop)
        values = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_encryption": "none"}
        return self.env["ir.mail_server"].create({"name": "Sink", **values})

    def _deliver(self, followup):
        """Let core's queue send what a follow-up has put there; what the server received."""
        sink, mails = Sink(), self._mails_of(followup)
        mails.mail_server_id = self._start_server(sink)
        # core refuses to open a connection under test, which is the point of this one
        with patch.object(self.env.registry["ir.mail_server"], "_disable_send", return_value=False):
            self.env["mail.mail"].process_email_queue(mails.ids)
        return sink.received

    def _deliver_one(self, **values):
        """What is sent of the plan's follow-up, which is one email."""
        self.plan.write(values)
        [received] = self._deliver(self.plan._run(MONDAY))
        return received

    def _addresses(self, message, header):
        return [address.addr_spec for address in message[header].addresses] if message[header] else []

    def _create_contact(self, name, **values):
        values = {"parent_id": self.customer.id, "is_company": False, "escalation_is_contact": True, **values}
        return self._create_customer(name, **values)

    def _answer(self, sent, **headers):
        """The customer answers an email; the message that it becomes."""
        answer = EmailMessage()
        number = len(self.env["mail.message"].search([("message_type", "=", "email")]))
        headers = {
            "From": self.customer.email_formatted,
            "To": str(sent["Reply-To"]),
            "Subject": f"Re: {sent['Subject']}",
            "Message-Id": f"<answer-{number}@example.com>",
            "In-Reply-To": sent["Message-Id"],
            "References": sent["Message-Id"],
            **headers,
        }
        for header, value in headers.items():
            if value:
                answer[header] = value
        answer.set_content("Paid yesterday")
        before = self.env["mail.message"].search([])
        with self.mock_mail_gateway():
            # sudo: as the gateway does; other modules look at their own records there
            self.env["mail.thread"].sudo().message_process(None, answer.as_string())
        return self.env["mail.message"].search([("message_type", "=", "email")]) - before

    def _notes_of(self, record):
        notes = record.message_ids.filtered(lambda message: "has answered to" in (message.body or ""))
        self.assertTrue(all(notes.mapped("is_internal")))
        self.assertFalse(notes.notified_partner_ids)
        return notes


class TestMail(MailCase):
    def test_addresses(self):
        received = self._deliver_one()
        message = received.message
        self.assertEqual(self._addresses(message, "To"), [self.customer.email])
        self.assertEqual(self._addresses(message, "From"), [self.responsible.email_normalized])
        self.assertEqual(self._addresses(message, "Reply-To"), [self.company.catchall_email])
        self.assertIsNone(message["Cc"])
        self.assertEqual(received.recipients, [self.customer.email])
        self.assertEqual(received.sender, self.company.bounce_email, "a bounce comes back to the gateway")

    def test_subject_and_text(self):
        message = self._deliver_one().message
        self.assertEqual(message["Subject"], f"Reminder {self.move.name}")
        self.assertIn("100.00", message.get_body(("html",)).get_content())

    def test_queue_says_that_it_is_sent(self):
        followup = self.plan._run(MONDAY)
        self.assertEqual(followup.mail_state, "queued")
        [received] = self._deliver(followup)
        self.assertRecordValues(followup, [{"mail_state": "sent", "state": "done"}])
        self.assertEqual(received.message["Message-Id"], followup.mail_message_id.message_id)
        self.assertFalse(self._deliver(followup), "once")

    def test_language_of_the_customer_in_all_parts(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.template.with_context(lang="de_DE").write(
            {
                "subject": "Überfällig: {{ object.invoice_names }} – bitte prüfen",
                "body_html": '<p>Schöne Grüße</p><t t-out="object.items_table"/>',
            }
        )
        self.customer.lang = "de_DE"
        received = self._deliver_one()
        head, _separator, _body = received.raw.partition(b"\r\n\r\n")
        head.decode("ascii")  # all that is not ASCII is encoded
        self.assertIn(b"Subject: =?utf-8?", head)
        self.assertEqual(received.message["Subject"], f"Überfällig: {self.move.name} – bitte prüfen")
        for kind in ("plain", "html"):
            content = received.message.get_body((kind,)).get_content()
            for text in ("Schöne Grüße", self.move.name, "16.10.2026", "100,00"):
                self.assertIn(text, content, kind)

    def test_html_with_a_plain_text_beside_it(self):
        message = self._deliver_one().message
        self.assertEqual(message.get_content_type(), "multipart/alternative")
        plain, rich = message.iter_parts()
        self.assertEqual((plain.get_content_type(), rich.get_content_type()), ("text/plain", "text/html"))
        self.assertEqual((plain.get_content_charset(), rich.get_content_charset()), ("utf-8", "utf-8"))
        self.assertIn("Please pay", plain.get_content())
        self.assertNotRegex(plain.get_content(), r"</?(p|table|td|span)\b")

    def test_attached_invoices_can_be_read(self):
        self.env = self.env(context={**self.env.context, "force_report_rendering": True})  # else HTML, under test
        self.plan = self.plan.with_env(self.env)
        message = self._deliver_one(attach_invoices=True).message
        self.assertEqual(message.get_content_type(), "multipart/mixed")
        [attachment] = message.iter_attachments()
        self.assertEqual(attachment.get_content_type(), "application/pdf")
        self.assertEqual(attachment.get_content_disposition(), "attachment")
        self.assertEqual(attachment.get_filename(), self.move.invoice_pdf_report_id.name)
        content = attachment.get_content()
        self.assertEqual(content[:4], b"%PDF")
        self.assertTrue(OdooPdfFileReader(io.BytesIO(content)).numPages)

    def test_two_contacts_in_one_to(self):
        for name in ("Jane", "John"):
            self._create_contact(name)
        received = self._deliver_one()
        self.assertEqual(self._addresses(received.message, "To"), ["jane@example.com", "john@example.com"])
        self.assertEqual(received.recipients, ["jane@example.com", "john@example.com"])
        self.assertNotIn(self.customer.email.encode(), received.raw)

    def test_copies_are_open(self):
        seller = new_test_user(self.env, "seller", "account.group_account_invoice", email="seller@example.com")
        self.move.invoice_user_id = seller
        self.plan.step_ids.cc_salesperson = True
        received = self._deliver_one(copy_responsible=True)
        copies = ["seller@example.com", self.responsible.email_normalized]
        self.assertCountEqual(self._addresses(received.message, "Cc"), copies)
        self.assertCountEqual(received.recipients, [self.customer.email, *copies])

    def test_nothing_betrays_followers_and_colleagues(self):
        follower = self._create_customer("Curious Follower")
        colleague = new_test_user(self.env, "colleague", "base.group_user", email="colleague@example.com")
        self.customer.escalation_internal_user_ids = colleague
        self.plan.step_ids.to_internal = True
        self.move.message_subscribe(follower.ids)
        followup = self.plan._run(MONDAY)
        followup.message_subscribe(follower.ids)
        received = {tuple(one.recipients): one for one in self._deliver(followup)}
        self.assertEqual(set(received), {(self.customer.email,), (colleague.email,)})
        for recipients, one in received.items():
            self.assertIsNone(one.message["Bcc"])
            self.assertEqual(self._addresses(one.message, "To"), list(recipients))
            for address in {follower.email, colleague.email, self.customer.email} - {*recipients}:
                self.assertNotIn(address.encode(), one.raw)

    def test_names_with_accents_quotes_and_commas(self):
        names = ('Zoë "Zoz" Müller, GmbH', 'O\'Neill "The Desk", Inc. <office@example.org>')
        for number, name in enumerate(names):
            self._create_contact(name, email=f"contact{number}@example.com")
        received = self._deliver_one()
        self.assertEqual(
            {address.addr_spec: address.display_name for address in received.message["To"].addresses},
            {f"contact{number}@example.com": name for number, name in enumerate(names)},
        )
        self.assertEqual(sorted(received.recipients), ["contact0@example.com", "contact1@example.com"])

    def test_line_breaks_add_no_header(self):
        self.template.subject = "Reminder {{ object.partner_id.name }}"
        break_in = "Azure\r\nBcc: thief@example.org\r\n\r\nHello"
        self.customer.name = self.move.ref = self.responsible.name = self.company.name = break_in
        received = self._deliver_one()
        self.assertIsNone(received.message["Bcc"])
        self.assertEqual(received.recipients, [self.customer.email])
        self.assertEqual(self._addresses(received.message, "To"), [self.customer.email])
        self.assertEqual(self._addresses(received.message, "From"), [self.responsible.email_normalized])
        self.assertEqual(self._addresses(received.message, "Reply-To"), [self.company.catchall_email])
        self.assertTrue(received.message["Subject"].startswith("Reminder Azure "))


class TestByPerson(MailCase):
    """What a person has read, changed and sent in the composer."""

    def setUp(self):
        super().setUp()
        self.plan.step_ids.needs_review = True
        for name in ("Jane", "John"):
            self._create_contact(name)
        self.followup = self.plan._run(MONDAY)

    def _send_by_hand(self):
        action = self.followup.action_send()
        composer = self._open_wizard(action)
        composer.body = composer.body.replace("Please pay", "Please pay, dear Jane")
        composer._action_send_mail()
        [received] = self._deliver(self.followup)
        return received

    def test_leaves_like_any_other(self):
        self.move.message_subscribe(self.customer.ids)
        self.followup.message_subscribe(self.customer.ids)
        received = self._send_by_hand()
        message = received.message
        self.assertEqual(self._addresses(message, "To"), ["jane@example.com", "john@example.com"])
        self.assertEqual(received.recipients, ["jane@example.com", "john@example.com"])
        self.assertIsNone(message["Cc"])
        self.assertEqual(self._addresses(message, "From"), [self.responsible.email_normalized])
        self.assertEqual(self._addresses(message, "Reply-To"), [self.company.catchall_email])
        self.assertEqual(message["Subject"], f"Reminder {self.move.name}")
        for kind in ("plain", "html"):
            self.assertIn("Please pay, dear Jane", message.get_body((kind,)).get_content())
        self.assertEqual((self.followup.state, self.followup.mail_state), ("done", "sent"))

    def test_answer_comes_back(self):
        answer = self._answer(self._send_by_hand().message)
        self.assertEqual(answer.res_id, self.followup.id)
        self.assertIn(self.responsible.partner_id, answer.notified_partner_ids)
        self.assertEqual(len(self._notes_of(self.move)), 1)


class TestServerDown(MailCase):
    def test_is_not_silent(self):
        followup = self.plan._run(MONDAY)
        mail = self._mails_of(followup)
        mail.mail_server_id = self.env["ir.mail_server"].create(
            {"name": "Down", "smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_encryption": "none"}
        )
        with patch.object(self.env.registry["ir.mail_server"], "_disable_send", return_value=False):
            mail.send()
        self.assertEqual(mail.state, "exception")
        self.assertRecordValues(followup, [{"state": "failed", "reason": "delivery", "date_done": False}])
        self.assertFalse(self.move.escalation_last_date)
        mail.write({"state": "outgoing"})  # Retry, in core's list of emails
        self._deliver(followup)
        self.assertEqual(followup.state, "done")


class TestAnswer(MailCase):
    def test_comes_back_to_the_follow_up(self):
        followup = self.plan._run(MONDAY)
        [sent] = self._deliver(followup)
        answer = self._answer(sent.message)
        self.assertEqual((answer.model, answer.res_id), (followup._name, followup.id))
        self.assertIn("Paid yesterday", answer.body)
        self.assertEqual(answer.author_id, self.customer)

    def test_responsible_is_notified_and_nobody_else(self):
        self.move.message_subscribe(self.customer.ids)
        [sent] = self._deliver(self.plan._run(MONDAY))
        answer = self._answer(sent.message)
        self.assertEqual(answer.notified_partner_ids, self.responsible.partner_id)
        self.assertEqual(self._new_mails.recipient_ids, self.responsible.partner_id)
        self.assertIn("Paid yesterday", self._new_mails.body_html)

    def test_one_note_on_the_invoice(self):
        [sent] = self._deliver(self.plan._run(MONDAY))
        self._answer(sent.message)
        self.assertEqual(len(self._notes_of(self.move)), 1)
        self.assertFalse(self._notes_of(self.customer))

    def test_one_note_on_the_customer_when_about_several_invoices(self):
        other = self._create_invoice(day("10-16"), self.plan)
        [sent] = self._deliver(self.plan._run(MONDAY))
        self._answer(sent.message)
        self.assertEqual(len(self._notes_of(self.customer)), 1)
        self.assertFalse(self._notes_of(self.move | other))

    def test_found_by_references_alone(self):
        followup = self.plan._run(MONDAY)
        [sent] = self._deliver(followup)
        chain = f"<older@example.com> {sent.message['Message-Id']}"
        answer = self._answer(sent.message, **{"In-Reply-To": None, "References": chain})
        self.assertEqual(answer.res_id, followup.id)

    def test_from_an_address_that_we_do_not_know(self):
        followup = self.plan._run(MONDAY)
        [sent] = self._deliver(followup)
        answer = self._answer(sent.message, From="Accounts <accounts@example.org>")
        self.assertEqual((answer.res_id, answer.email_from), (followup.id, '"Accounts" <accounts@example.org>'))
        self.assertIn("accounts@example.org", self._notes_of(self.move).body)

    def test_our_reply_to_the_answer_stays_in_the_thread(self):
        followup = self.plan._run(MONDAY)
        [sent] = self._deliver(followup)
        answer = self._answer(sent.message)
        with self.mock_mail_gateway():
            followup.with_user(self.responsible).sudo().message_post(
                body="Thank you", partner_ids=self.customer.ids, parent_id=answer.id, subtype_xmlid="mail.mt_comment"
            )
        self.assertEqual(self._new_mails.recipient_ids, self.customer)
        self.assertIn(str(sent.message["Message-Id"]), self._new_mails.references)

    def test_answers_do_not_mix_customers(self):
        other = self._create_customer("Deco Addict")
        move = self._create_invoice(day("10-16"), self.plan, partner=other)
        followups = self.plan._run(MONDAY)
        mine = followups.filtered(lambda followup: followup.partner_id == self.customer)
        [sent] = self._deliver(mine)
        self._answer(sent.message)
        self.assertFalse(self._notes_of(move) | self._notes_of(other))
        self.assertEqual(len((followups - mine).message_ids), 1)


class TestBounce(MailCase):
    def _bounce(self, sent):
        """What the customer's server says of an address that does not exist."""
        report = f"""From: Mail Delivery System <mailer-daemon@example.com>
To: {self.company.bounce_email}
Subject: Undelivered Mail Returned to Sender
Message-Id: <bounce@example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="sep"

--sep
Content-Type: text/plain; charset=us-ascii

User unknown

--sep
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {sent.recipients[0]}
Action: failed
Status: 5.1.1

--sep
Content-Type: message/rfc822

Message-Id: {sent.message["Message-Id"]}
From: {sent.message["From"]}
To: {sent.message["To"]}
Subject: {sent.message["Subject"]}

Please pay
--sep--
"""
        with self.mock_mail_gateway():
            self.env["mail.thread"].sudo().message_process(None, report)

    def test_fails_and_is_in_to_do(self):
        followup = self.plan._run(MONDAY)
        [sent] = self._deliver(followup)
        self._bounce(sent)
        self.assertEqual(followup.mail_state, "bounced")
        self.assertTrue(self.customer.message_bounce)
        followup.sudo()._fail_undelivered()
        self.assertRecordValues(followup, [{"state": "failed", "reason": "delivery", "date_done": False}])
        self.assertIn("User unknown", followup.reason_detail or "")
        self.assertFalse(self.move.escalation_last_date, "nobody was contacted")
        action = self.env.ref("account_escalation.account_escalation_followup_action_todo")
        domain = safe_eval.safe_eval(action.domain)
        self.assertIn(followup, followup.search([*domain, ("user_id", "=", self.responsible.id)]))

    def test_one_of_two_contacts_is_enough(self):
        for name in ("Jane", "John"):
            self._create_contact(name)
        followup = self.plan._run(MONDAY)
        [sent] = self._deliver(followup)
        self._bounce(sent)
        followup.sudo()._fail_undelivered()
        self.assertEqual((followup.state, followup.mail_state), ("done", "bounced"))
