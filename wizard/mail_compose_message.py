from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.misc import clean_context

from ..models.account_escalation_followup_items import ITEMS_CLASS
from ..tools.placeholders import generalize_body, generalize_line


class MailComposeMessage(models.TransientModel):
    """The composer in which a person reads, changes and sends the email of a follow-up."""

    _inherit = "mail.compose.message"

    escalation_followup_id = fields.Many2one("account.escalation.followup", ondelete="cascade", readonly=True)
    escalation_next_ids = fields.Many2many(
        "account.escalation.followup", string="To Be Read Next", readonly=True, help="Each opens when this is sent."
    )
    escalation_next_count = fields.Integer(compute="_compute_escalation_next_count")
    escalation_last_contact = fields.Integer(help="The latest email to the customer that the writer could know of.")
    escalation_warning = fields.Text(compute="_compute_escalation_warning")
    escalation_sends_copy = fields.Boolean(
        string="Send me a copy", help="You get the same email with the same attachments; the customer does not see it."
    )

    @api.depends("escalation_next_ids")
    def _compute_escalation_next_count(self):
        for composer in self:
            composer.escalation_next_count = len(composer.escalation_next_ids)

    @api.depends("escalation_followup_id")
    def _compute_escalation_warning(self):
        for composer in self:
            followup = composer.escalation_followup_id
            warnings = [followup.warning, followup and followup._get_incomplete_warning()]
            composer.escalation_warning = "\n".join(filter(None, warnings))

    # --- another template: a text, not another party ------------------------------------------------------------------

    def _compute_partner_ids(self):
        """A template that a person chooses does not change whom the email goes to."""
        ours = self.filtered("escalation_followup_id")
        for composer in ours:
            composer.partner_ids = composer.partner_ids or composer.escalation_followup_id.recipient_ids
        return super(MailComposeMessage, self - ours)._compute_partner_ids()

    def _compute_attachment_ids(self):
        """The invoices stay attached, beside what the template brings."""
        res = super()._compute_attachment_ids()
        for composer in self.filtered("escalation_followup_id"):
            composer.attachment_ids |= composer.escalation_followup_id._get_mail_attachments()
        return res

    def _compute_authorship(self):
        """Nor from whom it comes: the plan says that."""
        res = super()._compute_authorship()
        for composer in self.filtered("escalation_followup_id"):
            composer.email_from = composer.escalation_followup_id._get_email_from()
        return res

    def create_mail_template(self):
        """Of the text for one customer, the template keeps what can be said to any: no name, amount, link or PDF."""
        followup = self.escalation_followup_id
        if not followup:
            return super().create_mail_template()
        written = {"subject": self.subject, "body": self.body, "attachment_ids": self.attachment_ids}
        texts = followup._get_template_texts()
        self.body = generalize_body(str(self.body or ""), texts, ITEMS_CLASS, "object.items_table")
        # what the user has added; core would make the invoices the template's, and take them from their owner
        self.attachment_ids = self.attachment_ids.filtered(lambda attachment: attachment.res_model == self._name)
        # without the composer's defaults, which would make the invoices and the sender those of the template
        clean = self.with_env(self.env(context=clean_context(self.env.context)))
        action = super(MailComposeMessage, clean).create_mail_template()
        subject = generalize_line(written["subject"] or "", texts)
        self.template_id.write({"subject": subject, "lang": "{{ object.lang }}"})
        self.write(written)
        return action

    # --- sending ------------------------------------------------------------------------------------------------------

    def action_send_mail(self):
        """Go on with the next reminder, if several were begun."""
        action = super().action_send_mail()
        waiting = self.escalation_next_ids.filtered(lambda followup: followup.state == "todo")
        return waiting._review_one_by_one_safely() or action

    def _action_send_mail_comment(self, res_ids):
        followup = self.escalation_followup_id
        if not followup:
            return super()._action_send_mail_comment(res_ids)
        followup = followup._to_act()
        followup._check_before_sending(self.partner_ids)
        self._check_escalation_contact()
        self.auto_delete = False  # like automatic emails: what became of it can be seen, and a copy be made
        messages = super()._action_send_mail_comment(res_ids)
        followup._set_sent(messages, self.partner_ids)
        if self.escalation_sends_copy:
            followup._send_copy(messages)
        return messages

    def _check_escalation_contact(self):
        """Two people who write reminders of the same do not both send theirs.

        :raise UserError: nothing is sent
        """
        followup = self.escalation_followup_id
        if not followup.is_manual:
            return
        followup._lock_others()
        if followup._get_last_contact() > self.escalation_last_contact:
            raise UserError(
                self.env._(
                    "Nothing was sent: the customer was written to about this since you began. Please begin anew."
                )
            )

    def _action_schedule_message(self):
        """Not for follow-ups: nobody would check the payment again on the day that the message leaves."""
        if self.escalation_followup_id:
            raise UserError(self.env._("A follow-up is sent now, or stays in To Do until the day you want."))
        return super()._action_schedule_message()
