import operator

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools.invoices import INVOICE_TYPES, OPEN_INVOICES
from .account_escalation_target import ACCOUNTANTS, DISPUTES, EXCLUSIONS, HOLDS

STOPS = {"escalation_hold", "escalation_hold_until", "escalation_is_returned", "preferred_payment_method_line_id"}
SETTLED = "account_escalation.settled"  # where the invoices that a transaction has settled are kept
COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class AccountMove(models.Model):
    """An invoice: its plan, what comes next and why, and what was done."""

    _name = "account.move"
    _inherit = ["account.move", "account.escalation.target"]

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
    escalation_hold = fields.Selection(HOLDS, string="On Hold", copy=False, groups="base.group_user")
    escalation_hold_until = fields.Date(
        string="On Hold Until",
        copy=False,
        groups="base.group_user",
        help="The last day. If empty, until somebody lifts it.",
    )
    escalation_exclusion = fields.Selection(EXCLUSIONS, string="Excluded Because", copy=False, groups="base.group_user")
    escalation_is_returned = fields.Boolean(
        string="Collection Returned",
        copy=False,
        groups="base.group_user",
        help="The direct debit or bill came back unpaid: the invoice is followed up like any other.",
    )
    escalation_dispute_reason = fields.Selection(
        DISPUTES, string="Dispute About", copy=False, readonly=True, groups="base.group_user"
    )
    escalation_dispute_user_id = fields.Many2one(
        "res.users",
        string="Dispute Resolved By",
        copy=False,
        groups="base.group_user",
        domain="[('share', '=', False)]",
    )
    escalation_dispute_date = fields.Date(string="Disputed Since", copy=False, readonly=True, groups="base.group_user")
    escalation_promise_ids = fields.Many2many(
        "account.escalation.promise",
        "account_escalation_promise_move_rel",
        string="Promises to Pay",
        copy=False,
        readonly=True,
        groups=ACCOUNTANTS,
    )
    escalation_is_doubled = fields.Boolean(
        compute="_compute_escalation_is_doubled",
        search="_search_escalation_is_doubled",
        groups=ACCOUNTANTS,
        help="Under an invoice plan, and the customer under a customer plan.",
    )
    escalation_last_date = fields.Date(string="Last Follow-up", copy=False, readonly=True, groups="base.group_user")
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
    escalation_followup_ids = fields.Many2many(
        "account.escalation.followup",
        string="Follow-ups",
        compute="_compute_escalation_followup_ids",
        compute_sudo=True,
        search="_search_escalation_followup_ids",
        groups="base.group_user",
    )
    escalation_alert = fields.Char(compute="_compute_escalation_alert", groups="base.group_user")

    @api.depends(
        "escalation_plan_id",
        "state",
        "payment_state",
        "line_ids.no_followup",
        "line_ids.amount_residual",
        "escalation_last_date",
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

        return self._search_escalation_decisions(matches, SQL("m.escalation_plan_id IS NOT NULL"))

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

    def _compute_escalation_followup_ids(self):
        followups = self.env["account.escalation.followup"]
        lines = self.env["account.escalation.followup.line"]._read_group(
            [("move_id", "in", self.ids), ("followup_id.is_draft", "=", False)], ["move_id"], ["followup_id:recordset"]
        )
        by_move = dict(lines)
        for move in self:
            move.escalation_followup_ids = by_move.get(move, followups).sorted()

    def _search_escalation_followup_ids(self, operator, value):
        if operator != "in":
            return NotImplemented
        lines = self.env["account.escalation.followup.line"]
        return [("id", "in", lines._search([("followup_id", "in", value)]).subselect("move_id"))]

    @api.depends("escalation_plan_id", "partner_id.email", "commercial_partner_id.email", "partner_id.city")
    def _compute_escalation_alert(self):
        followups = self.env["account.escalation.followup"]
        customers = self.commercial_partner_id
        contacts = (customers | customers.escalation_contact_partner_id)._escalation_get_contacts()
        for move in self:
            channels = set(move.sudo().escalation_plan_id.step_ids.mapped("channel")) & {"email", "letter"}
            alerts = []
            for channel in sorted(channels):
                recipients = followups._get_recipients(channel, move.partner_id, move.commercial_partner_id, contacts)
                reasons = [partner._escalation_get_unreachable_reason(channel) for partner in recipients]
                if reasons and "" not in reasons:
                    alerts.append(followups._get_reason_sentence(reasons[0]))
            move.escalation_alert = " ".join(alerts)

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
        return super().create(
            [
                {"escalation_plan_origin": "manual", **vals} if vals.get("escalation_plan_id") else vals
                for vals in vals_list
            ]
        )

    def write(self, vals):
        if "escalation_plan_id" in vals:
            vals = {"escalation_plan_origin": "manual", **vals}
        res = super().write(vals)
        if "escalation_plan_id" in vals:
            self._escalation_start_afresh()
            self._escalation_log_plan(vals["escalation_plan_id"])
        if vals.get("no_followup") or vals.get("escalation_exclusion"):
            self._escalation_log_exclusion(vals.get("escalation_exclusion"))
        elif "no_followup" in vals:
            self._escalation_log(self.env._("Followed up again."))
        if vals.get("escalation_hold"):
            self._escalation_hold_reminders()
        if STOPS & vals.keys():
            self._escalation_recheck()
        return res

    def button_draft(self):
        res = super().button_draft()
        self._escalation_recheck()
        return res

    def action_toggle_block_payment(self):
        res = super().action_toggle_block_payment()
        self._escalation_recheck()
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
        plans = undecided.env["account.escalation.plan"]
        for company, company_moves in undecided.grouped("company_id").items():
            default = plans.search(
                [("company_id", "=", company.id), ("level", "=", "invoice"), ("is_default", "=", True)], limit=1
            )
            company_moves.commercial_partner_id.with_company(company)._escalation_apply_rules()
            by_plan = company_moves.with_company(company).grouped(
                lambda move: move.commercial_partner_id.escalation_invoice_plan_id.filtered("active")
            )
            for own, group in by_plan.items():
                moves = group if own else group._escalation_apply_rules(company)
                origin = "customer" if own else "default"
                if own or default:
                    moves._escalation_write(
                        {"escalation_plan_id": (own or default).id, "escalation_plan_origin": origin}
                    )

    def _escalation_apply_rules(self, company):
        """Put these invoices under the first plan whose rule matches; return those that no rule matches."""
        rest = self
        for plan in self.env["account.escalation.plan"]._get_rules(company, "invoice"):
            matching = rest.filtered_domain(plan._get_rule_domain())
            matching._escalation_write({"escalation_plan_id": plan.id, "escalation_plan_origin": "rule"})
            rest -= matching
        return rest

    @api.model
    def _escalation_get_assignable_domain(self, plan):
        """Open invoices of the plan's company on whose plan no person has decided."""
        return (
            Domain("company_id", "=", plan.company_id.id)
            & Domain(OPEN_INVOICES)
            & Domain("escalation_plan_origin", "not in", ("manual", "customer"))
        )

    def _escalation_get_held_domain(self):
        return [*super()._escalation_get_held_domain(), ("company_id", "=", self.env.company.id)]

    def _escalation_get_holdable(self):
        """Those that can be paused, promised or disputed: posted, and something open on them."""
        return self.filtered_domain(OPEN_INVOICES)

    def _escalation_check_holdable(self):
        wrong = self - self._escalation_get_holdable()
        if wrong:
            raise UserError(
                self.env._(
                    "Only posted customer invoices on which something is open can be held, not %s.",
                    ", ".join(wrong[:5].mapped("display_name")),
                )
            )

    def _escalation_assign(self, values, origin):
        """Put these invoices under a plan, or none, in a batch."""
        self._escalation_write({**values, "escalation_plan_origin": origin})
        self._escalation_start_afresh()
        self._escalation_log_plan(values["escalation_plan_id"])

    def action_escalation_promise(self):
        return self._escalation_open_wizard("account_escalation.account_escalation_promise_action_new")

    def action_escalation_says_paid(self):
        return self._escalation_open_result("paid")

    def action_escalation_not_received(self):
        return self._escalation_open_result("not_received")

    def _escalation_open_result(self, result):
        action = self._escalation_open_wizard("account_escalation.account_escalation_call_result_action")
        action["context"]["default_result"] = result
        return action

    def action_escalation_returned(self):
        """The collection came back unpaid."""
        self.escalation_is_returned = True
        self._escalation_log(self.env._("Follow-ups: the collection was returned unpaid."))

    def action_escalation_lift(self):
        res = super().action_escalation_lift()
        self.write(
            {
                "escalation_dispute_reason": False,
                "escalation_dispute_user_id": False,
                "escalation_dispute_date": False,
            }
        )
        return res

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

    def _escalation_write(self, vals):
        """Write our own plain fields past core's checks of balance and dynamic lines, which they do not touch."""
        return models.BaseModel.write(self, vals)

    def _escalation_recheck(self):
        """After a payment, an exclusion...: let go at once of follow-ups and queued emails that lost their reason."""
        if not self:
            return
        followups = self.env["account.escalation.followup"].sudo()  # sudo: whoever pays in must be able to stop them
        affected = followups._search_stoppable(Domain("line_ids.move_id", "in", self.ids))
        # whatever is odd about a follow-up, a payment is registered
        affected._attempt(lambda batch: batch._recheck_all())
        self._escalation_invalidate_next()

    def _escalation_recheck_before_commit(self):
        """:meth:`_escalation_recheck`, once for all that one transaction settles: core reconciles one by one."""
        data = self.env.cr.precommit.data
        if SETTLED not in data:
            data[SETTLED] = set()
            self.env.cr.precommit.add(self.browse()._escalation_recheck_settled)
        data[SETTLED].update(self.ids)

    @api.model
    def _escalation_recheck_settled(self):
        self.browse(self.env.cr.precommit.data.pop(SETTLED, ())).exists()._escalation_recheck()

    @api.model
    def _escalation_invalidate_next(self):
        self.invalidate_model(["escalation_next_step_id", "escalation_next_date", "escalation_reason"], flush=False)

    def _escalation_start_afresh(self):
        """End the counting of earlier steps: the plan begins anew for these invoices; what was said stays said."""
        # sudo: choosing a plan on an invoice needs no right on the follow-ups of a former one
        lines = (
            self.env["account.escalation.followup.line"]
            .sudo()
            .search([("move_id", "in", self.ids), ("counts", "=", True), ("plan_id.level", "=", "invoice")])
        )
        waiting = lines.followup_id.filtered(lambda followup: followup.state in followup._get_open_states())
        unsent = (lines.followup_id - waiting)._get_unsent()
        lines._uncount()
        (waiting | unsent)._withdraw_if_empty("plan_changed")

    def _escalation_set_last_date(self, today):
        """Note a contact. Plain SQL: it has no effect in accounting, and core's write costs a millisecond each."""
        if not self:
            return
        self.env.cr.execute(
            SQL(
                "UPDATE account_move SET escalation_last_date = %s WHERE id IN %s AND"
                " (escalation_last_date IS NULL OR escalation_last_date < %s)",
                today,
                tuple(self.ids),
                today,
            )
        )
        self.invalidate_recordset(["escalation_last_date"])

    def _escalation_refresh_last_date(self):
        """Find the last contact in the history again, after one was taken back."""
        if not self:
            return
        self.env["account.escalation.followup"].flush_model()
        self.env["account.escalation.followup.line"].flush_model()
        self.env.cr.execute(
            SQL(
                """
                UPDATE account_move m
                   SET escalation_last_date = (
                       SELECT max(f.date_done)
                         FROM account_escalation_followup_line fl
                         JOIN account_escalation_followup f ON f.id = fl.followup_id
                         JOIN account_escalation_step s ON s.id = f.step_id
                        WHERE fl.move_id = m.id AND f.state = 'done' AND f.reason = 'due'
                              AND f.level != 'summary' AND s.to_customer)
                 WHERE m.id IN %s
                """,
                tuple(self.ids),
            )
        )
        self.invalidate_recordset(["escalation_last_date"])
