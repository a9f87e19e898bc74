from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ..tools.invoices import FOLLOWED_PAYMENT_STATES, OPEN_INVOICES
from .account_escalation_step import FOLLOWUP_MODEL
from .account_escalation_target import ACCOUNTANTS, EXCLUSIONS, HOLDS

PLAN_FIELDS = {
    "escalation_plan_id": "customer",
    "escalation_invoice_plan_id": "invoice",
    "escalation_summary_plan_id": "summary",
}
ORIGINS = {
    "escalation_plan_id": "escalation_plan_origin",
    "escalation_summary_plan_id": "escalation_summary_plan_origin",
}


class ResPartner(models.Model):
    """A customer: its plans, who is written to and who is told, and whether it is left alone. Each per company.

    Only what stands on the commercial partner counts.
    """

    _name = "res.partner"
    _inherit = ["res.partner", "account.escalation.target"]

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
    escalation_is_automatic = fields.Boolean(
        string="Automatic Follow-up",
        compute="_compute_escalation_is_automatic",
        inverse="_inverse_escalation_is_automatic",
        groups=ACCOUNTANTS,
        help="Ticked: the company's default plan follows up this customer, or another that is chosen here.",
    )
    escalation_hold = fields.Selection(HOLDS, string="On Hold", company_dependent=True, groups=ACCOUNTANTS)
    escalation_hold_until = fields.Date(
        string="On Hold Until",
        company_dependent=True,
        groups=ACCOUNTANTS,
        help="The last day. If empty, until somebody lifts it.",
    )
    escalation_no_followup = fields.Boolean(
        string="No Follow-up", company_dependent=True, groups=ACCOUNTANTS, help="Nothing is sent to this customer."
    )
    escalation_exclusion = fields.Selection(
        EXCLUSIONS, string="Excluded Because", company_dependent=True, groups=ACCOUNTANTS
    )
    escalation_plan_origin = fields.Selection(
        [("manual", "Chosen"), ("rule", "By rule")], company_dependent=True, groups=ACCOUNTANTS
    )
    escalation_summary_plan_origin = fields.Selection(
        [("manual", "Chosen"), ("rule", "By rule")], company_dependent=True, groups=ACCOUNTANTS
    )
    escalation_promise_ids = fields.One2many(
        "account.escalation.promise", "partner_id", string="Promises to Pay", groups=ACCOUNTANTS
    )
    escalation_promise_rate = fields.Integer(
        string="Promises Kept (%)", compute="_compute_escalation_promises", groups=ACCOUNTANTS
    )
    escalation_promise_days = fields.Float(
        string="Average Delay of Promises",
        compute="_compute_escalation_promises",
        groups=ACCOUNTANTS,
        help="In days, of what was paid.",
    )
    escalation_is_doubled = fields.Boolean(
        compute="_compute_escalation_is_doubled",
        search="_search_escalation_is_doubled",
        groups=ACCOUNTANTS,
        help="Under a customer plan, with open invoices under an invoice plan.",
    )
    escalation_always_review = fields.Boolean(
        string="Always Review",
        company_dependent=True,
        groups=ACCOUNTANTS,
        help="Every automatic message waits for a person, who may change it.",
    )
    escalation_user_id = fields.Many2one(
        "res.users",
        string="Reviewed By",
        company_dependent=True,
        domain=[("share", "=", False)],
        groups=ACCOUNTANTS,
    )
    escalation_is_contact = fields.Boolean(
        string="Gets Follow-ups", help="Follow-ups are addressed to this contact instead of the invoice address."
    )
    escalation_contact_partner_id = fields.Many2one(
        "res.partner",
        string="Follow Up At",
        help="A head office, for instance, whose contacts get the messages. Amounts of several companies are never"
        " merged.",
    )
    escalation_internal_user_ids = fields.Many2many(
        "res.users",
        "account_escalation_internal_rel",
        string="Internal Contacts",
        domain="[('share', '=', False)]",
        groups=ACCOUNTANTS,  # who is named reads the follow-ups
        help="Colleagues who are told of follow-ups by steps that say so, and who may read those of this customer.",
    )
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
    escalation_line_ids = fields.Many2many(
        "account.move.line", string="Open Items", compute="_compute_escalation_items", groups=ACCOUNTANTS
    )
    escalation_followup_ids = fields.One2many(
        FOLLOWUP_MODEL,
        "partner_id",
        string="Follow-ups",
        domain=[("is_draft", "=", False)],
        groups="base.group_user",
    )
    escalation_followup_count = fields.Integer(compute="_compute_escalation_followup_count", groups=ACCOUNTANTS)

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
        return self.env._("Under “%(plan)s”, %(messages)s messages would go today.", plan=plan.name, messages=number)

    def _escalation_preview_invoice_plan(self):
        plan = self.escalation_invoice_plan_id._origin
        if plan == self._origin.escalation_invoice_plan_id:
            return ""
        moves = self._origin._escalation_get_covered_moves(plan)
        if not plan:
            return self.env._("Saving takes %s open invoices off their plan.", len(moves))
        return self.env._(
            "Saving puts %(invoices)s open invoices under this plan; %(messages)s messages would go today.",
            invoices=len(moves),
            messages=len(plan._preview_messages(moves)),
        )

    @api.depends_context("company")
    def _compute_escalation_items(self):
        lines = self.env["account.move.line"].search(
            [
                ("partner_id.commercial_partner_id", "in", self.commercial_partner_id.ids),
                ("company_id", "=", self.env.company.id),
                ("account_id.account_type", "=", "asset_receivable"),
                ("account_id.non_trade", "=", False),
                ("parent_state", "=", "posted"),
                ("reconciled", "=", False),
                ("amount_residual", "!=", 0),
            ],
            order="date_maturity, id",
        )
        by_partner = lines.grouped(lambda line: line.partner_id.commercial_partner_id)
        for partner in self:
            partner.escalation_line_ids = by_partner.get(partner._origin, lines.browse())

    @api.depends_context("company")
    def _compute_escalation_followup_count(self):
        counts = dict(
            self.env[FOLLOWUP_MODEL]._read_group(
                [
                    ("partner_id", "in", self.ids),
                    ("company_id", "=", self.env.company.id),
                    ("is_draft", "=", False),
                ],
                ["partner_id"],
                ["__count"],
            )
        )
        for partner in self:
            partner.escalation_followup_count = counts.get(partner._origin, 0)

    @api.depends("escalation_promise_ids.state", "escalation_promise_ids.days_late")
    @api.depends_context("company")
    def _compute_escalation_promises(self):
        for partner in self:
            promises = partner.escalation_promise_ids.filtered(lambda promise: promise.company_id == self.env.company)
            ended = promises.filtered(lambda promise: promise.state in ("kept", "partial", "broken"))
            kept = ended.filtered(lambda promise: promise.state == "kept")
            partner.escalation_promise_rate = 100 * len(kept) // len(ended) if ended else 0
            delays = ended.filtered("date_paid").mapped("days_late")
            partner.escalation_promise_days = sum(delays) / len(delays) if delays else 0.0

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

    def _has_field_access(self, field, operation):
        """Read-only accountants read, even those who may write on contacts otherwise."""
        if operation == "write" and field.groups == ACCOUNTANTS and not self.env.su:
            return self.env.user.has_group("account.group_account_invoice")
        return super()._has_field_access(field, operation)

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

    @api.constrains("escalation_contact_partner_id")
    def _check_escalation_contact_partner_id(self):
        for partner in self:
            if partner.escalation_contact_partner_id.commercial_partner_id == partner.commercial_partner_id:
                raise ValidationError(self.env._("Follow up at another company; for contacts, tick Gets Follow-ups."))

    def write(self, vals):
        res = super().write(self._escalation_mark_choice(vals))
        self._escalation_react(vals)
        return res

    @api.model
    def _escalation_mark_choice(self, vals):
        """Whoever sets a plan has chosen it, unless they say otherwise."""
        return {**{origin: "manual" for name, origin in ORIGINS.items() if name in vals}, **vals}

    def _escalation_react(self, vals):
        """What follows from a change of these values: notes, a fresh start, what waits is let go."""
        for name in vals.keys() & PLAN_FIELDS.keys():
            self._escalation_log_plan(vals[name], self._fields[name]._description_string(self.env))
        if vals.get("escalation_no_followup"):
            self._escalation_log_exclusion(vals.get("escalation_exclusion"))
        elif "escalation_no_followup" in vals:
            self._escalation_log(self.env._("Followed up again."))
        if "escalation_plan_id" in vals:
            self._escalation_start_afresh()
        if "escalation_invoice_plan_id" in vals:
            self._escalation_cover_invoices()
        if vals.get("escalation_hold"):
            self._escalation_hold_reminders()
        stops = ("escalation_hold", "escalation_hold_until", "escalation_no_followup", "escalation_summary_plan_id")
        if any(name in vals for name in stops):
            self._escalation_recheck()

    @api.model_create_multi
    def create(self, vals_list):
        chosen = [{name for name in ORIGINS if vals.get(name)} for vals in vals_list]
        partners = super().create(
            [
                self._escalation_mark_choice(vals) if names else vals
                for vals, names in zip(vals_list, chosen, strict=True)
            ]
        )
        ticked = [
            partner for partner, vals in zip(partners, vals_list, strict=True) if vals.get("escalation_invoice_plan_id")
        ]
        self.concat(*ticked)._escalation_cover_invoices()
        return partners

    def _escalation_get_open_followups(self, level=None):
        # sudo: whoever takes a customer off must be able to stop what waits
        followups = self.env[FOLLOWUP_MODEL].sudo()
        domain = Domain("partner_id", "in", self.ids) & Domain("company_id", "=", self.env.company.id)
        if level:
            domain &= Domain("level", "=", level)
        return followups._search_stoppable(domain)

    def _escalation_recheck(self):
        """After a hold or an exclusion: let go at once of follow-ups and queued emails that lost their reason."""
        self._escalation_get_open_followups()._attempt(lambda batch: batch._recheck_all())
        self.env["account.move"]._escalation_invalidate_next()

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

    @api.model
    def _escalation_get_decided_domain(self):
        """Those on whom the company has decided anything that follow-ups must know."""
        names = ("plan_id", "summary_plan_id", "hold", "no_followup", "always_review")
        return Domain.OR(Domain(f"escalation_{name}", "!=", False) for name in names)

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

    def _escalation_assign(self, values, origin):
        """Put these customers under a plan, or none, in a batch: past core's synchronization, partner by partner."""
        values = {**values, **{ORIGINS[name]: origin for name in values if name in ORIGINS}}
        models.BaseModel.write(self, values)
        self._escalation_react(values)

    # --- whom to write to ---------------------------------------------------------------------------------------------

    def _escalation_get_unreachable_reason(self, channel, by_person=False):
        """A reason key, empty if this partner can be reached.

        :param by_person: a person who sends by hand may try an address that has bounced
        """
        self.ensure_one()
        if channel == "letter":
            return "" if self.street or self.city else "no_address"
        if not self.email_normalized:
            return "no_recipient"
        if self.is_blacklisted:
            return "blacklisted"
        return "bounced" if self.message_bounce and not by_person else ""

    @api.model
    def _escalation_get_doubtful_domain(self, channel):
        """Customers whose own address may not do, or does not count."""
        own = Domain("email_normalized", "=", False) | Domain("message_bounce", ">", 0)
        own |= Domain("is_blacklisted", "=", True)
        if channel == "letter":
            own = Domain("street", "=", False) & Domain("city", "=", False)
        chosen = Domain("child_ids.escalation_is_contact", "=", True)
        return own | chosen | Domain("escalation_contact_partner_id", "!=", False)

    def _escalation_filter_unreachable(self, channel):
        """Those of these customers to whom nothing could be addressed, whatever invoice it is about."""
        followups = self.env[FOLLOWUP_MODEL]
        contacts = (self | self.escalation_contact_partner_id)._escalation_get_contacts()
        nobody = self.browse()

        def is_lost(customer):
            recipients = followups._get_recipients(channel, nobody, customer, contacts)
            return all(partner._escalation_get_unreachable_reason(channel) for partner in recipients)

        return self.filtered(is_lost)

    def _escalation_get_contacts(self):
        """The contacts who get the follow-ups of these customers: {commercial partner: contacts}."""
        contacts = self.search(
            [("escalation_is_contact", "=", True), ("commercial_partner_id", "in", self.ids)], order="id"
        )
        return contacts.grouped("commercial_partner_id")

    def action_escalation_remind(self):
        """Remind by hand of all that is overdue.

        :raise UserError: if nothing is
        """
        today = self.env.company._escalation_today()
        overdue = self.env["account.move"].search(
            [
                ("commercial_partner_id", "in", self.commercial_partner_id.ids),
                ("company_id", "=", self.env.company.id),
                *OPEN_INVOICES,
                ("line_ids.amount_residual", ">", 0),
                ("line_ids.date_maturity", "<", today),
            ],
            order="invoice_date_due, id",
        )
        late = overdue.filtered(lambda move: move._escalation_is_overdue(today))
        if not late:
            raise UserError(self.env._("No invoice is overdue. You can remind of one before from the invoice itself."))
        return late.action_escalation_remind()

    def action_open_escalation_followups(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("account_escalation.account_escalation_followup_action")
        return {**action, "domain": [("partner_id", "in", self.commercial_partner_id.ids), ("is_draft", "=", False)]}
