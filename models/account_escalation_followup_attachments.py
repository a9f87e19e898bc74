from odoo import models

from .account_escalation_step import FOLLOWUP_MODEL

MEGABYTE = 1024 * 1024
ENCODED = 4 / 3  # an email carries files as base64, and core measures them so


class AccountEscalationFollowup(models.Model):
    """The legal PDFs of the invoices that an email lists; links instead of them where they are too large together."""

    _inherit = FOLLOWUP_MODEL

    def _get_attachable_moves(self):
        """The invoices and credit notes among the rows of the table; a payment or an opening balance has no PDF."""
        attaching = self.filtered(lambda followup: followup.channel == "email" and followup.plan_id.attach_invoices)
        moves = attaching.line_ids.filtered("counts").move_line_id.move_id
        # sudo: the PDF is sent to its own customer, whatever the rights of the user on attachments
        return moves.sudo().filtered(lambda move: move.is_sale_document(include_receipts=True))

    def _get_mail_attachments(self):
        """The legal PDF of each invoice in the table, as far as an email can carry them."""
        self.ensure_one()
        if not self.plan_id.attach_invoices:
            return self.env["ir.attachment"]
        pdfs = self._get_attachable_moves().invoice_pdf_report_id
        return pdfs.browse() if self._is_too_large(pdfs) else pdfs

    def _is_linked(self):
        """Whether the email shows links to the invoices, since it cannot carry their PDFs."""
        self.ensure_one()
        attaches = self.plan_id.attach_invoices
        return attaches and self._is_too_large(self._get_attachable_moves().invoice_pdf_report_id)

    def _is_too_large(self, pdfs):
        self.ensure_one()
        limit = self.company_id.escalation_max_attachment_mb * MEGABYTE
        return 0 < limit < sum(pdfs.mapped("file_size")) * ENCODED

    def _prepare_invoice_pdfs(self):
        """Have core make the PDFs that are missing.

        To be done before the texts are rendered: they say whether the PDFs are attached.

        :return: {invoice: why core made none}
        """
        moves = self._get_attachable_moves()
        missing = moves.filtered(lambda move: not move.invoice_pdf_report_id)
        errors = {}
        if missing:
            unsent = missing.filtered(lambda move: not move.is_move_sent)
            # only core's making of the documents: sending would inform subscribers and end a pending batch
            sender = self.env["account.move.send"]
            documents = {
                move: sender._get_default_sending_settings(move, sending_methods=["manual"], extra_edis=set())
                for move in missing
            }
            sender._generate_invoice_documents(documents)
            errors = {
                move: sender._format_error_text(values["error"])
                for move, values in documents.items()
                if values.get("error")
            }
            missing.invalidate_recordset(["invoice_pdf_report_id"])
            unsent._escalation_write({"is_move_sent": False})  # core says so as soon as there is a PDF
            self.invalidate_recordset(["items_table", "subject", "body"], flush=False)
        self._fetch_pdfs()
        return errors

    def _fail_incomplete(self, errors):
        """An email does not leave by itself without a PDF that it is to carry; a person may send it so.

        :param errors: as :meth:`_prepare_invoice_pdfs` answers
        :return: those that are complete
        """
        complete = self
        for followup in self if errors else ():
            for move in followup._get_attachable_moves().filtered(errors.get)[:1]:
                followup._cancel_unsent()
                followup._fail("error", " ".join(f"{move.name}: {errors[move]}".split())[:500])
                complete -= followup
        return complete

    def _get_incomplete_warning(self):
        """Which PDFs core did not make when the composer was opened: a person decides whether it leaves without."""
        missing = self._get_attachable_moves().filtered(lambda move: not move.invoice_pdf_report_id)
        names = ", ".join(missing.mapped("name"))
        return names and self.env._("Odoo could not make the PDF of %s: it is not attached.", names)

    def _mark_invoices_sent(self):
        """What the customer gets by email is sent."""
        unsent = self._get_attachable_moves().filtered(lambda move: not move.is_move_sent)
        attached = self.mail_message_id.sudo().attachment_ids if unsent else self.env["ir.attachment"]
        unsent.filtered(lambda move: move.invoice_pdf_report_id in attached)._escalation_write({"is_move_sent": True})

    def _fetch_pdfs(self):
        """Read what is needed of the PDFs of all these at once."""
        self._get_attachable_moves().invoice_pdf_report_id.fetch(["res_model", "res_id", "file_size"])
