import logging

import psycopg2

from odoo import Command, api, models

from ..tools import schedule
from .account_escalation_followup_line import SHOWN
from .account_escalation_followup_process import SILENT
from .account_escalation_step import FOLLOWUP_MODEL

_logger = logging.getLogger(__name__)


class AccountEscalationFollowup(models.Model):
    """RECORD: what was decided becomes follow-ups, each with the receivables that it lists."""

    _inherit = FOLLOWUP_MODEL

    @api.model
    def _record(self, plan, planned, today, is_free):
        """Write down what is due, each follow-up with the receivables that it lists.

        :param planned: list of Planned
        :param is_free: tells the company's days off
        """
        recipients = self._get_recipients_of(plan, planned)
        vals_list = [
            {
                **self._prepare_values(plan, step, group, partners[0], day),
                "recipient_ids": [Command.set(partners[1].ids)],
            }
            for (step, _occurrence, day, group), partners in zip(planned, recipients, strict=True)
        ]
        followups = self.with_context(**SILENT).create(vals_list)
        others = self._read_others(plan, planned, today)
        lines = []
        for followup, entry in zip(followups, planned, strict=True):
            others_of = others.get(followup.partner_id.id, ()) if entry.step.tone == "statement" else ()
            lines += followup._prepare_lines(entry, others_of, today, is_free)
        self.env["account.escalation.followup.line"]._insert(lines)
        return followups

    @api.model
    def _record_apart(self, plan, planned, today, is_free, failed):
        """:meth:`_record` after an error: with each half, so that what cannot be recorded is left out alone.

        :param dict failed: gets {partner id: error}
        """
        try:
            with self.env.cr.savepoint():
                return self._record(plan, planned, today, is_free)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except Exception as error:  # whatever is odd about a customer, the other ones are followed up
            if len(planned) == 1:
                _logger.warning("A step of plan %s could not be recorded", plan.id, exc_info=True)
                failed[planned[0].group[0].partner_id] = str(error).strip() or type(error).__name__
                return self.browse()
        middle = len(planned) // 2
        halves = (planned[:middle], planned[middle:])
        return self.concat(*(self._record_apart(plan, half, today, is_free, failed) for half in halves))

    def _prepare_lines(self, entry, others, today, is_free):
        """What the follow-up lists: which of it triggered the step, and which takes it."""
        self.ensure_one()
        step = entry.step._get_schedule_step()
        common = self._prepare_line_values(self.plan_id, entry.step)
        lines, seen = [], set()
        for facts in entry.group:
            triggered = schedule.triggered(facts.subject, step, entry.occurrence, today, is_free)
            subjects = set(map(id, triggered))
            takers = set(map(id, schedule.takers(facts.subject, today, triggered)))
            for item in schedule.listed(facts.subject, today):
                seen.add(item.key)
                occurrence = entry.occurrence if id(item) in takers else SHOWN
                lines.append({**common, **self._prepare_item_line(item, id(item) in subjects, occurrence)})
        beside = (item for item in others if item.key not in seen)
        return lines + [{**common, **self._prepare_item_line(item, False, entry.occurrence)} for item in beside]

    @api.model
    def _record_by_person(self, plan, planned, today):
        """:meth:`_record` what a person wants: what dates the subject has triggered it, whatever its trigger date."""
        is_free = plan.company_id._escalation_get_is_free(today)
        followups = self._record(plan, planned, today, is_free) if planned else self.browse()
        for followup, entry in zip(followups, planned, strict=True):
            keys = {item.key.move_line_id for facts in entry.group if (item := schedule.reference(facts.subject))}
            dated_by = followup.line_ids.filtered(lambda line, keys=keys: line.move_line_id.id in keys)
            dated_by.write({"is_subject": True, "occurrence": entry.occurrence})
        return followups

    @api.model
    def _prepare_values(self, plan, step, group, partner, day):
        is_strict = step._is_automatic() and partner.escalation_always_review
        return {
            "plan_id": plan.id,
            "step_id": step.id,
            "level": plan.level,
            "company_id": plan.company_id.id,
            "partner_id": partner.id,
            "channel": step.channel,
            "is_reviewed": step.needs_review or is_strict,
            "user_id": (is_strict and partner.escalation_user_id.filtered("active").id)
            or self._get_responsible_id(plan, step, group, partner),
            "date": day,
        }

    def _prepare_line_values(self, plan, step):
        """What all lines of a follow-up have in common."""
        self.ensure_one()
        return {"followup_id": self.id, "plan_id": plan.id, "step_id": step.id}

    @api.model
    def _prepare_item_line(self, item, is_subject, occurrence):
        return {
            "move_id": item.key.move_id,
            "instalment": item.key.instalment,
            "move_line_id": item.key.move_line_id,
            "is_subject": is_subject,
            "occurrence": occurrence,
            "amount_residual": item.amount,
        }

    @api.model
    def _read_others(self, plan, planned, today):
        """What else is overdue, and the credits, of customers who get a statement: {partner id: [Item]}."""
        partner_ids = {
            group[0].partner_id
            for step, _number, _day, group in planned
            if step.tone == "statement" and plan.level == "invoice"
        }
        told = plan._read_statement_facts(partner_ids) if partner_ids else {}
        return {partner_id: schedule.listed(facts.subject, today) for partner_id, facts in told.items()}
