import logging
from datetime import timedelta
from functools import cache
from operator import methodcaller
from typing import NamedTuple

import psycopg2

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, split_every

from ..tools import schedule
from .account_escalation_step import FOLLOWUP_MODEL

_logger = logging.getLogger(__name__)

PROCESS_BATCH = 100  # follow-ups between two commits
RECHECK_BATCH = 1000
SHOWN = 0  # the occurrence of what a message only shows: it takes no step by it
HELD_FOR = timedelta(minutes=1)  # so long somebody else may hold a row
QUEUE_BATCHES = 10  # after so many, core's mail queue is woken again
SILENT = {  # these records are made and changed by thousands: no log message, no subscription, no tracking
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
}


class Standing(NamedTuple):
    """What the receivables of a follow-up have in common when it is checked again."""

    step: schedule.Step
    is_gone: bool  # the step was deleted
    is_planned: bool  # each invoice must still be under its plan
    is_hold_known: bool  # a person has decided in spite of it
    partner_id: int


class AccountEscalationFollowup(models.Model):
    """The outbox: what was decided is checked again, then DONE."""

    _inherit = FOLLOWUP_MODEL

    # --- checking again -----------------------------------------------------------------------------------------------

    @api.model
    def _withdraw_stale(self, today, domain):
        """Let go of open follow-ups that lost their reason, or that nobody dealt with in the time the step gives."""
        stale = self.search([("state", "in", self._get_open_states()), *domain])
        for ids in split_every(RECHECK_BATCH, stale.ids):
            followups = self.browse(ids).try_lock_for_update(allow_referencing=True)
            overdue = followups.filtered(lambda followup: followup._is_given_up(today))
            overdue._skip("auto_skip", today)
            (followups - overdue)._attempt(lambda batch: batch._recheck(today)._withdraw_uncovered())

    def _is_given_up(self, today):
        self.ensure_one()
        return self.state in ("todo", "failed") and self.step_id._get_schedule_step().is_given_up(self.date, today)

    def _recheck(self, today):
        """Withdraw what lost its reason since it was decided (paid, excluded, plan changed...); return the rest."""
        found = self._read_present_facts()
        self._list_new_credits(found)
        present = self._find_present(found)
        self.line_ids._refresh_move_lines(present)
        objections = self._get_line_objections(present, today)
        self.line_ids.browse(objections)._uncount()
        valid = self.filtered(lambda followup: followup._has_subject())
        covered = valid.filtered(lambda followup: followup._is_covered(present, today))
        covered._set_covered()
        withdrawn = self - valid
        for reason, followups in withdrawn.grouped(lambda followup: followup._get_objection(objections)).items():
            followups._withdraw(reason)
        return self & (valid - covered)

    def _find_present(self, found):
        """The present facts of what these follow-ups list, and each receivable as it is now; None for what is gone.

        :param found: as :meth:`_read_present_facts` answers
        :return: {line id: (Facts, Item)}
        """

        @cache
        def get_items(key):
            items = found[key].subject.items if key in found else ()
            return {(item.key.move_id, item.key.instalment): item for item in items}

        present = {}
        for followup in self:
            whole, is_invoice = (followup.partner_id.id, followup.plan_id.id), followup.level == "invoice"
            for line in followup.line_ids:
                if line.counts:
                    move_id = line.move_id.id
                    key = move_id if is_invoice and (line.is_subject or whole not in found) else whole
                    present[line.id] = found.get(key), get_items(key).get((move_id, line.instalment))
        return present

    def _get_line_objections(self, present, today):
        """Why receivables must not be followed up any more: {line id: reason key}, without those that may."""
        steps = {step: step._get_schedule_step() for step in self.step_id}
        reasons = {}
        for followup in self:
            standing = Standing(
                step=steps[followup.step_id],
                is_gone=not followup.step_id.active and not followup.is_manual,
                is_planned=followup.level == "invoice" and not followup.is_manual,
                is_hold_known=followup._is_hold_known(),
                partner_id=followup.partner_id.id,
            )
            for line in followup.line_ids:
                if line.id in present:
                    reasons[line.id] = line._get_objection(standing, *present[line.id], today)
        return {line_id: reason for line_id, reason in reasons.items() if reason}

    def _is_covered(self, present, today):
        """Whether the customer owes nothing any more of all that is listed, once credits are subtracted."""
        self.ensure_one()
        if self.level != "customer" and not (self._is_statement() and self.state != "done"):
            return False
        items = [present[line.id][1] for line in self.line_ids if line.counts]
        # of an invoice plan, it is each invoice that must exceed the minimum
        return schedule.net(items, today) <= (self.plan_id.min_amount if self.level == "customer" else 0.0)

    def _set_covered(self):
        """A customer is looked at again next time; an invoice is due until somebody reconciles it with the credits."""
        statements = self.filtered(lambda followup: followup.level == "invoice")
        statements._close("failed", "to_reconcile")  # with its call, and what an earlier try has left in the mail queue
        (self - statements)._withdraw("covered")

    def _withdraw_uncovered(self):
        """What credits do not cover any more is decided anew, by the rules of the plan.

        But for a letter that may be on its way: another try asks the carrier first, another letter would not.
        """
        covered = self.filtered(lambda followup: followup.state == "failed" and followup.reason == "to_reconcile")
        covered.filtered(lambda followup: not followup.is_posting_uncertain)._withdraw("covered")

    def _is_statement(self):
        """Whether it lists all that the customer owes, beside the invoices that triggered it."""
        self.ensure_one()
        return self.level == "invoice" and self.step_id.tone == "statement" and not self.is_manual

    def _get_objection(self, objections):
        self.ensure_one()
        is_whole = self.level == "summary" or self.is_manual
        subjects = self.line_ids if is_whole else self.line_ids.filtered("is_subject")
        return next((objections[line.id] for line in subjects if line.id in objections), "plan_changed")

    def _read_present_facts(self):
        """What READ finds now on what these follow-ups list.

        :return: {key: Facts}, where the key is the id of an invoice, or (partner id, plan id) for all of a customer
        """
        if not self:
            return {}
        whole = self.filtered(lambda followup: followup.level != "invoice")
        moves = (self - whole).line_ids.filtered("counts").move_id
        condition = SQL("m.id IN %s", tuple(moves.ids)) if moves else None
        plans = self.plan_id
        customers = plans._read_decided(self.partner_id.ids)  # when they were written to, was decided on
        found = {}
        for facts in plans._read_present_facts(condition, whole.partner_id.ids, customers):
            found |= {fact.move_id or (fact.partner_id, fact.plan_id): fact for fact in facts}
        statements = self.filtered(lambda followup: followup._is_statement())
        for plan, followups in statements.grouped("plan_id").items():
            told = plan._read_statement_facts(followups.partner_id.ids)
            found |= {(partner_id, plan.id): facts for partner_id, facts in told.items()}
        return found

    def _list_new_credits(self, found):
        """What the customer has paid, or was credited, since a follow-up was made, is taken off what it asks for."""
        vals_list = []
        for followup in self.filtered(lambda followup: followup.level != "invoice" or followup._is_statement()):
            facts = found.get((followup.partner_id.id, followup.plan_id.id))
            credit_items = [item for item in facts.subject.items if item.amount < 0] if facts else []
            if not credit_items:
                continue
            listed = followup.line_ids.filtered(
                lambda line: line.counts or line.is_left_out
            )  # by a person: it stays out
            known = {(line.move_id.id, line.instalment) for line in listed}
            common = followup._prepare_line_values(followup.plan_id, followup.step_id)
            vals_list += [
                {**common, **self._prepare_item_line(item, False, SHOWN)}
                for item in credit_items
                if (item.key.move_id, item.key.instalment) not in known
            ]
        lines = self.env["account.escalation.followup.line"].sudo().create(vals_list)  # sudo: see _to_act
        lines.followup_id.is_outdated = True

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
        changed._cancel_unsent()
        changed.write({"state": "queued", "date_done": False})
        unread = changed.filtered(lambda f: f.is_reviewed and f.mail_message_id.message_type == "email_outgoing")
        unread.reason = "released"  # again as the text says; what a person has written goes back to be read
        changed._process()

    # --- DO -----------------------------------------------------------------------------------------------------------

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
