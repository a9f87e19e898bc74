from itertools import chain

from odoo import api, models

from .account_escalation_followup_recipients import one_line
from .account_escalation_step import FOLLOWUP_MODEL


class MailMail(models.Model):
    """The last moment: what was paid, held or taken off its plan since it was queued is not sent."""

    _inherit = "mail.mail"

    def send(self, auto_commit=False, raise_exception=False, post_send_callback=None):
        waiting = self.filtered(lambda mail: mail.state in ("outgoing", "exception"))
        followups = waiting._escalation_get_followups(("queued", "todo", "done", "failed", "skipped"))
        sent = followups.filtered(lambda followup: followup.state in ("done", "failed"))
        sent._recheck_queued_mails()
        # an email that was taken back, and that somebody has put into the queue again
        (followups - sent)._cancel_unsent()
        cancelled = waiting.filtered(lambda mail: mail.state == "cancel")
        return super(MailMail, self - cancelled).send(auto_commit, raise_exception, post_send_callback)

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        emails = super()._prepare_outgoing_list(mail_server, doc_to_followers)
        if self.model != FOLLOWUP_MODEL:
            return emails
        return [self._escalation_straighten(email) for email in self._escalation_join(emails)]

    @api.model
    def _escalation_join(self, emails):
        """One email to all recipients, with its copies: core writes to each by itself, and to the copies apart."""
        if len(emails) < 2:
            return emails
        joined = dict(next((email for email in emails if email["partner_id"]), emails[0]))
        for key in ("email_to", "email_cc", "email_to_normalized"):
            joined[key] = list(dict.fromkeys(chain.from_iterable(email[key] for email in emails)))
        return [joined]

    @api.model
    def _escalation_straighten(self, email):
        """Headers of one line each: a name with a line break, as imports bring them, would stop the email."""
        texts = {key: one_line(email[key] or "") for key in ("subject", "reply_to")}
        return {**email, **texts, **{key: [*map(one_line, email[key])] for key in ("email_to", "email_cc")}}

    def _postprocess_sent_message(self, success_pids, success_emails, failure_reason=False, failure_type=None):
        followups = self._escalation_get_followups()
        res = super()._postprocess_sent_message(success_pids, success_emails, failure_reason, failure_type)
        if failure_type and not success_pids:
            followups._fail("delivery", failure_reason or failure_type)
        elif not failure_type:
            followups.filtered(lambda followup: followup.reason == "delivery")._set_delivered()
        return res

    def _escalation_get_followups(self, states=("done", "failed")):
        """The follow-ups whose email is among these."""
        messages = self.filtered(lambda mail: mail.model == FOLLOWUP_MODEL).mail_message_id
        # sudo: the queue is sent by whoever triggers it
        followups = self.env[FOLLOWUP_MODEL].sudo()
        if not messages:
            return followups
        return followups.search([("mail_message_id", "in", messages.ids), ("state", "in", states)])
