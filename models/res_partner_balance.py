from odoo import api, fields, models
from odoo.fields import Domain

from .account_escalation_target import ACCOUNTANTS


class ResPartner(models.Model):
    """What a customer owes the company, in short: the sums above its open items, and what follows them up besides."""

    _inherit = "res.partner"

    escalation_amount_overdue = fields.Monetary(
        string="Overdue", compute="_compute_escalation_amounts", groups=ACCOUNTANTS
    )
    escalation_amount_upcoming = fields.Monetary(
        string="Not due", compute="_compute_escalation_amounts", groups=ACCOUNTANTS
    )
    escalation_amount_credit = fields.Monetary(
        string="Credits",
        compute="_compute_escalation_amounts",
        groups=ACCOUNTANTS,
        help="Payments and credit notes that are not allocated to any invoice.",
    )
    escalation_amount_open = fields.Monetary(
        string="Open Amount",
        compute="_compute_escalation_amounts",
        groups=ACCOUNTANTS,
        help="What is overdue and what is not due yet, less the credits.",
    )
    escalation_own_plan_count = fields.Integer(
        string="Open Invoices Under Plans of Their Own",
        compute="_compute_escalation_own_plan_count",
        groups=ACCOUNTANTS,
    )

    @api.depends("escalation_line_ids")
    @api.depends_context("company")
    def _compute_escalation_amounts(self):
        # fetched with the search: read by their ids, the balances of all customers would be added up
        balances = self.env["account.escalation.balance"].search_fetch(
            [("partner_id", "in", self._origin.ids), ("company_id", "=", self.env.company.id)],
            ["partner_id", "amount_overdue", "amount_age_0", "amount_credit", "amount_open"],
        )
        by_partner = balances.grouped("partner_id")
        for partner in self:
            balance = by_partner.get(partner._origin, balances.browse())
            partner.escalation_amount_overdue = balance.amount_overdue
            partner.escalation_amount_upcoming = balance.amount_age_0
            partner.escalation_amount_credit = balance.amount_credit
            partner.escalation_amount_open = balance.amount_open

    @api.depends("escalation_invoice_plan_id")
    @api.depends_context("company")
    def _compute_escalation_own_plan_count(self):
        """Those that have not taken their plan from the customer."""
        own = self._escalation_get_planned_domain() & Domain("escalation_plan_origin", "!=", "customer")
        own &= Domain("commercial_partner_id", "in", self._origin.ids)
        counts = dict(self.env["account.move"]._read_group(own, ["commercial_partner_id"], ["__count"]))
        for partner in self:
            partner.escalation_own_plan_count = counts.get(partner._origin, 0)
