from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools.constants import GC_UNLINK_LIMIT

from .account_escalation_step import FOLLOWUP_MODEL

UNDELIVERED_DAYS = 30  # how long after sending a bounce is looked for
ANSWERS = [  # a domain on messages: what customers write back; colleagues answer their notifications by email too
    ("message_type", "=", "email"),
    "|",
    ("author_id", "=", False),
    ("author_id.partner_share", "=", True),
]
STATUSES = {  # of the recipients' notifications, the worst first
    "failed": ("exception",),
    "bounced": ("bounce",),
    "canceled": ("canceled",),
    "queued": ("ready", "process"),
    "sent": ("pending", "sent"),
}


class AccountEscalationFollowup(models.Model):
    """What became of an email once it was written: queued, sent, bounced, answered."""

    _inherit = FOLLOWUP_MODEL

    mail_state = fields.Selection(
        [
            ("queued", "Queued"),
            ("sent", "Sent"),
            ("bounced", "Bounced"),
            ("failed", "Not delivered"),
            ("canceled", "Cancelled"),
        ],
        string="Delivery",
        compute="_compute_mail_state",
        search="_search_mail_state",
        help="Of several recipients, the worst.",
    )
    answer_count = fields.Integer(string="Answers", compute="_compute_answer_count")

    @api.depends("mail_message_id.notification_ids.notification_status", "mail_message_id.mail_ids.state")
    def _compute_mail_state(self):
        for followup in self:
            # sudo: whether an email arrived is no secret to those who may read the follow-up
            message = followup.mail_message_id.sudo()
            found = set(message.notification_ids.mapped("notification_status"))
            is_stopped = "cancel" in message.mail_ids.mapped("state")
            worst = next((key for key, statuses in STATUSES.items() if found.intersection(statuses)), False)
            followup.mail_state = "canceled" if is_stopped else worst

    @api.model
    def _search_mail_state(self, operator, value):
        """As the compute decides: what is stopped, then the worst of the recipients."""
        if operator != "in":
            return NotImplemented
        stopped = Domain("mail_message_id.mail_ids.state", "=", "cancel")
        domains = {"canceled": stopped}
        rest = ~stopped
        for key, statuses in STATUSES.items():
            found = Domain("mail_message_id.notification_ids.notification_status", "in", statuses)
            domains[key] = domains.get(key, Domain.FALSE) | (rest & found)
            rest &= ~found
        domains[False] = rest
        # sudo: see _compute_mail_state
        return [("id", "in", self.sudo()._search(Domain.OR(domains[key] for key in value if key in domains)))]

    def _compute_answer_count(self):
        """What the customer wrote back, all at once."""
        # sudo: see _compute_mail_state
        groups = (
            self.env["mail.message"]
            .sudo()
            ._read_group(
                [("model", "=", self._name), ("res_id", "in", self.ids), *ANSWERS],
                ["res_id"],
                ["__count"],
            )
        )
        counts = dict(groups)
        for followup in self:
            followup.answer_count = counts.get(followup.id, 0)

    @api.model
    def _fail_undelivered(self):
        """Find the emails that bounced, were cancelled in core's list, or failed where core tells nobody (a connection
        lost in mid-queue).
        """
        since = fields.Date.today() - timedelta(days=UNDELIVERED_DAYS)
        recent = [("state", "=", "done"), ("date_done", ">=", since)]
        statuses = ("bounce", "exception")
        refused = self.search([*recent, ("mail_message_id.mail_ids.state", "in", ("exception", "cancel"))])
        bounced = self.search([*recent, ("mail_message_id.notification_ids.notification_status", "in", statuses)])
        for followup in refused | bounced:
            message = followup.mail_message_id.sudo()  # sudo: as in _get_unsent_mails
            if "sent" not in message.notification_ids.mapped("notification_status"):
                followup._fail("delivery", followup._get_failure_text())

    @api.autovacuum
    def _gc_sent_mails(self):
        """The history keeps what was sent: the mail queue's own copy of it goes when no bounce is expected any more.

        Core would delete it in the moment of sending, one by one, which takes longer than the sending.
        """
        old = fields.Datetime.subtract(fields.Datetime.now(), days=UNDELIVERED_DAYS)
        sent = [("model", "=", self._name), ("state", "=", "sent"), ("write_date", "<", old)]
        mails = self.env["mail.mail"].search(sent, limit=GC_UNLINK_LIMIT)
        mails.unlink()
        return len(mails), len(mails) == GC_UNLINK_LIMIT

    def _get_failure_text(self):
        """What the mail server said, in short."""
        self.ensure_one()
        message = self.mail_message_id.sudo()  # sudo: as in _get_unsent_mails
        reasons = [*message.mail_ids.mapped("failure_reason"), *message.notification_ids.mapped("failure_reason")]
        return " ".join(next(filter(None, reasons), "").split())[:500]

    def _set_delivered(self):
        """The mail queue has succeeded after all."""
        for company, followups in self.grouped("company_id").items():
            followups._set_done(company._escalation_today())
