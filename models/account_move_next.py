import operator

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools.invoices import INVOICE_TYPES

OVER = ("finished", "passed")  # reasons of a decision: nothing more comes of itself
COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class AccountMove(models.Model):
    """What comes next on an invoice, when and why, as the schedule decides it; and whether it can reach anybody."""

    _inherit = "account.move"

    escalation_next_step_id = fields.Many2one(
        "account.escalation.step",
        string="Next Step",
        compute="_compute_escalation_next",
        search="_search_escalation_next_step_id",
        groups="base.group_user",
    )
    escalation_next_date = fields.Date(
        string="Next Follow-up",
        compute="_compute_escalation_next",
        search="_search_escalation_next_date",
        groups="base.group_user",
    )
    escalation_reason = fields.Char(
        string="Follow-up Status",
        compute="_compute_escalation_next",
        search="_search_escalation_reason",
        groups="base.group_user",
    )
    escalation_is_over = fields.Boolean(
        string="Plan Ended",
        compute="_compute_escalation_next",
        search="_search_escalation_is_over",
        groups="base.group_user",
        help="Its plan has nothing left to do, and it is not paid: somebody must decide how to go on.",
    )
    escalation_alert = fields.Char(compute="_compute_escalation_alert", groups="base.group_user")

    @api.depends(
        "escalation_plan_id",
        "state",
        "payment_state",
        "line_ids.no_followup",
        "line_ids.amount_residual",
        "escalation_hold",
        "escalation_hold_until",
        "line_ids.date_maturity",
    )
    @api.depends_context("lang")
    def _compute_escalation_next(self):
        # sudo: whoever may read the invoice may read what comes next, without access to plans
        plans = self.env["account.escalation.plan"].sudo()
        decisions = plans._decide_moves(self.sudo())
        for move in self:
            facts, decision = decisions.get(move.id, (None, None))
            move.escalation_next_step_id = decision and decision.steps and decision.steps[0].id
            move.escalation_next_date = decision and decision.date
            move.escalation_reason = decision and plans.browse(facts.plan_id)._explain(decision)
            move.escalation_is_over = decision and decision.reason in OVER

    def _search_escalation_next_step_id(self, operator, value):
        if operator != "in":
            return NotImplemented
        return self._search_escalation_value(lambda decision: decision.steps and decision.steps[0].id, value)

    def _search_escalation_next_date(self, operator, value):
        if operator == "in":
            days = [day and fields.Date.to_date(day) for day in value]
            return self._search_escalation_value(lambda decision: decision.date, days)
        if operator not in COMPARISONS:
            return NotImplemented
        compare, day = COMPARISONS[operator], fields.Date.to_date(value)
        return self._search_escalation_decisions(lambda _f, decision: decision.date and compare(decision.date, day))

    def _search_escalation_reason(self, operator, value):
        if operator not in ("ilike", "in"):
            return NotImplemented
        plans = self.env["account.escalation.plan"].sudo()

        def matches(facts, decision):
            sentence = plans.browse(facts.plan_id)._explain(decision)
            return sentence in value if operator == "in" else value.lower() in sentence.lower()

        found = Domain(self._search_escalation_decisions(matches, SQL("m.escalation_plan_id IS NOT NULL")))
        return found if operator == "ilike" or all(value) else found | Domain("escalation_plan_id", "=", False)

    def _search_escalation_is_over(self, operator, value):
        if operator != "in":
            return NotImplemented
        found = Domain(self._search_escalation_decisions(lambda _facts, decision: decision.reason in OVER))
        return found if True in value else ~found

    def _search_escalation_value(self, get_value, values):
        """Search ``in``, where an empty value stands for all invoices that have none, under a plan or not."""
        found = Domain(self._search_escalation_decisions(lambda _facts, decision: get_value(decision) in values))
        if not all(values):
            found |= ~Domain(self._search_escalation_decisions(lambda _facts, decision: get_value(decision)))
        return found

    def _search_escalation_decisions(self, matches, condition=None):
        """The invoices whose next step, as the schedule decides it, matches; by default only among the open ones."""
        # sudo: see the compute; the record rules of invoices apply to the result
        plans = self.env["account.escalation.plan"].sudo()
        by_company = (
            plans.with_context(active_test=False)
            .search([("company_id", "in", self.env.companies.ids), ("level", "=", "invoice")])
            .grouped("company_id")
        )
        found = [
            facts.move_id
            for company, company_plans in by_company.items()
            for facts, decision in company_plans._decide(company._escalation_today(), condition)
            if matches(facts, decision)
        ]
        return [("id", "in", found)]

    @api.depends(
        "escalation_plan_id", "company_id", "partner_id.email", "commercial_partner_id.email", "partner_id.city"
    )
    def _compute_escalation_alert(self):
        followups = self.env["account.escalation.followup"]
        customers = self.commercial_partner_id
        contacts = (customers | customers.escalation_contact_partner_id)._escalation_get_contacts()
        branches = self._escalation_get_forgotten_branches()
        for move in self:
            steps = move.sudo().escalation_plan_id.step_ids.filtered("to_customer")
            channels = set(steps.mapped("channel")) & {"email", "letter"}
            alerts = [move._escalation_get_branch_alert()] if move.company_id in branches else []
            for channel in sorted(channels):
                recipients = followups._get_recipients(channel, move.partner_id, move.commercial_partner_id, contacts)
                reasons = [partner._escalation_get_unreachable_reason(channel) for partner in recipients]
                if reasons and "" not in reasons:
                    alerts.append(followups._get_reason_sentence(reasons[0]))
            move.escalation_alert = " ".join(filter(None, alerts))

    def _escalation_get_forgotten_branches(self):
        """The branches without a plan below a company that has some, which do not follow up their invoices."""
        branches = self.company_id.filtered("parent_id")
        if not branches:
            return branches
        plans = self.env["account.escalation.plan"].sudo()  # sudo: see _compute_escalation_next
        owners = plans.search([("company_id", "parent_of", branches.ids), ("level", "=", "invoice")]).company_id
        return branches.filtered(lambda branch: branch not in owners and branch.sudo().parent_ids & owners)

    def _escalation_get_branch_alert(self):
        self.ensure_one()
        is_undecided = not self.escalation_plan_id and not self.escalation_plan_origin
        if not is_undecided or self.move_type not in INVOICE_TYPES:
            return ""
        return self.env._(
            "No plan: the plans of the main company do not follow up invoices of its branches. Make a copy of one for"
            " the branch “%s”.",
            self.company_id.name,
        )

    @api.model
    def _escalation_invalidate_next(self):
        names = ("last_date", "next_step_id", "next_date", "reason", "is_over")
        self.invalidate_model([f"escalation_{name}" for name in names], flush=False)
