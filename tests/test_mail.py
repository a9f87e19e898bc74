"""Emails through a real SMTP server, and the answers to them."""

import email
import email.policy
import socket
from unittest.mock import patch

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class Sink(Message):
    """Keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.received = []

    def handle_message(self, message):
        self.received.append(email.message_from_bytes(message.as_bytes(), policy=email.policy.default))


class TestMail(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.responsible = cls.user_employee
        cls.responsible.write({"company_ids": [(4, cls.company.id)], "notification_type": "email"})
        cls.plan = cls._create_plan(cls._step(1), responsible_id=cls.responsible.id)
        cls.move = cls._create_invoice(day("10-16"), cls.plan)

    def _deliver(self, mails):
        """Let core's queue send through a server on this machine; return what it received."""
        sink = Sink()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        controller = Controller(sink, hostname="127.0.0.1", port=port)
        controller.start()
        self.addCleanup(controller.stop)
        server = self.env["ir.mail_server"].create(
            {"name": "Sink", "smtp_host": "127.0.0.1", "smtp_port": port, "smtp_encryption": "none", "sequence": 0}
        )
        mails.mail_server_id = server
        # core refuses to open a connection under test, which is the point of this one
        with patch.object(self.env.registry["ir.mail_server"], "_disable_send", return_value=False):
            mails.send()
        return sink.received

    def test_what_the_customer_receives(self):
        followup = self.plan._run(MONDAY)
        [message] = self._deliver(self._mails_of(followup))
        self.assertEqual(message["To"].addresses[0].addr_spec, self.customer.email)
        self.assertIsNone(message["Cc"])
        self.assertIn(self.responsible.email_normalized, message["From"])
        self.assertIn(self.company.catchall_email, message["Reply-To"])
        self.assertEqual(message["Subject"], f"Reminder {self.move.name}")
        self.assertIn("100.00", message.get_body(("html",)).get_content())
        self.assertEqual(followup.mail_state, "sent")

    def test_the_answer_comes_back_to_the_follow_up(self):
        followup = self.plan._run(MONDAY)
        [sent] = self._deliver(self._mails_of(followup))
        answer = email.message.EmailMessage()
        answer["From"], answer["To"] = self.customer.email_formatted, self.company.catchall_email
        answer["Subject"], answer["Message-Id"] = f"Re: {sent['Subject']}", "<answer@example.com>"
        answer["In-Reply-To"] = answer["References"] = sent["Message-Id"]
        answer.set_content("Paid yesterday")
        with self.mock_mail_gateway():
            self.env["mail.thread"].message_process(None, answer.as_string())
        message = followup.message_ids[0]
        self.assertIn("Paid yesterday", message.body)
        self.assertEqual(message.author_id, self.customer)
        self.assertIn(self.responsible.partner_id, message.notified_partner_ids)
        self.assertNotIn(self.customer, message.notified_partner_ids)

    def test_a_server_that_is_down_is_not_silent(self):
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
        self._deliver(mail)
        self.assertEqual(followup.state, "done")
