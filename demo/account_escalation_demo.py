from datetime import datetime, time, timedelta

from odoo import models

WEEKS = 15  # of history: older than the oldest demo invoice


class AccountEscalationPlan(models.Model):
    """Gives the demo customers a past, so that the next run shows each channel."""

    _inherit = "account.escalation.plan"

    def _demo_run_weekly(self):
        """Follow up as on one day a week until a week ago, with somebody who sends, calls and posts at once."""
        for plan in self:
            today = plan.company_id._escalation_today()
            for week in range(WEEKS, 0, -1):
                day = today - timedelta(weeks=week)
                followups = plan._record(day)
                emails = followups.filtered(lambda followup: followup.channel == "email")
                (followups - emails)._set_done(day)
                emails._check_reachable()._demo_send(day)


class AccountEscalationFollowup(models.Model):
    _inherit = "account.escalation.followup"

    def _demo_send(self, day):
        """These emails were sent on a day in the past: no mail queue must send them now."""
        self._send(day)
        messages = self.mail_message_id.sudo()
        messages.date = datetime.combine(day, time(9))
        messages.mail_ids.state = "sent"
        messages.notification_ids.notification_status = "sent"
