from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..tools.invoices import FOLLOWED_RECEIVABLES, OPEN_INVOICES
from .account_escalation_step import FOLLOWUP_MODEL
from .account_escalation_target import ACCOUNTANTS


class ResPartner(models.Model):
    """A customer: what it owes, what it was sent, and what stops at once when it changes. All per company.

    Only what stands on the commercial partner counts.
    """

    _name = "res.partner"
    _inherit = ["res.partner", "account.escalation.target"]

    escalation_line_ids = fields.Many2many(
        "account.move.line", string="Open Items", compute="_compute_escalation_items", groups=ACCOUNTANTS
    )
    escalation_followup_ids = fields.One2many(
        FOLLOWUP_MODEL,
        "partner_id",
        string="Follow-ups",
        domain=[("state", "!=", "draft")],
        groups="base.group_user",
    )
    escalation_followup_count = fields.Integer(compute="_compute_escalation_followup_count", groups=ACCOUNTANTS)

    @api.depends_context("company")
    def _compute_escalation_items(self):
        """What messages list, so that the sum is theirs; on each item stands why it may not be asked for."""
        lines = self.env["account.move.line"].search(
            [
                ("partner_id.commercial_partner_id", "in", self.commercial_partner_id.ids),
                ("company_id", "=", self.env.company.id),
                *FOLLOWED_RECEIVABLES,
            ],
            order="date_maturity, id",
        )
        by_partner = lines.grouped(lambda line: line.partner_id.commercial_partner_id)
        for partner in self:
            partner.escalation_line_ids = by_partner.get(partner._origin, lines.browse())

    @api.depends_context("allowed_company_ids")
    def _compute_escalation_followup_count(self):
        """Of all companies that the user looks at, as the list that the button opens."""
        counts = dict(
            self.env[FOLLOWUP_MODEL]._read_group(
                [
                    ("partner_id", "in", self.ids),
                    ("company_id", "in", self.env.companies.ids),
                    ("state", "!=", "draft"),
                ],
                ["partner_id"],
                ["__count"],
            )
        )
        for partner in self:
            partner.escalation_followup_count = counts.get(partner._origin, 0)

    def _has_field_access(self, field, operation):
        """Read-only accountants read, even those who may write on contacts otherwise."""
        is_ours = field.name.startswith("escalation_") and field.groups == ACCOUNTANTS  # core has fields for them too
        if operation == "write" and is_ours and not self.env.su:
            return self.env.user.has_group("account.group_account_invoice")
        return super()._has_field_access(field, operation)

    def write(self, vals):
        res = super().write(vals)
        self._escalation_react(vals)
        return res

    def action_escalation_remind(self):
        """Remind by hand of all that is overdue.

        :raise UserError: if nothing is
        """
        late = self._escalation_get_overdue()
        if not late:
            raise UserError(self.env._("No invoice is overdue. You can remind of one before from the invoice itself."))
        return late.action_escalation_remind()

    def action_escalation_log_call(self):
        """A call that nobody planned, about all that is overdue unless a person chooses; else about what is open.

        :raise UserError: if nothing is
        """
        moves = self._escalation_get_overdue() or self._escalation_get_open()
        if not moves:
            raise UserError(self.env._("No invoice of this customer is open. Write a note on the customer instead."))
        return moves.action_escalation_log_call()

    def _escalation_get_open(self, *domain):
        """The open invoices of these customers, the oldest due first."""
        return self.env["account.move"].search(
            [
                ("commercial_partner_id", "in", self.commercial_partner_id.ids),
                ("company_id", "=", self.env.company.id),
                *OPEN_INVOICES,
                ("line_ids.amount_residual", ">", 0),
                *domain,
            ],
            order="invoice_date_due, id",
        )

    def _escalation_get_overdue(self):
        today = self.env.company._escalation_today()
        candidates = self._escalation_get_open(("line_ids.date_maturity", "<", today))
        return candidates.filtered(lambda move: move._escalation_is_overdue(today))

    def action_open_escalation_followups(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("account_escalation.account_escalation_followup_action")
        return {**action, "domain": [("partner_id", "in", self.commercial_partner_id.ids), ("state", "!=", "draft")]}

    def _escalation_get_open_followups(self, level=None):
        # sudo: whoever takes a customer off must be able to stop what waits
        followups = self.env[FOLLOWUP_MODEL].sudo()
        domain = Domain("partner_id", "in", self.ids) & Domain("company_id", "=", self.env.company.id)
        if level:
            domain &= Domain("level", "=", level)
        return followups._search_stoppable(domain)

    @api.model
    def _escalation_get_decided_domain(self):
        """Those on whom the company has decided anything that follow-ups must know."""
        names = ("plan_id", "summary_plan_id", "hold", "no_followup", "always_review")
        return Domain.OR(Domain(f"escalation_{name}", "!=", False) for name in names)
