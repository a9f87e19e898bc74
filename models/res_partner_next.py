from odoo import api, fields, models

from .account_escalation_target import ACCOUNTANTS


class ResPartner(models.Model):
    """What comes next for a customer, when and why; and what a plan would do that is being chosen."""

    _inherit = "res.partner"

    escalation_next_date = fields.Date(
        string="Next Follow-up", compute="_compute_escalation_next", compute_sudo=True, groups=ACCOUNTANTS
    )
    escalation_reason = fields.Char(
        string="Follow-up Status", compute="_compute_escalation_next", compute_sudo=True, groups=ACCOUNTANTS
    )
    escalation_summary_reason = fields.Char(
        string="Summary Status", compute="_compute_escalation_next", compute_sudo=True, groups=ACCOUNTANTS
    )
    escalation_preview = fields.Char(compute="_compute_escalation_preview", groups=ACCOUNTANTS)

    @api.depends(
        "escalation_plan_id",
        "escalation_summary_plan_id",
        "escalation_hold",
        "escalation_hold_until",
        "escalation_no_followup",
    )
    @api.depends_context("lang", "company")
    def _compute_escalation_next(self):
        plans = self.env["account.escalation.plan"]
        decisions = plans._decide_customers(self.filtered("id"), self.env.company)

        def explain(partner, plan):
            _facts, decision = decisions.get((partner.id, plan.id), (None, None))
            if decision:
                return decision.date, plan._explain(decision)
            return False, bool(partner.id and plan) and plan._explain_key("paid" if plan.active else "plan_archived")

        for partner in self:
            partner.escalation_next_date, partner.escalation_reason = explain(partner, partner.escalation_plan_id)
            summary_date, partner.escalation_summary_reason = explain(partner, partner.escalation_summary_plan_id)
            partner.escalation_next_date = min(
                filter(None, [partner.escalation_next_date, summary_date]), default=False
            )

    @api.depends("escalation_plan_id", "escalation_invoice_plan_id")
    @api.depends_context("lang", "company")
    def _compute_escalation_preview(self):
        """While a plan is being chosen: what saving it would do."""
        for partner in self:
            texts = [partner._escalation_preview_customer_plan(), partner._escalation_preview_invoice_plan()]
            partner.escalation_preview = " ".join(filter(None, texts)) if partner._origin else False

    def _escalation_preview_customer_plan(self):
        plan = self.escalation_plan_id._origin
        if not plan or plan == self._origin.escalation_plan_id:
            return ""
        number = plan._count_messages_to(self._origin)
        return self.env._(
            "Under “%(plan)s”, messages that would go today: %(messages)s.", plan=plan.name, messages=number
        )

    def _escalation_preview_invoice_plan(self):
        plan = self.escalation_invoice_plan_id._origin
        if plan == self._origin.escalation_invoice_plan_id:
            return ""
        moves = self._origin._escalation_get_covered_moves(plan)
        if not plan:
            return self.env._("Open invoices that saving takes off their plan: %s.", len(moves))
        return self.env._(
            "Open invoices that saving puts under this plan: %(invoices)s; messages that would go today: %(messages)s.",
            invoices=len(moves),
            messages=len(plan._preview_messages(moves)),
        )
