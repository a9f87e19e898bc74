from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

from ..tools.invoices import INVOICE_TYPES, OPEN_INVOICES
from .account_escalation_target import ACCOUNTANTS


class AccountMove(models.Model):
    """The plan of an invoice: chosen by a person, its customer's, by rule, or the company's default."""

    _inherit = "account.move"

    escalation_plan_id = fields.Many2one(
        "account.escalation.plan",
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        domain="[('company_id', '=', company_id), ('level', '=', 'invoice')]",
        groups="base.group_user",
    )
    escalation_plan_origin = fields.Selection(
        [("manual", "Chosen"), ("customer", "From the customer"), ("rule", "By rule"), ("default", "Default")],
        string="Plan Comes From",
        copy=False,
        readonly=True,
        help="Chosen, and no plan: this invoice is not followed up.",
        groups="base.group_user",
    )
    escalation_is_doubled = fields.Boolean(
        compute="_compute_escalation_is_doubled",
        search="_search_escalation_is_doubled",
        groups=ACCOUNTANTS,
        help="Under an invoice plan, and the customer under a customer plan.",
    )

    escalation_customer_status = fields.Char(
        string="With Its Customer",
        compute="_compute_escalation_customer_status",
        groups=ACCOUNTANTS,
        help="The plan of the customer, which follows up this invoice too, and what comes next by it.",
    )

    @api.depends("escalation_plan_id", "commercial_partner_id.escalation_plan_id")
    @api.depends_context("company", "lang")
    def _compute_escalation_customer_status(self):
        for move in self:
            customer = move.commercial_partner_id.with_company(move.company_id)
            plan = customer.escalation_plan_id
            text = f"{plan.name}: {customer.escalation_reason}"
            move.escalation_customer_status = text if plan and not move.escalation_plan_id else False

    @api.depends("escalation_plan_id", "commercial_partner_id.escalation_plan_id")
    @api.depends_context("company")
    def _compute_escalation_is_doubled(self):
        for move in self:
            customer = move.commercial_partner_id.with_company(move.company_id)
            move.escalation_is_doubled = move.escalation_plan_id and customer.escalation_plan_id

    def _search_escalation_is_doubled(self, operator, value):
        if operator != "in":
            return NotImplemented
        planned = Domain("escalation_plan_id", "!=", False)
        partners = self.env["res.partner"]
        doubled = Domain.OR(
            planned
            & Domain("company_id", "=", company.id)
            & Domain("commercial_partner_id", "in", partners.with_company(company)._search([*planned]))
            for company in self.env.companies
        )
        return doubled if True in value else ~doubled

    @api.constrains("escalation_plan_id", "company_id", "move_type")
    def _check_escalation_plan_id(self):
        for move in self.filtered("escalation_plan_id"):
            plan = move.sudo().escalation_plan_id
            if plan.company_id != move.company_id:
                raise ValidationError(
                    self.env._(
                        "The plan “%(plan)s” belongs to %(plan_company)s, but %(invoice)s to %(company)s.",
                        plan=plan.name,
                        plan_company=plan.company_id.name,
                        invoice=move.display_name,
                        company=move.company_id.name,
                    )
                )
            if plan.level != "invoice":
                raise ValidationError(self.env._("The plan “%s” does not follow up invoices.", plan.name))
            if move.move_type not in INVOICE_TYPES:
                raise ValidationError(
                    self.env._("Only customer invoices can be under a plan, not %s.", move.display_name)
                )

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._escalation_mark_first_choice(vals) for vals in vals_list])

    def write(self, vals):
        former = {move: move.commercial_partner_id for move in self} if "partner_id" in vals else {}
        res = super().write(self._escalation_mark_choice(vals))
        changed = self.filtered(lambda move: move in former and move.commercial_partner_id != former[move])
        if posted_before := changed.filtered("posted_before"):
            posted_before.sudo()._escalation_leave_customer()  # sudo: whoever corrects the invoice
        return res

    def _post(self, soft=True):
        posted = super()._post(soft)
        posted._escalation_set_own_plan()
        return posted

    def _escalation_set_own_plan(self):
        """Put invoices for which nobody has chosen under their customer's plan, else under the company's default."""
        # sudo: the choice is the company's, whoever posts; without access to plans
        undecided = self.sudo().filtered(
            lambda move: (
                move.move_type in INVOICE_TYPES
                and move.partner_id
                and not move.escalation_plan_id
                and not move.escalation_plan_origin
            )
        )
        for company, company_moves in undecided.grouped("company_id").items():
            company_moves.commercial_partner_id.with_company(company)._escalation_apply_rules()
            by_plan = company_moves.with_company(company).grouped(
                lambda move: move.commercial_partner_id.escalation_invoice_plan_id.filtered("active")
            )
            for own, group in by_plan.items():
                shares = [(own, "customer", group)] if own else group._escalation_share_out(company)
                for plan, origin, moves in shares:
                    moves._escalation_write({"escalation_plan_id": plan.id, "escalation_plan_origin": origin})

    def _escalation_share_out(self, company):
        """What rules, and then the default, make of these invoices: [(plan, origin, invoices)]."""
        plans, rest, shares = self.env["account.escalation.plan"], self, []
        for plan in plans._get_rules(company, "invoice"):
            matching = rest.filtered_domain(plan._get_rule_domain())
            shares.append((plan, "rule", matching))
            rest -= matching
        default = [("company_id", "=", company.id), ("level", "=", "invoice"), ("is_default", "=", True)]
        shares += [(plan, "default", rest) for plan in plans.search(default, limit=1)]
        return [share for share in shares if share[2]]

    @api.model
    def _escalation_get_assignable_domain(self, plan):
        """Open invoices of the plan's company on whose plan no person has decided."""
        return (
            Domain("company_id", "=", plan.company_id.id)
            & Domain(OPEN_INVOICES)
            & Domain("escalation_plan_origin", "not in", ("manual", "customer"))
        )

    def _escalation_react(self, vals):
        if "escalation_plan_id" in vals:
            self._escalation_start_afresh()
            self._escalation_log_plan(vals["escalation_plan_id"])
        return super()._escalation_react(vals)

    def _escalation_leave_customer(self):
        """Invoiced to the wrong one: the right one has heard nothing yet, and its own plan is set when it is posted."""
        self._escalation_start_afresh(("invoice", "customer"))
        taken_over = self.filtered(lambda move: move.escalation_plan_origin not in (False, "manual"))
        taken_over._escalation_write({"escalation_plan_id": False, "escalation_plan_origin": False})

    def _escalation_start_afresh(self, levels=("invoice",)):
        """End the counting of earlier steps: the plan begins anew for these invoices; what was said stays said."""
        # sudo: choosing a plan on an invoice needs no right on the follow-ups of a former one
        lines = (
            self.env["account.escalation.followup.line"]
            .sudo()
            .search([("move_id", "in", self.ids), ("counts", "=", True), ("plan_id.level", "in", levels)])
        )
        waiting = lines.followup_id.filtered(lambda followup: followup.state in followup._get_open_states())
        unsent = (lines.followup_id - waiting)._get_unsent()
        lines._uncount()
        (waiting | unsent)._withdraw_if_empty("plan_changed")
