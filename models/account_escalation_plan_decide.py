# pylint: disable=bad-builtin-groupby; that of Odoo collects all rows, ours must stream
from collections.abc import Iterator

from odoo import api, models
from odoo.tools import SQL, format_date

from ..tools import schedule
from ..tools.facts import NOBODY, Facts
from ..tools.reasons import explain


class AccountEscalationPlan(models.Model):
    """DECIDE: what READ found, put to the schedule, for the run and for whoever asks what comes next."""

    _inherit = "account.escalation.plan"

    def _decide(self, today, moves=None, partner_ids=None, is_free=None) -> Iterator[tuple[Facts, schedule.Decision]]:
        """What each subject of these plans of one company owes next, seen on ``today``. Writes nothing.

        :param SQL moves: a condition on ``m``: these invoices only
        :param partner_ids: these customers only
        :param is_free: tells the company's days off, if they are known already
        """
        company = self.company_id
        is_free = is_free or company._escalation_get_is_free(today)
        limits = company._escalation_get_limits(today)
        memo = {}
        for facts, customer in self._read_followed(moves, partner_ids):
            subjects = schedule.leave_out_planned([fact.subject for fact in facts], is_free)
            # what a person reads first is not automatic
            bounds = schedule.Limits() if customer.is_reviewed else limits
            if bounds.min_days_any:
                bounds = bounds._replace(last_automatic=customer.last_automatic)
            decisions = schedule.decide(subjects, today, is_free, memo, bounds)
            for fact, subject, decision in zip(facts, subjects, decisions, strict=True):
                if fact.plan_id in self._ids:
                    yield fact if subject is fact.subject else fact._replace(subject=subject), decision

    def _get_coupled_plans(self):
        """These plans of one company, with those that the decision must know too."""
        company = self.company_id
        plans = self.search([("company_id", "in", company.ids)])
        if company.escalation_min_days_any:
            return plans | self
        if self.filtered(lambda plan: plan.level == "customer" and plan.leave_out_planned):
            return self | plans.filtered(lambda plan: plan.level == "invoice")
        return self

    def _read_followed(self, moves, partner_ids):
        """All subjects that a decision on these plans must see, customer by customer: ([Facts], Customer)."""
        plans = self._get_coupled_plans()
        customers = plans._read_customers(partner_ids)
        is_everything = moves is None and partner_ids is None
        if is_everything and ("invoice" in self.mapped("level") or plans.company_id.escalation_min_days_any):
            moves = plans._get_invoice_condition()
        whole = plans._get_whole_customers(customers)
        if plans.company_id.escalation_min_days_any and partner_ids:
            whole = partner_ids
        for facts in plans._read_facts(moves, whole, customers):
            if facts:
                yield facts, customers.get(facts[0].partner_id, NOBODY)

    def _get_whole_customers(self, customers):
        """Those of whom all receivables must be read: who are under one of these plans as customers."""
        plan_ids = set(self.filtered(lambda plan: plan.level != "invoice").ids)
        return [
            partner_id
            for partner_id, customer in customers.items()
            if plan_ids & {customer.plan_id, customer.summary_id}
        ]

    @api.model
    def _decide_moves(self, moves):
        """What comes next for these invoices, each on its own company's today.

        :return: {move id: (Facts, Decision)}, without the moves that have no plan
        """
        result = {}
        planned = moves.filtered(lambda move: move.escalation_plan_id and move.id)
        for company, company_moves in planned.grouped("company_id").items():
            condition = SQL("m.id IN %s", tuple(company_moves.ids))
            decided = company_moves.escalation_plan_id._decide(
                company._escalation_today(), condition, company_moves.commercial_partner_id.ids
            )
            result |= {facts.move_id: (facts, decision) for facts, decision in decided if facts.move_id in moves._ids}
        return result

    @api.model
    def _decide_customers(self, partners, company):
        """What comes next for these customers of a company: {(partner id, plan id): (Facts, Decision)}."""
        partners = partners.with_company(company)
        plans = (partners.escalation_plan_id | partners.escalation_summary_plan_id).sudo()  # sudo: as for invoices
        if not plans:
            return {}
        decided = plans._decide(company._escalation_today(), partner_ids=partners.ids)
        return {
            (facts.partner_id, facts.plan_id): (facts, decision) for facts, decision in decided if facts.move_id is None
        }

    def _preview_messages(self, moves):
        """The messages that would be made today if these invoices began this plan."""
        if not self:
            return []
        today = self.company_id._escalation_today()
        return list(self._plan_followups(pair for pair in self._preview(moves, today) if pair[1].date == today))

    def _count_messages_to(self, partners):
        """How many messages would be made today if these customers began this plan."""
        self.ensure_one()
        today = self.company_id._escalation_today()
        is_free = self.company_id._escalation_get_is_free(today)
        if not self._is_look_day(today, is_free):
            return 0
        ids = partners.commercial_partner_id.ids
        plans = self._get_coupled_plans()
        decided = plans._read_customers(ids)
        field = "plan_id" if self.level == "customer" else "summary_id"
        customers = {id_: decided.get(id_, NOBODY)._replace(**{field: self.id}) for id_ in ids}
        number = 0
        for facts in plans._read_facts(None, ids, customers):
            subjects = [self._begin_anew(fact) if fact.plan_id == self.id else fact.subject for fact in facts]
            decisions = schedule.decide(subjects, today, is_free)
            pairs = zip(facts, decisions, strict=True)
            number += sum(len(told.steps) for fact, told in pairs if fact.plan_id == self.id and told.date == today)
        return number

    @api.model
    def _begin_anew(self, facts):
        """The subject as it is when it begins the plan."""
        items = tuple(item._replace(taken=()) for item in facts.subject.items)
        return facts.subject._replace(items=items)

    def _explain_key(self, key):
        """The sentence of a reason that needs no values."""
        return explain(self.env, key)

    def _explain(self, decision):
        """The one sentence that says why the decision is as it is, in the user's language."""
        self.ensure_one()
        key = decision.reason
        if not decision.date:
            return explain(self.env, key)
        variants = {"hold": "hold_until", "open": "open_until"}
        if self.delay_in_workdays:
            variants["min_contact"] = "min_contact_workdays"
        return explain(
            self.env,
            variants.get(key, key),
            date=format_date(self.env, decision.not_before or decision.date),
            days=self.company_id.escalation_min_days_any if key == "min_any" else max(1, self.min_contact_days),
            number=self.company_id.escalation_max_messages,
            step=self.env["account.escalation.step"].browse(decision.steps[0].id).display_name,
        )
