from datetime import datetime, time, timedelta

from odoo import Command, api, models

WEEKS = 15  # of history: older than the oldest demo invoice


class AccountEscalationPlan(models.Model):
    """Gives the demo customers a past, so that the next run shows each channel."""

    _inherit = "account.escalation.plan"

    def _demo_run_weekly(self):
        """Follow up as on one day a week until a week ago, with somebody who sends, calls and posts at once."""
        for plan in self:
            today = plan.company_id._escalation_today()
            if plan.level != "invoice":
                plan.next_run_date = today - timedelta(weeks=WEEKS)
            for week in range(WEEKS, 0, -1):
                day = today - timedelta(weeks=week)
                followups = plan._record(day)
                emails = followups.filtered(lambda followup: followup.channel == "email")
                (followups - emails)._set_done(day)
                emails.with_context(escalation_today=day)._check_reachable()._demo_send(day)

    def _demo_look_today(self):
        """Have these plans look at their customers in the next run, whatever day it is, and then in their rhythm."""
        for plan in self:
            today = plan.company_id._escalation_today()
            plan.write({"next_run_date": today, "first_run_date": plan.first_run_date})


class AccountEscalationFollowup(models.Model):
    _inherit = "account.escalation.followup"

    def _demo_send(self, day):
        """These emails were sent on a day in the past: no mail queue must send them now."""
        self._send(day)
        messages = self.mail_message_id.sudo()
        messages.date = datetime.combine(day, time(9))
        messages.mail_ids.state = "sent"
        messages.notification_ids.notification_status = "sent"


class AccountMove(models.Model):
    _inherit = "account.move"

    @api.model
    def _demo_opening_balance(self, partner_id, amount, days):
        """A receivable that comes from an earlier program: a journal entry, not an invoice."""
        company = self.env.ref("base.main_company")
        partner = self.env["res.partner"].with_company(company).browse(partner_id)
        day = company._escalation_today() - timedelta(days=days)
        values = {"name": self.env._("Opening balance"), "partner_id": partner.id, "date_maturity": day}
        receivable = {"account_id": partner.property_account_receivable_id.id, "debit": amount}
        equity = {"account_id": company.get_unaffected_earnings_account().id, "credit": amount}
        entry = self.create(
            {
                "move_type": "entry",
                "company_id": company.id,
                "date": day - timedelta(days=30),
                "ref": self.env._("Opening balance"),
                "line_ids": [Command.create(values | receivable), Command.create(values | equity)],
            }
        )
        entry.action_post()
        # core leaves entries of general journals out, unless told otherwise
        entry.line_ids.no_followup = False
