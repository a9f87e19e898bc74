from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ..tools.invoices import FOLLOWED_PAYMENT_STATES, OPEN_INVOICES
from .account_escalation_target import ACCOUNTANTS, ORIGINS

PLAN_FIELDS = {
    "escalation_plan_id": "customer",
    "escalation_invoice_plan_id": "invoice",
    "escalation_summary_plan_id": "summary",
}


class ResPartner(models.Model):
    """The plans of a customer: its own, that of its invoices, its summary; chosen by a person or by rule."""

    _inherit = "res.partner"

    escalation_plan_id = fields.Many2one(
        "account.escalation.plan",
        string="Customer Plan",
        company_dependent=True,
        index="btree_not_null",
        domain="[('company_id', '=', current_company_id), ('level', '=', 'customer')]",
        groups=ACCOUNTANTS,
        help="Follows up the customer, with all open invoices together.",
    )
    escalation_invoice_plan_id = fields.Many2one(
        "account.escalation.plan",
        string="Plan for Its Invoices",
        company_dependent=True,
        domain="[('company_id', '=', current_company_id), ('level', '=', 'invoice')]",
        groups=ACCOUNTANTS,
        help="Taken by the open invoices of the customer, and by new ones, unless somebody has chosen on an invoice.",
    )
    escalation_summary_plan_id = fields.Many2one(
        "account.escalation.plan",
        string="Summary",
        company_dependent=True,
        index="btree_not_null",
        domain="[('company_id', '=', current_company_id), ('level', '=', 'summary')]",
        groups=ACCOUNTANTS,
        help="Sends regular statements of account, whatever else the customer gets.",
    )
    escalation_plan_origin = fields.Selection(
        [("manual", "Chosen"), ("rule", "By rule")], company_dependent=True, groups=ACCOUNTANTS
    )
    escalation_summary_plan_origin = fields.Selection(
        [("manual", "Chosen"), ("rule", "By rule")], company_dependent=True, groups=ACCOUNTANTS
    )
    escalation_is_automatic = fields.Boolean(
        string="Plan Chosen Here",
        compute="_compute_escalation_is_automatic",
        inverse="_inverse_escalation_is_automatic",
        groups=ACCOUNTANTS,
        help="Ticked: a plan is chosen here for the customer, or for its invoices. Ticking it takes the company's"
        " default plan; unticking it takes off what is chosen.",
    )
    escalation_is_doubled = fields.Boolean(
        compute="_compute_escalation_is_doubled",
        search="_search_escalation_is_doubled",
        groups=ACCOUNTANTS,
        help="Under a customer plan, with open invoices under an invoice plan.",
    )

    # --- computes -----------------------------------------------------------------------------------------------------

    @api.depends("escalation_plan_id", "escalation_invoice_plan_id")
    @api.depends_context("company")
    def _compute_escalation_is_automatic(self):
        for partner in self:
            partner.escalation_is_automatic = partner.escalation_plan_id or partner.escalation_invoice_plan_id

    def _inverse_escalation_is_automatic(self):
        plans = self.env["account.escalation.plan"]
        defaults = plans.search([("company_id", "=", self.env.company.id), ("is_default", "=", True)])
        by_level = {plan.level: plan for plan in defaults}
        for partner in self:
            if not partner.escalation_is_automatic:
                partner.write({"escalation_plan_id": False, "escalation_invoice_plan_id": False})
            elif not (partner.escalation_plan_id or partner.escalation_invoice_plan_id):
                partner._escalation_set_default_plan(by_level)

    def _escalation_set_default_plan(self, by_level):
        if "customer" in by_level:
            self.escalation_plan_id = by_level["customer"]
        elif "invoice" in by_level:
            self.escalation_invoice_plan_id = by_level["invoice"]
        else:
            raise UserError(self.env._("There is no default plan yet: mark one as default, or choose a plan here."))

    @api.depends("escalation_plan_id")
    @api.depends_context("company")
    def _compute_escalation_is_doubled(self):
        own = self._escalation_get_planned_domain() & Domain("commercial_partner_id", "in", self.ids)
        planned = {partner for [partner] in self.env["account.move"]._read_group(own, ["commercial_partner_id"])}
        for partner in self:
            partner.escalation_is_doubled = partner.escalation_plan_id and partner._origin in planned

    def _search_escalation_is_doubled(self, operator, value):
        if operator != "in":
            return NotImplemented
        moves = self.env["account.move"]._search(self._escalation_get_planned_domain())
        customers = Domain("id", "in", moves.subselect("commercial_partner_id"))
        doubled = Domain("escalation_plan_id", "!=", False) & customers
        return doubled if True in value else ~doubled

    @api.model
    def _escalation_get_planned_domain(self):
        """Open invoices of the company that are under a plan of their own."""
        return (
            Domain("escalation_plan_id", "!=", False)
            & Domain("company_id", "=", self.env.company.id)
            & Domain("payment_state", "in", FOLLOWED_PAYMENT_STATES)
            & Domain("state", "=", "posted")
        )

    # --- constraints and changes --------------------------------------------------------------------------------------

    @api.constrains(*PLAN_FIELDS)
    def _check_escalation_plans(self):
        for partner in self:
            for name, level in PLAN_FIELDS.items():
                plan = partner.sudo()[name]  # sudo: the rule is the same for who may not read plans
                if plan and plan.company_id != self.env.company:
                    raise ValidationError(
                        self.env._(
                            "The plan “%(plan)s” belongs to %(plan_company)s, not to %(company)s.",
                            plan=plan.name,
                            plan_company=plan.company_id.name,
                            company=self.env.company.name,
                        )
                    )
                if plan and plan.level != level:
                    raise ValidationError(
                        self.env._("The plan “%(plan)s” is not made for “%(field)s”.", plan=plan.name,
                                   field=self._fields[name]._description_string(self.env))
                    )  # fmt: skip

    @api.model_create_multi
    def create(self, vals_list):
        partners = super().create([self._escalation_mark_first_choice(vals) for vals in vals_list])
        ticked = [
            partner for partner, vals in zip(partners, vals_list, strict=True) if vals.get("escalation_invoice_plan_id")
        ]
        self.concat(*ticked)._escalation_cover_invoices()
        return partners

    def write(self, vals):
        return super().write(self._escalation_mark_choice(vals))

    def _escalation_react(self, vals):
        for name in [name for name in PLAN_FIELDS if name in vals]:
            self._escalation_log_plan(vals[name], self._fields[name]._description_string(self.env))
        if "escalation_plan_id" in vals and not self.env.context.get("escalation_goes_on"):
            self._escalation_start_afresh()
        if "escalation_invoice_plan_id" in vals:
            self._escalation_cover_invoices()
        return super()._escalation_react(vals)

    def _escalation_start_afresh(self):
        """End the counting of earlier steps: the plan begins anew for these customers; what was said stays said."""
        waiting = self._escalation_get_open_followups("customer")
        lines = self.env["account.escalation.followup.line"].sudo()  # sudo: see _escalation_get_open_followups
        lines.search(
            [
                ("followup_id.partner_id", "in", self.ids),
                ("followup_id.company_id", "=", self.env.company.id),
                ("followup_id.level", "=", "customer"),
                ("counts", "=", True),
            ]
        )._uncount()
        waiting._withdraw("plan_changed")

    def _escalation_get_covered_moves(self, plan):
        """The open invoices of these customers that take the customers' plan, or are to lose it."""
        origins = [False, "customer", "rule", "default"] if plan else ["customer"]
        return self.env["account.move"].search(
            [
                ("commercial_partner_id", "in", self.ids),
                ("company_id", "=", self.env.company.id),
                *OPEN_INVOICES,
                ("escalation_plan_origin", "in", origins),
                ("escalation_plan_id", "!=", plan.id),
            ]
        )

    def _escalation_cover_invoices(self):
        """Put the open invoices under the plan of their customer; without one, under what else applies."""
        for plan, partners in self.sudo().grouped("escalation_invoice_plan_id").items():
            moves = partners._escalation_get_covered_moves(plan)
            moves._escalation_write({"escalation_plan_id": False, "escalation_plan_origin": False})
            moves._escalation_set_own_plan()
            moves._escalation_start_afresh()

    # --- assignment ---------------------------------------------------------------------------------------------------

    @api.model
    def _escalation_find_by_plan(self, plan, but=None, company=None):
        """A partner that names the plan, in any field but that of one level.

        :param str but: the level
        :param company: that for which it is named, by default the plan's own
        """
        names = [name for name, level in PLAN_FIELDS.items() if level != but]
        domain = Domain.OR(Domain(name, "=", plan.id) for name in names)
        # sudo: whoever may delete a plan need not see its customers
        partners = self.sudo().with_company(company or plan.company_id).with_context(active_test=False)
        return partners.search(domain, limit=1)

    @api.model
    def _escalation_get_assignable_domain(self, plan):
        """Customers on whose plan no person has decided."""
        field = next(name for name, level in PLAN_FIELDS.items() if level == plan.level)
        commercial = Domain("is_company", "=", True) | Domain("parent_id", "=", False)
        return commercial & Domain(ORIGINS[field], "!=", "manual")

    def _escalation_apply_rules(self):
        """Put these customers, if nobody has chosen, under the first customer plan or summary whose rule matches."""
        plans = self.env["account.escalation.plan"]
        for name, origin in ORIGINS.items():
            rest = self.filtered(lambda partner, name=name, origin=origin: not partner[name] and not partner[origin])
            for plan in plans._get_rules(self.env.company, PLAN_FIELDS[name]):
                matching = rest.filtered_domain(plan._get_rule_domain())
                if matching:
                    matching._escalation_assign({name: plan.id}, "rule")
                rest -= matching
