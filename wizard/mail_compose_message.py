from odoo import fields, models
from odoo.exceptions import UserError


class MailComposeMessage(models.TransientModel):
    """The composer in which a person reads, changes and sends the email of a follow-up."""

    _inherit = "mail.compose.message"

    escalation_followup_id = fields.Many2one("account.escalation.followup", ondelete="cascade", readonly=True)

    def _action_send_mail_comment(self, res_ids):
        followup = self.escalation_followup_id
        if not followup:
            return super()._action_send_mail_comment(res_ids)
        followup = followup._to_act()
        followup._check_before_sending(self.partner_ids)
        messages = super()._action_send_mail_comment(res_ids)
        followup._set_sent(messages, self.partner_ids)
        return messages

    def _action_schedule_message(self):
        """Not for follow-ups: nobody would check the payment again on the day that the message leaves."""
        if self.escalation_followup_id:
            raise UserError(self.env._("A follow-up is sent now, or stays in To Do until the day you want."))
        return super()._action_schedule_message()
