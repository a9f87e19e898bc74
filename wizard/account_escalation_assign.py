from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ..models.account_escalation_target import ORIGINS
from ..models.res_partner_plan import PLAN_FIELDS
from ..tools.invoices import INVOICE_TYPES

AT_ONCE = 500  # records that are assigned at once; more of them in the background
NAMES_SHOWN = 20
IDS_LIMIT = 20000  # so many does the web client pass on; of a whole list that is longer, only its domain


class AccountEscalationAssign(models.TransientModel):
    """Put the selected invoices or customers under one plan, or under none; or all whom a plan's rule matches."""

    _name = "account.escalation.assign"
    _description = "Set Escalation Plan"

    res_model = fields.Char(default=lambda self: self.env.context.get("active_model"), required=True)
    res_ids = fields.Json(default=lambda self: self._default_res_ids())
    company_id = fields.Many2one("res.company", default=lambda self: self._default_company_id(), required=True)
    level = fields.Selection(
        [
            ("invoice", "Their invoices, each by itself"),
            ("customer", "The customers, with all invoices together"),
            ("summary", "A regular summary"),
        ],
        string="Follow Up",
        default="invoice",
        required=True,
    )
    plan_id = fields.Many2one(
        "account.escalation.plan",
        domain="[('company_id', '=', company_id), ('level', '=', level)]",
        help="Leave it empty to follow up no more.",
    )
    origin = fields.Char(default="manual")
    takes_off = fields.Boolean(
        string="Take them off the other kind of plan",
        help="From customer plans to invoice plans, or back, in one step.",
    )
    summary = fields.Html(compute="_compute_summary", sanitize=False)
    change_count = fields.Integer(compute="_compute_summary")
    job_id = fields.Many2one("account.escalation.job", readonly=True)
    progress = fields.Integer(related="job_id.progress")
    done = fields.Integer(related="job_id.done")
    total = fields.Integer(related="job_id.total")
    failed = fields.Integer(related="job_id.failed")
    error = fields.Char(related="job_id.error")

    @api.model
    def _default_res_ids(self):
        """What is selected; of a whole list longer than the web client passes on, what its domain finds."""
        context = self.env.context
        ids = context.get("active_ids", [])
        if len(ids) >= IDS_LIMIT and context.get("active_domain"):
            ids = self.env[context["active_model"]].search(context["active_domain"]).ids
        return list(ids)

    @api.model
    def _default_company_id(self):
        context = self.env.context
        if context.get("active_model") == "account.move" and context.get("active_ids"):
            return self.env["account.move"].browse(context["active_ids"][0]).company_id
        return self.env.company

    @api.onchange("level")
    def _onchange_level(self):
        if self.plan_id.level != self.level:
            self.plan_id = False

    # --- what it would do ---------------------------------------------------------------------------------------------

    def _get_field(self):
        if self.res_model == "account.move":
            return "escalation_plan_id"
        return next(name for name, level in PLAN_FIELDS.items() if level == self.level)

    def _get_other_field(self):
        """What customers are taken off in the same step; empty for none."""
        if not self.takes_off or self.res_model != "res.partner" or self.level == "summary":
            return ""
        return "escalation_plan_id" if self.level == "invoice" else "escalation_invoice_plan_id"

    def _get_model(self):
        return self.env[self.res_model].with_company(self.company_id).with_context(active_test=False)

    def _get_objections(self):
        """Why a selected record is left alone: (sentence, domain), in the order in which they are looked at."""
        if self.res_model == "res.partner":
            same = self._get_same_domain()
            other = self._get_other_field()
            return [(self.env._("already so"), same & Domain(other, "=", False) if other else same)]
        over = Domain("state", "=", "cancel") | Domain("payment_state", "in", ("paid", "in_payment", "reversed"))
        return [
            (self.env._("no customer invoice"), Domain("move_type", "not in", INVOICE_TYPES)),
            (self.env._("of another company"), Domain("company_id", "!=", self.company_id.id)),
            (self.env._("paid, reversed or cancelled"), over),
            (self.env._("already so"), self._get_same_domain()),
        ]

    def _get_same_domain(self):
        field = self._get_field()
        same = Domain(field, "=", self.plan_id.id)
        if self.plan_id or field not in ORIGINS:
            return same
        return same & Domain(ORIGINS[field], "!=", False)  # nobody has chosen yet: none is a choice

    def _sort_out(self):
        """What changes, as a domain, and how many are skipped: [(reason, number)]."""
        model = self._get_model()
        ids = self.res_ids or []
        if self.res_model == "res.partner":
            ids = model.browse(ids).commercial_partner_id.ids
        rest, skipped = Domain("id", "in", ids), []
        for reason, domain in self._get_objections():
            skipped.append((reason, model.search_count(rest & domain)))
            rest &= ~domain
        return rest, [entry for entry in skipped if entry[1]]

    @api.depends("res_ids", "plan_id", "level", "takes_off", "job_id")
    def _compute_summary(self):
        self.summary = self.change_count = False
        for wizard in self.filtered(lambda wizard: not wizard.job_id):  # then it is done, and would be read each time
            domain, skipped = wizard._sort_out()
            changing = wizard._get_model().search(domain)
            wizard.change_count = len(changing)
            customers = wizard._get_customers(domain)
            values = {
                "count": len(changing),
                "skipped": skipped,
                "messages": wizard._count_messages(changing),
                "doubled": wizard._count_doubled(customers),
                "unreachable": wizard._get_unreachable_names(customers),
                "wizard": wizard,
            }
            wizard.summary = self.env["ir.qweb"]._render("account_escalation.assign_summary", values)

    def _get_customers(self, domain):
        """The customers of what changes, as a domain on partners."""
        if self.res_model == "res.partner":
            return domain
        groups = self._get_model()._read_group(domain, ["commercial_partner_id"])
        return Domain("id", "in", [partner.id for [partner] in groups])

    def _count_messages(self, records):
        """How many messages would be made today by the plan, or, without it, by what takes over."""
        plan = self.plan_id
        if not plan and self.res_model == "res.partner" and self.level == "invoice":
            shares = records._escalation_get_covered_moves(plan)._escalation_share_out(self.company_id)
            return sum(len(other._preview_messages(moves)) for other, _origin, moves in shares)
        if not plan or not records:
            return 0
        if self.res_model == "res.partner" and plan.level != "invoice":
            return plan._count_messages_to(records)
        moves = records if self.res_model == "account.move" else records._escalation_get_covered_moves(plan)
        return len(plan._preview_messages(moves))

    def _count_doubled(self, customers):
        """How many customers would be followed up on two levels at once."""
        if not self.plan_id or self.level == "summary":
            return 0
        partners = self.env["res.partner"].with_company(self.company_id)
        if self.level == "invoice":
            also = Domain("escalation_plan_id", "!=", False)
            return 0 if self._get_other_field() else partners.search_count(customers & also)
        planned = partners._escalation_get_planned_domain()
        if self._get_other_field():
            planned &= Domain("escalation_plan_origin", "!=", "customer")  # the others keep their plans
        moves = self.env["account.move"]._search(planned)
        return partners.search_count(customers & Domain("id", "in", moves.subselect("commercial_partner_id")))

    def _get_unreachable_names(self, customers):
        """Customers to whom this plan's emails, or letters, could not be addressed."""
        steps = self.plan_id.step_ids.filtered(lambda step: step.to_customer and step.channel != "call")
        partners = self.env["res.partner"].with_company(self.company_id)
        lost = partners
        for channel in set(steps.mapped("channel")):
            doubtful = partners.search(customers & partners._escalation_get_doubtful_domain(channel))
            lost |= doubtful._escalation_filter_unreachable(channel)
        more = len(lost) - NAMES_SHOWN
        return ", ".join(lost[:NAMES_SHOWN].mapped("display_name")) + (f" (+{more})" if more > 0 else "")

    # --- doing it -----------------------------------------------------------------------------------------------------

    def action_assign(self):
        """Assign: few at once, many in the background, with a running count.

        :raise UserError: if nothing would change
        """
        if self.job_id:
            return self.action_refresh()
        if self.plan_id and self.plan_id.company_id != self.company_id:
            raise ValidationError(self.env._("The plan “%s” belongs to another company.", self.plan_id.name))
        if self.plan_id and self.plan_id.level != (self.level if self.res_model == "res.partner" else "invoice"):
            raise ValidationError(self.env._("The plan “%s” is not made for the selected records.", self.plan_id.name))
        changing = self._get_model().search(self._sort_out()[0])
        if not changing:
            raise UserError(self.env._("Nothing changes for the selected records."))
        changing.check_access("write")
        jobs = self.env["account.escalation.job"].sudo()  # sudo: the job writes as its user
        self.job_id = job = jobs.create(self._prepare_job_values(changing))
        if len(changing) <= AT_ONCE:
            job._run()
            return {"type": "ir.actions.act_window_close"}
        self.env.ref("account_escalation.ir_cron_assign").sudo()._trigger()  # sudo: its user's own job
        return self.action_refresh()

    def action_refresh(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("account_escalation.account_escalation_assign_action")
        return {**action, "res_id": self.id}

    def _prepare_job_values(self, records):
        field_names = {self._get_field(): True}
        if self._get_other_field():
            field_names[self._get_other_field()] = False
        return {
            "company_id": self.company_id.id,
            "user_id": self.env.user.id,
            "plan_id": self.plan_id.id,
            "res_model": self.res_model,
            "field_names": field_names,
            "origin": self.origin,
            "res_ids": records.ids,
            "total": len(records),
        }
