from functools import cache
from typing import NamedTuple

from odoo import api, models
from odoo.tools import SQL, split_every

from ..tools import schedule
from .account_escalation_followup_line import SHOWN
from .account_escalation_step import FOLLOWUP_MODEL

RECHECK_BATCH = 1000


class Standing(NamedTuple):
    """What the receivables of a follow-up have in common when it is checked again."""

    step: schedule.Step
    is_gone: bool  # the step was deleted
    is_planned: bool  # each invoice must still be under its plan
    is_hold_known: bool  # a person has decided in spite of it
    partner_id: int


class AccountEscalationFollowup(models.Model):
    """Checking again: whatever waits goes out only if its reason still stands."""

    _inherit = FOLLOWUP_MODEL

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
            # what a person has taken out stays out
            listed = followup.line_ids.filtered(lambda line: line.counts or line.is_left_out)
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
