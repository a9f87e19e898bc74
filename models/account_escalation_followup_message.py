import re

from odoo import Command, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .account_escalation_step import FOLLOWUP_MODEL


class AccountEscalationFollowup(models.Model):
    """The email: composed by a person, or queued."""

    _inherit = FOLLOWUP_MODEL

    reference = fields.Char(
        compute="_compute_reference",
        search="_search_reference",
        help="The number that a letter asks the customer to cite.",
    )
    mail_message_id = fields.Many2one("mail.message", string="Email", readonly=True, index="btree_not_null")
    mail_subject = fields.Char(related="mail_message_id.subject", string="Email Subject")
    mail_body = fields.Html(related="mail_message_id.body", string="Email Text")
    mail_attachment_ids = fields.Many2many(related="mail_message_id.attachment_ids", string="Email Attachments")

    def _compute_reference(self):
        for followup in self:
            followup.reference = f"FU-{followup.id or 0:06d}"

    def _search_reference(self, operator, value):
        if operator not in ("ilike", "in"):
            return NotImplemented
        texts = [value] if operator == "ilike" else value
        return [("id", "in", [int(number) for text in texts if (number := re.sub(r"\D", "", text or "")[:9])])]

    # --- by a person --------------------------------------------------------------------------------------------------

    def _get_composer(self):
        """Odoo's composer, filled in with the text, the recipients and the PDFs of one email."""
        self.ensure_one()
        self._replace_who_has_left()
        self._refresh_amounts()
        self._prepare_invoice_pdfs()
        return {
            "type": "ir.actions.act_window",
            "name": self.display_name,
            "res_model": "mail.compose.message",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_model": self._name,
                "default_res_ids": self.ids,
                "default_composition_mode": "comment",
                "default_escalation_followup_id": self.id,
                "default_subject": self.subject,
                "default_body": self.body,
                "default_partner_ids": self.recipient_ids.ids,
                "default_attachment_ids": self._get_mail_attachments().ids,
                "default_email_from": self._get_email_from(),
                # a given address makes core treat answers as new conversations: only where nobody would hear of them
                "default_reply_to": False if self.user_id else self._get_reply_to()[self.id],
                "default_email_layout_xmlid": "mail.mail_notification_light",
                "default_notify_skip_followers": True,
            },
        }

    def _check_before_sending(self, recipients):
        """Refuse what a person is about to send if something has changed while the composer was open.

        :raise UserError: with the reason; nothing is sent
        """
        self.ensure_one()
        if self.state not in ("draft", "todo", "failed"):
            raise UserError(self.env._("This email is not waiting any more: %s", self._get_reason_text()))
        if not self._recheck_all():
            raise UserError(self.env._("Nothing was sent. %s", self._get_reason_text()))
        if self._refresh_amounts():
            raise UserError(
                self.env._("The open amount has changed while you were writing. Please open the email again.")
            )
        reasons = [partner._escalation_get_unreachable_reason("email", by_person=True) for partner in recipients]
        if "" not in reasons:
            raise UserError(self.env._("Nothing was sent: none of the recipients has an email address."))

    def _set_sent(self, message, recipients):
        """A person has sent this email through the composer."""
        self.ensure_one()
        self._cancel_unsent()  # of an earlier try
        values = {"mail_message_id": message.id, "recipient_ids": [Command.set(recipients.ids)]}
        if recipients != self.recipient_ids:
            values["is_addressed_by_hand"] = True
        self.write(values)
        self._mark_invoices_sent()
        self._set_done(self.company_id._escalation_today())
        self._inform_internal()

    def _notify_by_email_get_final_mail_values(self, recipient_ids, mail_values, additional_values=None):
        """What a person sends has the same copies as what leaves by itself."""
        values = super()._notify_by_email_get_final_mail_values(recipient_ids, mail_values, additional_values)
        message = self.env["mail.message"].browse(mail_values["mail_message_id"])
        is_ours = (
            message.message_type == "comment" and not message.is_internal and self.state in ("draft", "todo", "failed")
        )
        if is_ours and message.partner_ids[:1].id in recipient_ids:
            values["email_cc"] = self._get_cc()
        return values

    def _send(self, today):
        """Queue the emails and note the contact. Core's mail queue sends them."""
        errors = self._prepare_invoice_pdfs()
        self._fail_incomplete(errors)._send_complete(today)

    def _send_complete(self, today):
        if not self:
            return
        self.filtered("is_outdated").is_outdated = False
        texts = self._render_texts()
        self._cancel_unsent()  # of an earlier try
        self._queue_mails(texts)
        self._mark_invoices_sent()
        self._set_done(today)
        self._inform_internal()

    def _queue_mails(self, texts):
        """The message that the history keeps, the email of the queue, and whom it is to reach."""
        reply_to = self._get_reply_to()
        recipients = {followup: followup._get_email_recipients() for followup in self}
        # sudo: writing to the customer is what the plan says; users need no right on the mail queue for it
        env = self.sudo().env
        messages = env["mail.message"].create([f._prepare_message_values(texts[f.id], reply_to[f.id]) for f in self])
        for followup, message in zip(self, messages, strict=True):
            followup.mail_message_id = message
        self._complete_messages(texts)
        mails = env["mail.mail"].create(
            [
                {**f._prepare_mail_values(texts[f.id], recipients[f]), "mail_message_id": f.mail_message_id.id}
                for f in self
            ]
        )
        env["mail.notification"].create(
            [
                followup._prepare_notification_values(mail, partner)
                for followup, mail in zip(self, mails, strict=True)
                for partner in recipients[followup]
            ]
        )

    def _complete_messages(self, texts):
        """Add to each message its follow-up, and the text as it is sent, for the history.

        By plain SQL: the text is sanitized already, and for each message of a record core goes through the fields of
        all models that have messages, which takes longer the more modules are installed.
        """
        self.env.cr.execute_values(
            "UPDATE mail_message SET res_id = v.res_id, body = v.body"
            "  FROM (VALUES %s) v (id, res_id, body) WHERE mail_message.id = v.id",
            [(followup.mail_message_id.id, followup.id, texts[followup.id].kept) for followup in self],
        )
        self.mail_message_id.invalidate_recordset(["res_id", "body"], flush=False)
        self.invalidate_recordset(["message_ids"], flush=False)

    def _cancel_unsent(self):
        """Stop what the mail queue could still send; colleagues whose notice is among it are told by the next try."""
        mails = self._get_unsent_mails()
        mails.cancel()
        notices = mails.filtered(lambda mail: mail.mail_message_id not in self.mail_message_id)
        if notices:
            self.browse(set(notices.mapped("res_id"))).is_informed = False

    def _get_unsent_mails(self):
        """Emails of these follow-ups that the mail queue could still send."""
        # sudo: whoever changes a plan, or tries again, must be able to stop the email, whoever queued it
        mails = self.env["mail.mail"].sudo()
        if not self.mail_message_id and not any(self.mapped("is_informed")):
            return mails
        notices = [("model", "=", self._name), ("res_id", "in", self.ids), ("message_type", "=", "email_outgoing")]
        return mails.search(
            Domain("state", "in", ("outgoing", "exception"))
            & (Domain("mail_message_id", "in", self.mail_message_id.ids) | Domain(notices))
        )

    def _get_unsent(self):
        """Those whose email is still in the queue."""
        messages = self._get_unsent_mails().mail_message_id
        return self.filtered(lambda followup: followup.mail_message_id in messages)

    def _prepare_message_values(self, text, reply_to):
        """What the history keeps; :meth:`_complete_messages` adds the text, and what it belongs to."""
        attachments = self._get_mail_attachments()
        return {
            "subject": text.subject,
            "author_id": self._get_sender().id,
            "email_from": self._get_email_from(),
            "reply_to": reply_to,
            "model": self._name,
            "message_id": self.env["mail.message"]._get_message_id({"model": self._name, "res_id": self.id}),
            "record_company_id": self.company_id.id,
            "message_type": "email_outgoing",
            "subtype_id": self.env["ir.model.data"]._xmlid_to_res_id("mail.mt_comment"),  # env.ref() would query
            "attachment_ids": attachments and [Command.set(attachments.ids)],
        }

    def _prepare_mail_values(self, text, recipients):
        """What the mail queue sends."""
        return {
            "body_html": text.body,
            "email_cc": self._get_cc(),
            "recipient_ids": [Command.set(recipients.ids)],
            "is_notification": True,
            "auto_delete": False,
        }

    def _prepare_notification_values(self, mail, partner):
        return {
            "author_id": self.mail_message_id.author_id.id,
            "mail_message_id": self.mail_message_id.id,
            "mail_mail_id": mail.id,
            "res_partner_id": partner.id,
            "notification_type": "email",
            "is_read": True,
        }
