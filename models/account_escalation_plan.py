from odoo import Command, api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import email_normalize


class AccountEscalationPlan(models.Model):
    """Policy: which steps, how far apart, for whom. `account_escalation_plan_run` acts on it."""

    _name = "account.escalation.plan"
    _description = "Escalation Plan"
    _inherit = ["mail.thread"]
    _order = "sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company, index=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    level = fields.Selection(
        [
            ("invoice", "Each invoice by itself"),
            ("customer", "Each customer, with all open invoices"),
            ("summary", "Summary: a regular statement of account"),
        ],
        string="Follows Up",
        default="invoice",
        required=True,
    )
    logic = fields.Selection(
        [
            ("standard", "Standard: every step, one after the other"),
            ("contextual", "Contextual: only the step that fits the delay"),
        ],
        default="standard",
        required=True,
        help="How an invoice that is already late begins.\n"
        "Standard: with the first step, then the next ones, never two on one day.\n"
        "Contextual: with the latest step that its delay has reached; earlier ones are passed over.",
    )
    step_ids = fields.One2many("account.escalation.step", "plan_id", string="Steps", copy=True)
    min_contact_days = fields.Integer(
        string="Days Between Contacts",
        default=5,
        help="At least so many days lie between two contacts about the same invoice, or with the same customer.",
    )
    delay_in_workdays = fields.Boolean(string="Count Working Days")
    workdays_only = fields.Boolean(
        default=True,
        help="Nothing is sent on days that the company's working schedule leaves free (weekends, public holidays).",
    )
    group_by_customer = fields.Boolean(
        string="One Message per Customer",
        default=True,
        help="Invoices of one customer that reach the same step on the same day share one message.",
    )
    invoice_scope = fields.Selection(
        [("overdue", "What is overdue"), ("unpaid", "All that is unpaid")],
        string="Lists",
        default="overdue",
        required=True,
        help="What a message to the customer lists. What is not yet due stands apart, and is not asked for.",
    )
    reference_rule = fields.Selection(
        [("oldest", "The oldest due invoice"), ("latest", "The latest due invoice")],
        string="Dated By",
        default="oldest",
        required=True,
        help="The invoice whose due date decides on the customer's next step, among those that still owe one.",
    )
    leave_out_planned = fields.Boolean(
        string="Leave Out Invoices of Other Plans",
        default=True,
        help="Leave out invoices whose own plan still has a step after the due date to take,"
        " so that nothing is said twice.",
    )
    min_amount = fields.Monetary(
        string="Minimum Amount", help="An open amount at or below this, in company currency, is not followed up."
    )
    is_default = fields.Boolean(
        string="Default Plan",
        copy=False,
        help="For invoices: taken by every customer invoice that is posted without a plan.\n"
        "For customers: taken by those on whom “Plan Chosen Here” is ticked.",
    )
    responsible_id = fields.Many2one(
        "res.users",
        domain=[("share", "=", False)],
        check_company=True,
        tracking=True,
        help="Gets the to-do's and the customers' answers, and signs the emails. If empty, the invoice's salesperson,"
        " if they have rights in invoicing.",
    )
    responsible_ids = fields.Many2many(
        "res.users",
        "account_escalation_plan_team_rel",
        string="Team",
        domain="[('share', '=', False)]",
        check_company=True,
        help="Its to-do's stand in My Team of all of these, until one of them takes them.",
    )
    sender_email = fields.Char(
        string="Sender", help="The address from which all emails of the plan come. If empty, the responsible's."
    )
    copy_responsible = fields.Boolean(
        string="Copy to the Responsible", help="Each automatic email goes to the responsible in copy."
    )
    attach_invoices = fields.Boolean(help="Each email carries the PDFs of its invoices.")
    posts_letters = fields.Boolean(
        string="Post Letters by Itself",
        help="The carrier chosen in the settings gets each letter at once. Else it waits in To Do until a person posts"
        " it.",
    )
    is_manual = fields.Boolean(
        readonly=True, copy=False, help="Not a plan, but what a person's own reminders belong to."
    )
    last_run = fields.Date(readonly=True, copy=False, help="The last day on which all invoices were looked at.")
    run_error = fields.Char(
        string="Last Error",
        readonly=True,
        copy=False,
        help="Why the plan could not be run, or not for all customers. The next good run clears it.",
    )
    run_error_date = fields.Date(
        string="Error Reported On", readonly=True, copy=False, help="The day on which the responsible was last told."
    )
    is_requested = fields.Boolean(copy=False, help="To be run again at once, whatever the hour.")
    move_count = fields.Integer(compute="_compute_counts", string="Invoices")
    partner_count = fields.Integer(compute="_compute_counts", string="Customers")
    followup_count = fields.Integer(compute="_compute_counts", string="Open Follow-ups")
    is_reviewed = fields.Boolean(compute="_compute_is_reviewed")
    records_answers = fields.Boolean(compute="_compute_records_answers")

    def _compute_counts(self):
        move_counts = dict(
            self.env["account.move"]._read_group(self._get_moves_domain(), ["escalation_plan_id"], ["__count"])
        )
        followups = self.env["account.escalation.followup"]
        followup_counts = dict(
            followups._read_group(
                [("plan_id", "in", self.ids), ("state", "in", followups._get_open_states())], ["plan_id"], ["__count"]
            )
        )
        for plan in self:
            plan.partner_count = plan.level != "invoice" and len(plan._search_customers())
            plan.move_count = move_counts.get(plan, 0)
            plan.followup_count = followup_counts.get(plan, 0)

    @api.depends("step_ids.needs_review", "step_ids.channel")
    def _compute_is_reviewed(self):
        for plan in self:
            emails = plan.step_ids.filtered(lambda step: step.channel == "email")
            plan.is_reviewed = bool(emails) and all(emails.mapped("needs_review"))

    def _compute_records_answers(self):
        for plan in self:
            plan.records_answers = bool(plan.company_id.catchall_email)

    @api.constrains("is_default", "company_id", "level", "active")
    def _check_is_default(self):
        for [company, _level], plans in (
            self.search([("is_default", "=", True), ("company_id", "in", self.company_id.ids)])
            .grouped(lambda plan: (plan.company_id, plan.level))
            .items()
        ):
            if len(plans) > 1:
                raise ValidationError(
                    self.env._(
                        "%(company)s can have one default plan only, not both “%(one)s” and “%(two)s”.",
                        company=company.name,
                        one=plans[0].name,
                        two=plans[1].name,
                    )
                )

    @api.constrains("min_contact_days", "min_amount")
    def _check_numbers(self):
        for plan in self:
            if plan.min_contact_days < 0 or plan.min_amount < 0:
                raise ValidationError(self.env._("The minimum delay and the minimum amount cannot be negative."))

    @api.constrains("level")
    def _check_level_unchanged(self):
        """What was followed up, and how, is told by the level: history would be read wrongly."""
        followups = self.env["account.escalation.followup"].sudo()  # sudo: those of other companies too
        for plan in self:
            others = [("plan_id", "=", plan.id), ("level", "!=", plan.level)]
            moves = [("escalation_plan_id", "=", plan.id)]
            used = plan.level != "invoice" and self.env["account.move"].sudo().search_count(moves, limit=1)
            if (
                used
                or self.env["res.partner"]._escalation_find_by_plan(plan, but=plan.level)
                or followups.search_count(others, limit=1)
            ):
                raise ValidationError(
                    self.env._("The plan “%s” is in use: make another one for this kind of follow-up.", plan.name)
                )

    @api.constrains("company_id")
    def _check_company_unchanged(self):
        moves = self.env["account.move"].sudo()  # invoices of companies that the user does not see count too
        companies = self.env["res.company"].sudo().search([("active", "=", True)])  # sudo: and their customers
        followups = self.env["account.escalation.followup"].sudo()  # sudo: and their history
        for plan in self:
            elsewhere = [("plan_id", "=", plan.id), ("company_id", "!=", plan.company_id.id)]
            if followups.search_count(elsewhere, limit=1):
                raise ValidationError(
                    self.env._(
                        "The plan “%s” has follow-ups of another company, which must be able to read them:"
                        " make a copy of it for this one.",
                        plan.name,
                    )
                )
            if moves.search_count(
                [("escalation_plan_id", "=", plan.id), ("company_id", "!=", plan.company_id.id)], limit=1
            ):
                raise ValidationError(self.env._("Invoices of another company are under the plan “%s”.", plan.name))
            others = companies - plan.company_id
            if any(self.env["res.partner"]._escalation_find_by_plan(plan, company=company) for company in others):
                raise ValidationError(self.env._("Customers of another company are under the plan “%s”.", plan.name))

    @api.constrains("sender_email")
    def _check_sender_email(self):
        for plan in self:
            if plan.sender_email and not email_normalize(plan.sender_email):
                raise ValidationError(self.env._("“%s” is not one email address.", plan.sender_email))

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_use(self):
        used = self.env["account.move"].sudo().search([("escalation_plan_id", "in", self.ids)], limit=1)
        assigned = (plan for plan in self if self.env["res.partner"]._escalation_find_by_plan(plan))
        used_plan = (
            used.escalation_plan_id
            or next(assigned, None)
            or self.env["account.escalation.followup"].sudo().search([("plan_id", "in", self.ids)], limit=1).plan_id
        )
        if used_plan:
            raise ValidationError(
                self.env._("The plan “%s” is in use and cannot be deleted; archive it instead.", used_plan.name)
            )

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        if "name" not in (default or {}):
            for plan, vals in zip(self, vals_list, strict=True):
                vals["name"] = self.env._("%s (copy)", plan.name)
        return vals_list

    def action_run(self):
        """Look at all invoices again now, in the background; at customers, as if the day of the next run had come."""
        self.is_requested = True
        for plan in self.filtered(lambda plan: plan.level != "invoice"):
            plan.write({"next_run_date": plan.company_id._escalation_today(), "first_run_date": plan.first_run_date})
        self.env.ref("account_escalation.ir_cron_run")._trigger()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("The plan is run in the background; its follow-ups appear in a moment."),
            },
        }

    def action_toggle_review(self):
        """Every email waits for a person; or, if that is so already, none does."""
        self.ensure_one()
        emails = self.step_ids.filtered(lambda step: step.channel == "email")
        emails.needs_review = not self.is_reviewed

    def action_open_moves(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("account.action_move_out_invoice_type")
        return {
            **action,
            "domain": self._get_moves_domain(),
            "context": {"default_move_type": "out_invoice"},
        }

    def _get_moves_domain(self):
        """The invoices that these plans follow, which the button counts and opens."""
        return [("escalation_plan_id", "in", self.ids), ("state", "=", "posted")]

    @api.model
    def _get_manual_plan(self, company):
        """What a person's own reminders to customers of a company belong to; made when it is first needed."""
        # sudo: whoever may remind need not be allowed to make plans; it is archived, and never runs
        plans = self.sudo().with_context(active_test=False)
        plan = plans.search([("company_id", "=", company.id), ("is_manual", "=", True)], limit=1)
        if not plan:
            template = self.env.ref("account_escalation.mail_template_first")
            name = self.env._("Reminder by hand")
            step = {"name": name, "channel": "email", "needs_review": True, "template_id": template.id}
            plan = plans.create(
                {
                    "name": name,
                    "company_id": company.id,
                    "active": False,
                    "is_manual": True,
                    "attach_invoices": True,
                    "step_ids": [Command.create(step)],
                }
            )
        return plan

    def action_open_customers(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("account.res_partner_action_customer")
        # as ids: the screen would look for them in the user's current company
        return {**action, "domain": [("id", "in", self._search_customers().ids)], "context": {}}

    def _search_customers(self):
        """The customers whom the plan follows, in its own company."""
        self.ensure_one()
        names = ("escalation_plan_id", "escalation_summary_plan_id")
        partners = self.env["res.partner"].with_company(self.company_id)
        return partners.search(Domain.OR(Domain(name, "=", self.id) for name in names))

    def action_open_followups(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("account_escalation.account_escalation_followup_action")
        return {
            **action,
            "domain": [("plan_id", "in", self.ids), ("state", "!=", "draft")],
            "context": {"search_default_open": 1},
        }

    def _get_repeatable_step(self):
        """The only step that may be repeated: the last one after the due date."""
        self.ensure_one()
        after_due = self.step_ids.filtered(lambda step: step.anchor == "due" and step.direction == "after")
        return after_due.sorted(lambda step: (step.days, step.sequence, step._origin.id or step.id or 0))[-1:]
