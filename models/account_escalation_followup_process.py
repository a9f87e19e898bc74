import logging

import psycopg2

from odoo import Command, api, models
from odoo.tools import SQL, split_every

from ..tools import schedule
from .account_escalation_step import FOLLOWUP_MODEL

_logger = logging.getLogger(__name__)

PROCESS_BATCH = 100  # follow-ups between two commits
RECHECK_BATCH = 1000
QUEUE_BATCH = 10 * PROCESS_BATCH  # follow-ups after which core's mail queue is woken again
SILENT = {  # these records are made and changed by thousands: no log message, no subscription, no tracking
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
}


class AccountEscalationFollowup(models.Model):
    """The outbox: RECORD what was decided, check it again, DO it."""

    _inherit = FOLLOWUP_MODEL

    # --- RECORD -------------------------------------------------------------------------------------------------------

    @api.model
    def _record(self, plan, planned, today):
        """Write down what is due, each follow-up with the receivables that it lists.

        :param planned: list of (step, occurrence, [Facts])
        """
        recipients = self._get_recipients_of(planned)
        vals_list = [
            {**self._prepare_values(plan, step, group, today), "recipient_ids": [Command.set(partners.ids)]}
            for (step, _occurrence, group), partners in zip(planned, recipients, strict=True)
        ]
        followups = self.with_context(**SILENT).create(vals_list)
        followups._subscribe_responsible()
        others = self._read_others(plan, planned, today)
        lines = []
        for followup, (step, occurrence, group) in zip(followups, planned, strict=True):
            listed = [(facts, True) for facts in group]
            if step.tone == "statement":
                seen = {facts.move_id for facts in group}
                others_of = others.get(followup.partner_id.id, ())
                listed += [(facts, False) for facts in others_of if facts.move_id not in seen]
            for facts, is_decided in listed:
                lines += followup._prepare_line_values(facts, is_decided, occurrence, today)
        self.env["account.escalation.followup.line"].create(lines)
        return followups

    @api.model
    def _prepare_values(self, plan, step, group, today):
        return {
            "plan_id": plan.id,
            "step_id": step.id,
            "company_id": plan.company_id.id,
            "partner_id": group[0].partner_id,
            "channel": step.channel,
            "user_id": plan.responsible_id.id or next((facts.user_id for facts in group if facts.user_id), False),
            "date": today,
        }

    def _prepare_line_values(self, facts, is_decided, occurrence, today):
        reference = schedule.reference(facts.subject) if is_decided else None
        items = schedule.listed(facts.subject, today) if is_decided else facts.subject.items
        return [
            {
                "followup_id": self.id,
                "plan_id": self.plan_id.id,
                "step_id": self.step_id.id,
                "move_id": facts.move_id,
                "instalment": item.key.instalment,
                "move_line_id": item.key.move_line_id,
                "is_subject": item is reference,
                "occurrence": occurrence,
                "currency_id": self.company_id.currency_id.id,
                "amount_residual": item.amount,
            }
            for item in items
            if is_decided or item.due < today or item.amount < 0
        ]

    @api.model
    def _read_others(self, plan, planned, today):
        """The other open invoices and credit notes of customers who get a statement: {partner id: [Facts]}."""
        partner_ids = {
            group[0].partner_id for step, _occurrence, group in planned if step.tone == "statement" and group
        }
        if not partner_ids:
            return {}
        condition = SQL(
            "m.commercial_partner_id IN %s AND m.company_id = %s AND m.state = 'posted'"
            " AND m.move_type IN ('out_invoice', 'out_receipt', 'out_refund')"
            " AND m.payment_state IN ('not_paid', 'partial')",
            tuple(partner_ids),
            plan.company_id.id,
        )
        others = {}
        for facts in plan._read_facts(condition):
            if facts.subject.out in ("", "plan_archived"):
                others.setdefault(facts.partner_id, []).append(facts)
        return others

    # --- checking again -----------------------------------------------------------------------------------------------

    @api.model
    def _withdraw_stale(self, today, domain):
        """Let go of open follow-ups that lost their reason, or that nobody dealt with in the time the step gives."""
        stale = self.search([("state", "in", self._get_open_states()), *domain])
        for ids in split_every(RECHECK_BATCH, stale.ids):
            followups = self.browse(ids).try_lock_for_update(allow_referencing=True)
            overdue = followups.filtered(lambda followup: followup._is_given_up(today))
            overdue._skip("auto_skip", today)
            (followups - overdue)._attempt(lambda batch: batch._recheck(today))

    def _is_given_up(self, today):
        self.ensure_one()
        [step] = self.step_id._get_schedule_steps()
        return self.state in ("todo", "failed") and step.is_given_up(self.date, today)

    def _recheck(self, today):
        """Withdraw what lost its reason since it was decided (paid, excluded, plan changed...); return the rest."""
        lines = self.line_ids.filtered("counts")
        facts = {}
        if lines:
            condition = SQL("m.id IN %s", tuple(lines.move_id.ids))
            no_steps = self.env["account.escalation.step"]  # nothing is decided here
            facts = {fact.move_id: fact for fact in self.plan_id._read_facts(condition, no_steps)}
        lines._refresh_move_lines(facts)
        steps = {step: step._get_schedule_steps()[0] for step in self.step_id}
        objections = {line: objection for line in lines if (objection := line._get_objection(facts, steps, today))}
        self.env["account.escalation.followup.line"].concat(*objections)._uncount()
        valid = lines.filtered(lambda line: line.is_subject and line.counts).followup_id
        withdrawn = self - valid
        for reason, followups in withdrawn.grouped(lambda followup: followup._get_objection(objections)).items():
            followups._withdraw(reason)
        return self & valid

    def _get_objection(self, objections):
        self.ensure_one()
        subjects = self.line_ids.filtered("is_subject")
        return next((objections[line] for line in subjects if line in objections), "plan_changed")

    def _recheck_all(self):
        """:meth:`_recheck`, each on its own company's today."""
        valid = self.browse()
        for company, followups in self.grouped("company_id").items():
            valid |= followups._recheck(company._escalation_today())
        return valid

    def _recheck_queued_mails(self):
        """Just before core sends their emails: withdraw, or write again what lists amounts that have changed.

        The email of one that cannot be checked is not sent, and does not stop the others.
        """
        self._attempt(lambda batch: batch._refresh_queued_mails())

    def _refresh_queued_mails(self):
        changed = self._recheck_all().filtered(lambda followup: followup._refresh_amounts())
        changed._get_unsent_mails().cancel()
        changed.write({"state": "queued", "date_done": False})
        changed.line_ids.move_id._escalation_refresh_last_date()
        changed._process()

    # --- DO -----------------------------------------------------------------------------------------------------------

    def _process(self, today=None):
        """Carry out the queued ones among these follow-ups, without committing.

        :param date today: by default the company's own
        """
        for ids in split_every(PROCESS_BATCH, self.ids):
            # sudo: the plan acts, not the user
            self.sudo().browse(ids).try_lock_for_update(allow_referencing=True)._process_locked(today)

    def _process_locked(self, today=None):
        queued = self.filtered(lambda followup: followup.state == "queued")
        for company, followups in queued.grouped("company_id").items():
            day = today or company._escalation_today()
            silent = followups.with_context(**SILENT, escalation_today=day)
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
                self._get_unsent_mails().cancel()
                self._fail("error", str(error).strip().split("\n")[0][:500])
                return
            middle = len(self) // 2
            self[:middle]._attempt(work)
            self[middle:]._attempt(work)

    def _execute_email(self, today):
        reachable = self._check_reachable()
        reviewed = reachable.filtered("step_id.needs_review")
        reviewed._render_texts()  # a text that cannot be rendered fails now, not when a person wants to send it
        reviewed.state = "todo"
        (reachable - reviewed)._send(today)

    def _execute_call(self, _today):
        """Put a call on the responsible's list of activities."""
        activities = (
            self.env["mail.activity"]
            .with_context(mail_activity_quick_update=True)
            .create([followup._prepare_activity_values() for followup in self])
        )
        for followup, activity in zip(self, activities, strict=True):
            followup.activity_id = activity
        self.state = "todo"

    def _prepare_activity_values(self):
        """The call, on the invoice if it is about one, else on the customer."""
        moves = self.line_ids.filtered("counts").move_id
        document = moves if len(moves) == 1 else self.partner_id
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
        """Make the letters, in one go, for a person to post."""
        letters = self._check_reachable()
        letters.attachment_ids.unlink()  # of an earlier print
        letters.is_outdated = False
        documents = self.env.ref("account_escalation.action_report_letter")._escalation_render_each(letters)
        attachments = self.env["ir.attachment"].create(
            [letter._prepare_letter_values(documents[letter.id]) for letter in letters]
        )
        for letter, attachment in zip(letters, attachments, strict=True):
            letter.attachment_ids = attachment
        letters.state = "todo"

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
    def _cron_process(self):
        """Carry out what is queued, batch by batch. Several workers may do so at once: they share the rows by locks."""
        commit_progress = self.env["ir.cron"]._commit_progress
        domain = [("state", "=", "queued")]
        mail_queue = self.env.ref("mail.ir_cron_mail_scheduler_action")
        time_left = commit_progress(remaining=self.search_count(domain))
        done = 0
        while time_left:
            waiting = self.search(domain, limit=PROCESS_BATCH * 20, order="id")  # other workers may hold the first ones
            batch = waiting.try_lock_for_update(allow_referencing=True, limit=PROCESS_BATCH)
            if not batch:
                break
            if not done % QUEUE_BATCH:
                mail_queue._trigger()
            batch._process_locked()
            done += len(batch)
            time_left = commit_progress(len(batch))
        mail_queue._trigger()
        commit_progress()
