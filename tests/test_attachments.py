"""What an email carries: the PDF of each invoice in its table, or, if that is too much, links and a sentence."""

from unittest.mock import patch

from odoo import Command
from odoo.exceptions import ValidationError

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day

TOO_LARGE = "The invoices are too large to be attached"


class TestAttachments(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, "force_report_rendering": True})  # else HTML, under test
        cls.plan = cls._create_plan(cls._step(1), attach_invoices=True)

    def _create_pdf(self, move, megabytes=0.0):
        """The invoice as it was sent before, of a size."""
        pdf = self.env["ir.attachment"].create(
            {
                "name": f"{move.id}.pdf",
                "raw": b"%PDF" + bytes(int(megabytes * 1024 * 1024)),
                "mimetype": "application/pdf",
                "res_model": move._name,
                "res_id": move.id,
                "res_field": "invoice_pdf_report_file",
            }
        )
        move.invalidate_recordset(["invoice_pdf_report_id"])
        return pdf

    def _send(self):
        followup = self.plan._run(MONDAY)
        return followup, self._mails_of(followup)

    def test_each_invoice_of_the_table_and_no_other(self):
        listed = [self._create_invoice(day("10-16"), self.plan) for _number in range(2)]
        elsewhere = self._create_invoice(day("10-16"), partner=self._create_customer("Deco Addict"))
        pdfs = [self._create_pdf(move) for move in (*listed, elsewhere)]
        _followup, mail = self._send()
        self.assertEqual(mail.attachment_ids, pdfs[0] | pdfs[1])
        self.assertNotIn(TOO_LARGE, mail.body_html)

    def test_credit_note_has_its_pdf_and_a_payment_has_none(self):
        self.plan = self._create_customer_plan(self._step(1), attach_invoices=True)
        invoice = self._create_invoice(day("10-16"), amount=300.0)
        credit = self._create_invoice(day("10-16"), amount=50.0, move_type="out_refund")
        payment = self._pay_in(20.0)
        pdfs = self._create_pdf(invoice) | self._create_pdf(credit)
        followup, mail = self._send()
        self.assertEqual(self._listed(followup), invoice | credit | payment)
        self.assertEqual(mail.attachment_ids, pdfs)

    def test_an_invoice_that_was_taken_out_is_not_attached(self):
        self.plan.step_ids.needs_review = True
        kept, out = (self._create_invoice(day("10-16"), self.plan) for _number in range(2))
        pdf = self._create_pdf(kept)
        self._create_pdf(out)
        followup = self.plan._run(MONDAY)
        followup.line_ids.filtered(lambda line: line.move_id == out).action_take_out()
        context = followup.action_send()["context"]
        self.assertEqual(context["default_attachment_ids"], pdf.ids)

    def test_too_large_together(self):
        self.company.escalation_max_attachment_mb = 1
        moves = [self._create_invoice(day("10-16"), self.plan) for _number in range(2)]
        for move in moves:
            self._create_pdf(move, 0.6)
        followup, mail = self._send()
        self.assertFalse(mail.attachment_ids)
        self.assertIn(TOO_LARGE, mail.body_html)
        for move in moves:
            self.assertIn(f'{followup.payment_link}/{move.id}"', mail.body_html)

    def test_the_limit_is_that_of_one_email(self):
        self.company.escalation_max_attachment_mb = 1
        for name in ("One", "Two"):
            self._create_pdf(self._create_invoice(day("10-16"), self.plan, partner=self._create_customer(name)), 0.6)
        for followup in self.plan._run(MONDAY):
            mail = self._mails_of(followup)
            self.assertEqual(len(mail.attachment_ids), 1)
            self.assertNotIn(TOO_LARGE, mail.body_html)

    def test_no_limit(self):
        self.company.escalation_max_attachment_mb = 0
        self._create_pdf(self._create_invoice(day("10-16"), self.plan), 11)
        self.assertTrue(self._send()[1].attachment_ids)
        with self.assertRaises(ValidationError):
            self.company.escalation_max_attachment_mb = -1

    def test_said_in_the_composer_too_and_of_pdfs_that_are_made_for_it(self):
        self.plan.step_ids.needs_review = True
        move = self._create_invoice(day("10-16"), self.plan)
        followup = self.plan._run(MONDAY)
        self.assertNotIn(TOO_LARGE, followup.body)
        registry = self.env.registry["account.escalation.followup"]
        with patch.object(registry, "_is_too_large", lambda _self, pdfs: bool(pdfs)):
            composer = self._open_wizard(followup.action_send())
        self.assertTrue(move.invoice_pdf_report_id)
        self.assertFalse(composer.attachment_ids)
        self.assertFalse(composer.escalation_warning)
        self.assertIn(TOO_LARGE, composer.body)

    def test_not_sent_by_itself_without_a_pdf_that_core_refuses(self):
        """Such as that of an electronic invoice whose data are incomplete."""
        refused = self._create_invoice(day("10-16"), self.plan)
        self._create_invoice(day("10-16"), self.plan, partner=self._create_customer("Deco Addict"))
        sender = self.env.registry["account.move.send"]
        hook = sender._hook_invoice_document_before_pdf_report_render

        def refuse(self, invoice, invoice_data):
            hook(self, invoice, invoice_data)
            if invoice == refused:
                invoice_data["error"] = {"error_title": "Not valid:", "errors": ["No tax code", "No street"]}

        with patch.object(sender, "_hook_invoice_document_before_pdf_report_render", refuse):
            followups = self.plan._run(MONDAY)
            failed = followups.filtered(lambda followup: followup.move_ids == refused)
            self.assertEqual(failed.state, "failed")
            self.assertEqual(failed.reason_detail, f"{refused.name}: Not valid: - No tax code - No street")
            self.assertFalse(self._mails_of(failed))
            self.assertEqual((followups - failed).state, "done")
            self.assertTrue(self._mails_of(followups - failed).attachment_ids)
            composer = self._open_wizard(failed.action_send())  # a person may send it so
        self.assertFalse(composer.attachment_ids)
        self.assertIn(refused.name, composer.escalation_warning)

    def test_not_said_to_colleagues(self):
        self.company.escalation_max_attachment_mb = 1
        self.plan.step_ids.extra_partner_ids = [Command.link(self.env.user.partner_id.id)]
        self._create_pdf(self._create_invoice(day("10-16"), self.plan), 1.5)
        bodies = self._send()[1].mapped("body_html")
        self.assertEqual(len(bodies), 2)
        self.assertEqual(sum(TOO_LARGE in body for body in bodies), 1)

    def test_sizes_are_read_for_all_emails_at_once(self):
        def count(number):
            for index in range(number):
                partner = self._create_customer(f"Customer {number}-{index}")
                self._create_pdf(self._create_invoice(day("10-16"), self.plan, partner=partner), 0.1)
            followups = self.plan.sudo()._record(MONDAY)
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            followups.mapped("items_table")
            return self.env.cr.sql_log_count - before

        count(1)  # fills the caches
        self.assertEqual(count(2), count(12))
