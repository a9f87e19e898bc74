import logging
from datetime import timedelta
from functools import cache
from operator import methodcaller

import psycopg2

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import split_every

from .account_escalation_step import FOLLOWUP_MODEL

_logger = logging.getLogger(__name__)

PROCESS_BATCH = 100  # follow-ups between two commits
HELD_FOR = timedelta(minutes=1)  # so long somebody else may hold a row
QUEUE_BATCHES = 10  # after so many, core's mail queue is woken again
SILENT = {  # these records are made and changed by thousands: no log message, no subscription, no tracking
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
}


class AccountEscalationFollowup(models.Model):
    """The outbox, DO: what was decided and still stands is carried out, channel by channel."""

    _inherit = FOLLOWUP_MODEL

    def _process(self, today=None):
        """Carry out the queued ones among these follow-ups, without committing.

        :param date today: by default the company's own
        """

        def today_of(company):
            return today or company._escalation_today()

        for ids in split_every(PROCESS_BATCH, self.ids):
            # sudo: the plan acts, not the user
            self.sudo().browse(ids).try_lock_for_update(allow_referencing=True)._process_locked(today_of)

    def _process_locked(self, today_of):
        """:meth:`_process` a batch that nobody else can change meanwhile.

        :param today_of: tells a company's today
        """
        queued = self.filtered(lambda followup: followup.state == "queued" and followup.posting_status != "waiting")
        for company, followups in queued.grouped("company_id").items():
            day = today_of(company)
            silent = followups.filtered(lambda followup, day=day: followup.date <= day).with_context(
                **SILENT, escalation_today=day
            )
            silent._attempt(lambda batch, day=day: batch._execute(day))

    def _execute(self, today):
        """Carry out what is still right to do, by ``_execute_<channel>(today)``: the way to add a channel."""
        for channel, followups in self._recheck(today).grouped("channel").items():
            getattr(followups, f"_execute_{channel}")(today)

    def _attempt(self, work):
        """Do something with all of these under one savepoint; on an error, with each half: a bad row fails alone.

        Serialization failures, deadlocks and lost connections are nobody's failure: they propagate, and the whole
        batch is done again.
        """
        if not self:
            return
        try:
            with self.env.cr.savepoint():
                work(self)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except Exception as error:  # whatever a template or an address does, the other rows must go on
            if len(self) == 1:
                _logger.warning("Follow-up %s failed", self.id, exc_info=True)
                self._cancel_unsent()
                self._fail("error", str(error).strip().split("\n")[0][:500])
                return
            _logger.info("%s follow-ups are tried in halves: %s", len(self), error)
            middle = len(self) // 2
            self[:middle]._attempt(work)
            self[middle:]._attempt(work)

    def _execute_email(self, today):
        self._fetch_people()
        reachable = self._check_reachable()
        reviewed = reachable.filtered(lambda followup: followup.is_reviewed and followup.reason != "released")
        reviewed._render_texts()  # a text that cannot be rendered fails now, not when a person wants to send it
        reviewed.state = "todo"
        (reachable - reviewed)._send(today)

    def _execute_call(self, _today):
        """Put a call on the responsible's list of activities."""
        self._fetch_people()
        moves = self.line_ids.move_id
        for name in ("display_name", "escalation_last_date"):
            moves.mapped(name)  # at once: each activity by itself asks for it
        activities = (
            self.env["mail.activity"]
            .with_context(mail_activity_quick_update=True)
            .create([followup._prepare_activity_values() for followup in self])
        )
        for followup, activity in zip(self, activities, strict=True):
            followup.activity_id = activity
        self.state = "todo"
        self._inform_internal()

    def _prepare_activity_values(self):
        """The call, on the invoice if it is about one, else on the customer, which an internal contact can open."""
        moves = self.line_ids.filtered("counts").move_id
        document = moves if len(moves) == 1 and not self.step_id.to_internal else self.partner_id
        localized = self.with_context(lang=self.user_id.lang or self.env.lang)
        return {
            "res_model_id": self.env["ir.model"]._get_id(document._name),
            "res_id": document.id,
            "activity_type_id": self.step_id.activity_type_id.id
            or self.env["ir.model.data"]._xmlid_to_res_id("mail.mail_activity_data_call"),  # env.ref() would query
            "user_id": self.user_id.id,
            "date_deadline": self.date,
            "summary": f"{localized.step_id.display_name} – {self.partner_id.display_name}: {localized.total_due}",
            "note": self.env["ir.qweb"]._render(
                "account_escalation.call_note", {"followup": localized}, lang=localized.env.lang
            ),
            "automated": True,
        }

    def _execute_letter(self, _today):
        """Make the letters, for a person to post, or for a carrier if the plan says so."""
        letters = self._make_letters()
        letters.state = "todo"
        letters._queue_automatic_posting()

    def _make_letters(self):
        """Print in one go those that can reach somebody."""
        letters = self._check_reachable()
        letters.attachment_ids.unlink()  # of an earlier print
        letters.is_outdated = False
        documents = self.env.ref("account_escalation.action_report_letter")._escalation_render_each(letters)
        attachments = self.env["ir.attachment"].create(
            [letter._prepare_letter_values(documents[letter.id]) for letter in letters]
        )
        for letter, attachment in zip(letters, attachments, strict=True):
            letter.attachment_ids = attachment
        letters._inform_internal()
        return letters

    def _prepare_letter_values(self, document):
        self.ensure_one()
        return {
            "name": self.env._("Letter %s.pdf", self.display_name).replace("/", "-"),
            "raw": document,
            "mimetype": "application/pdf",
            "res_model": self._name,
            "res_id": self.id,
        }

    @api.model
    def _get_queued_domain(self, now=None):
        """What is the machine's turn now: some wait for a later day."""
        companies = self.env["res.company"].search([("active", "=", True)])
        to_do = Domain("state", "=", "queued") & Domain("posting_status", "!=", "waiting")
        return to_do & Domain.OR(
            Domain("company_id", "in", same_day.ids) & Domain("date", "<=", today)
            for today, same_day in companies.grouped(lambda company: company._escalation_today(now)).items()
        )

    @api.model
    def _cron_process(self):
        """Carry out what is queued, batch by batch. Several workers may do so at once: they share the rows by locks."""
        commit_progress = self.env["ir.cron"]._commit_progress
        mail_queue = self.env.ref("mail.ir_cron_mail_scheduler_action")
        today_of = cache(methodcaller("_escalation_today"))
        waiting, held = self.search(self._get_queued_domain(), order="id"), 0
        time_left = commit_progress(remaining=len(waiting))
        for number, ids in enumerate(split_every(PROCESS_BATCH, waiting.ids), 1):
            if not time_left:
                break
            batch = self.browse(ids).try_lock_for_update(allow_referencing=True)
            batch._process_locked(today_of)
            held += len(ids) - len(batch)
            if not number % QUEUE_BATCHES:
                mail_queue._trigger()
            time_left = commit_progress(len(ids))
        mail_queue._trigger()
        if held:  # by another worker, which carries them out, or by somebody who pays in, holds...: then look again
            self.env.ref("account_escalation.ir_cron_process")._trigger(fields.Datetime.now() + HELD_FOR)
        commit_progress()
