# pylint: disable=bad-builtin-groupby; that of Odoo collects all rows, ours must stream
import logging
from collections import defaultdict
from datetime import date
from itertools import groupby, islice
from typing import NamedTuple

import psycopg2

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import schedule
from ..tools.facts import Facts

_logger = logging.getLogger(__name__)

RECORD_BATCH = 500  # follow-ups recorded at once: the memory of a run does not grow with the number of invoices
ERROR_LENGTH = 500


class Planned(NamedTuple):
    """A message to be recorded: the step, for the subjects that share it."""

    step: models.Model
    occurrence: int
    day: date  # on which it may leave
    group: list[Facts]


class AccountEscalationPlan(models.Model):
    """The daily run: what is DECIDED becomes follow-ups."""

    _inherit = "account.escalation.plan"

    # --- RECORD -------------------------------------------------------------------------------------------------------

    def _run(self, today=None):
        """Read, decide, record and carry out these plans, without committing.

        :param date today: the day to act on; by default each company's own
        :return: the follow-ups made
        """
        followups = self.env["account.escalation.followup"]
        for plan in self.sudo():  # sudo: the plan acts, not the user; nobody may write follow-ups of their own
            day = today or plan.company_id._escalation_today()
            followups.sudo()._withdraw_stale(day, [("plan_id", "=", plan.id)])
            made = plan._record(day)
            made._process(day)
            followups |= made
        return followups

    def _record(self, today, failed=None):
        """Write down what is due on ``today`` as queued follow-ups; return them.

        :param dict failed: given, what cannot be recorded is left out and told in here: {partner id: error}
        """
        self.ensure_one()
        followups = self.env["account.escalation.followup"]
        if not self.try_lock_for_update(allow_referencing=True):
            return followups
        is_free = self.company_id._escalation_get_is_free(today)
        is_look_day = self._is_look_day(today, is_free)
        due = (pair for pair in self._decide(today, is_free=is_free) if pair[1].date == today) if is_look_day else ()
        planned = iter(self._cap(self._leave_out_made(self._plan_followups(due), today), today))
        ids = []
        while batch := list(islice(planned, RECORD_BATCH)):
            if failed is None:
                ids += followups._record(self, batch, today, is_free).ids
            else:
                ids += followups._record_apart(self, batch, today, is_free, failed).ids
            self.env.invalidate_all()
        if len(ids) > RECORD_BATCH:
            # while PostgreSQL believes these tables to be as small as they were, READ can take minutes
            self.env.cr.execute("ANALYZE account_escalation_followup, account_escalation_followup_line")
        next_look = self._prepare_next_look(today) if is_look_day else {}
        self.write({"last_run": today, "is_requested": False, "run_error": False, "run_error_date": False, **next_look})
        return followups.browse(ids)

    def _leave_out_made(self, planned, today):
        """A summary that was made today, or waits for a later day, is not made again."""
        if self.level != "summary":
            return planned
        made = self.env["account.escalation.followup"]._read_group(
            [("plan_id", "=", self.id), ("date", ">=", today), ("state", "!=", "skipped")], ["step_id", "partner_id"]
        )
        keys = {(step.id, partner.id) for step, partner in made}
        return (entry for entry in planned if (entry.step.id, entry.group[0].partner_id) not in keys)

    def _cap(self, planned, today):
        """Of the automatic messages of the day, the company's number of them, oldest due first; and all others."""
        capacity = self.company_id._escalation_get_capacity(today)
        if capacity is None:
            return planned
        planned = list(planned)
        partners = self.env["res.partner"].with_company(self.company_id).with_context(active_test=False)
        reviewed = set(partners.search([("escalation_always_review", "=", True)])._ids)
        automatic = [
            entry for entry in planned if entry.step._is_automatic() and entry.group[0].partner_id not in reviewed
        ]
        automatic.sort(key=lambda entry: min(item.due for facts in entry.group for item in facts.subject.items))
        waiting = automatic[capacity:]
        kept = {id(entry) for entry in planned} - {id(entry) for entry in waiting}
        later = self._put_off(waiting, today) if self._get_rhythm() else []
        return [entry for entry in planned if id(entry) in kept] + later

    def _put_off(self, waiting, today):
        """What a look has decided is not lost: it leaves on the next days, as many a day as the company allows."""
        number = self.company_id.escalation_max_messages
        return [
            entry._replace(day=max(entry.day, schedule.plus_days(today, 1 + index // number)))
            for index, entry in enumerate(waiting)
        ]

    def _plan_followups(self, due):
        """Share out what is due to messages.

        :param due: iterable of (Facts, Decision), those of a customer together
        :return: iterator of Planned, one per follow-up
        """
        steps = {step.id: step for step in self.step_ids}
        for _partner_id, pairs in groupby(due, key=lambda pair: pair[0].partner_id):
            shared = defaultdict(list)
            for facts, decision in pairs:
                for step in decision.steps:
                    # a statement is about the customer anyway
                    apart = None if self.group_by_customer or step.tone == "statement" else facts.move_id
                    day = decision.not_before or decision.date
                    shared[step.id, decision.occurrence, day, apart].append(facts)
            for (step_id, occurrence, day, _move_id), group in shared.items():
                yield Planned(steps[step_id], occurrence, day, group)

    # --- by a person --------------------------------------------------------------------------------------------------

    def _go_to(self, step, found, is_now):
        """Have these invoices or customers stand before a step: the one before it counts as passed.

        :param found: as :meth:`_read_targets` answers
        :param is_now: take the step at once
        :return: the follow-ups to carry out
        """
        self.ensure_one()
        today = self.company_id._escalation_today()
        followups = self.env["account.escalation.followup"]
        steps = self.env["account.escalation.step"]
        passed = [
            Planned(steps.browse(step_id), 1, today, [facts])
            for facts in found
            for step_id in schedule.passed_before(facts.subject, step.id)
        ]
        followups._record_by_person(self, passed, today)._skip("moved", today)
        value = step._get_schedule_step()
        # by itself, contextual logic would go on to the latest step that is reached
        taken = [
            (facts, schedule.Decision((value,), today, "due"))
            for facts in found
            if is_now or (self.logic == "contextual" and schedule.is_reached(facts.subject, value, today))
        ]
        return followups._record_by_person(self, list(self._plan_followups(taken)), today)

    def _read_targets(self, targets):
        """What these invoices or customers owe under this plan now, without what other plans take care of: [Facts]."""
        moves = SQL("m.id IN %s", tuple(targets.ids)) if targets._name == "account.move" else None
        partners = self.env["res.partner"] if moves else targets
        today = self.company_id._escalation_today()
        is_free = self.company_id._escalation_get_is_free(today)
        result = []
        for facts in self._get_coupled_plans()._read_facts(moves, partners.ids):
            subjects = schedule.leave_out_planned([fact.subject for fact in facts], is_free)
            told = (fact._replace(subject=subject) for fact, subject in zip(facts, subjects, strict=True))
            ours = (fact for fact in told if fact.plan_id == self.id and not fact.subject.out)
            result += [fact for fact in ours if schedule.listed(fact.subject, today)]
        return result

    # --- crons --------------------------------------------------------------------------------------------------------

    @api.model
    def _get_due_plans(self, now):
        """The plans whose company has passed its send hour and that were not run on its today.

        :param datetime now: in UTC
        """
        plans = self.search([("step_ids", "!=", False), ("company_id.active", "=", True)])
        ready = plans.company_id.filtered(lambda company: company._escalation_is_send_time(now))
        today = {company: company._escalation_today(now) for company in ready}
        return plans.filtered(
            lambda plan: plan.is_requested or (plan.company_id in today and plan.last_run != today[plan.company_id])
        )

    def _record_safely(self, today):
        """:meth:`_record`; what goes wrong stops no other plan, nor the plan's other customers if it is about one."""
        is_told = self.run_error_date == today  # a run clears it
        if not self._find_run_error(today):
            return
        failed = {}
        error = self._find_run_error(today, failed)
        if error or failed:
            self._set_run_error(error or self._describe_failed(failed), today, is_told)

    def _find_run_error(self, today, failed=None):
        """:meth:`_record`, or nothing of it.

        :return: what went wrong
        """
        try:
            with self.env.cr.savepoint():
                self._record(today, failed)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except Exception as error:
            _logger.warning("Escalation plan %s could not be run", self.id, exc_info=True)
            return str(error).strip() or type(error).__name__
        return ""

    def _describe_failed(self, failed):
        partners = self.env["res.partner"].browse(failed)
        return "; ".join(f"{partner.display_name}: {failed[partner.id]}" for partner in partners)

    def _set_run_error(self, error, today, is_told):
        """Show it on the plan; who is responsible is told once a day, however often it is tried again."""
        error = error[:ERROR_LENGTH]
        self.write({"run_error": error, "run_error_date": today})
        if is_told:
            return
        users = self.responsible_id | self.responsible_ids | self.company_id.escalation_user_id
        for user in users.filtered("active"):
            localized = self.with_context(lang=user.lang)
            localized.message_notify(
                partner_ids=user.partner_id.ids,
                subject=localized.display_name,
                body=localized.env._("This plan could not be run, or not for all customers: %s", error),
            )

    @api.model
    def _cron_run(self):
        """Each company once a day, from its send hour, one transaction per plan."""
        followups = self.env["account.escalation.followup"]
        commit_progress = self.env["ir.cron"]._commit_progress
        now = fields.Datetime.now()
        plans = self._get_due_plans(now)
        commit_progress(remaining=len(plans))
        followups._fail_undelivered()
        for [company] in followups._read_group([("state", "in", followups._get_open_states())], ["company_id"]):
            followups._withdraw_stale(company._escalation_today(now), [("company_id", "=", company.id)])
            commit_progress()
        if followups.search_count(followups._get_queued_domain(now), limit=1):
            self.env.ref("account_escalation.ir_cron_process")._trigger()  # what waited for its day
        self._end_holds(
            {
                company: company._escalation_today(now)
                for company in self.env["res.company"].search([("active", "=", True)])
            }
        )
        commit_progress()
        for plan in plans:
            plan._record_safely(plan.company_id._escalation_today(now))
            self.env.ref("account_escalation.ir_cron_process")._trigger()
            if not commit_progress(1):
                break

    @api.model
    def _end_holds(self, today_of):
        """Lift what has run out, and see what became of promises.

        :param today_of: {company: date}
        """
        for company, today in today_of.items():
            for work in (
                self.env["account.escalation.promise"].with_company(company)._update_open,
                self.env["account.move"].with_company(company)._escalation_lift_expired,
                self.env["res.partner"].with_company(company)._escalation_lift_expired,
            ):
                self._try_for(company, work, today)

    @api.model
    def _try_for(self, company, work, today):
        """Do this without stopping the follow-ups of all companies if it fails."""
        try:
            with self.env.cr.savepoint():
                work(today)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except Exception:
            _logger.exception("Holds and promises of %s could not be looked at", company.name)
