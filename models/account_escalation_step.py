from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

from ..tools import schedule

DAYS_MAX = 3653
FOLLOWUP_MODEL = "account.escalation.followup"
READY_TEMPLATE = "account_escalation.mail_template_"  # how the names of the texts of this addon begin
VOICES = ("friendly_", "firm_")
TIMING = frozenset({"anchor", "direction", "days"})


class AccountEscalationStep(models.Model):
    """One step of a plan: when, through which channel, in which tone. Only data; the plan decides."""

    _name = "account.escalation.step"
    _description = "Escalation Step"
    _order = "plan_id, sequence, id"

    plan_id = fields.Many2one("account.escalation.plan", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="plan_id.company_id", store=True, index=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    name = fields.Char(translate=True, help="What colleagues call this step. The customer does not see it.")
    anchor = fields.Selection(
        [("due", "due date"), ("issue", "issue date")], string="Counted From", default="due", required=True
    )
    direction = fields.Selection([("before", "before"), ("after", "after")], default="after", required=True)
    days = fields.Integer(default=0, help="Days before or after the due date, or after the issue date.")
    channel = fields.Selection(
        [("email", "Email"), ("call", "Call"), ("letter", "Letter")], default="email", required=True
    )
    needs_review = fields.Boolean(
        string="Review First",
        help="The email waits in To Do until a person has read, perhaps changed, and sent it.",
    )
    tone = fields.Selection(
        [
            ("reminder", "Courtesy reminder"),
            ("statement", "Statement"),
            ("first", "First notice"),
            ("second", "Second notice"),
            ("final", "Final notice"),
        ],
        default="first",
        required=True,
        help="A courtesy reminder is never sent once the due date has passed.\n"
        "A statement lists all overdue invoices of the customer, whichever of them triggered it.",
    )
    template_id = fields.Many2one(
        "mail.template",
        domain=[("model", "=", FOLLOWUP_MODEL)],
        ondelete="restrict",
        help="The text of the email or of the letter.",
    )
    activity_type_id = fields.Many2one("mail.activity.type", ondelete="restrict", help="Call, if left empty.")
    posting_kind = fields.Selection(
        [("ordinary", "Ordinary"), ("tracked", "Tracked"), ("registered", "Registered, with receipt")],
        string="Postage",
        default="ordinary",
        required=True,
        help="How a carrier posts the letter.",
    )
    repeat_days = fields.Integer(
        string="Repeat Every",
        help="Days after which the last step comes again, until the invoice is paid. 0: it does not.",
    )
    auto_skip_days = fields.Integer(
        string="Skip After",
        help="Days after which a follow-up that nobody has dealt with is skipped, so that the plan goes on. 0: never.",
    )
    to_customer = fields.Boolean(string="To the Customer", default=True)
    to_internal = fields.Boolean(
        string="To Internal Contacts",
        help="The customer's internal contacts get a message of their own; a call is theirs to make.",
    )
    cc_salesperson = fields.Boolean(
        string="Salesperson in Copy", help="The salesperson is in copy (Cc) of the customer's email."
    )
    extra_partner_ids = fields.Many2many(
        "res.partner", string="Also To", help="Who gets the internal message too; never the customer's."
    )
    warning = fields.Char(compute="_compute_warning")

    @api.depends("name", "anchor", "direction", "days", "channel", "plan_id.is_manual")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for step in self:
            # that of a person's own reminders was named in the language of whoever sent the first one
            by_hand = self.env._("Unplanned call") if step.channel == "call" else self.env._("Reminder by hand")
            step.display_name = (step.plan_id.is_manual and by_hand) or step.name or step._get_timing()

    @api.depends("anchor", "direction", "days", "tone")
    def _compute_warning(self):
        for step in self:
            late = step.tone == "reminder" and step.anchor == "due" and step.direction == "after" and step.days
            step.warning = late and self.env._(
                "This step would never be taken: a courtesy reminder is not sent after the due date."
            )

    @api.constrains("anchor", "direction", "days", "repeat_days", "auto_skip_days")
    def _check_timing(self):
        for step in self:
            if step.anchor == "issue" and step.direction == "before":
                raise ValidationError(self.env._("A step cannot be taken before the issue date of an invoice."))
            if min(step.days, step.repeat_days, step.auto_skip_days) < 0:
                raise ValidationError(self.env._("The days of a step cannot be negative."))
            if max(step.days, step.repeat_days, step.auto_skip_days) > DAYS_MAX:
                raise ValidationError(self.env._("The days of a step cannot exceed ten years."))

    @api.constrains("to_customer", "to_internal", "extra_partner_ids")
    def _check_recipients(self):
        for step in self:
            if not (step.to_customer or step.to_internal or step.extra_partner_ids):
                raise ValidationError(self.env._("The step “%s” goes to nobody.", step.display_name))

    @api.constrains("anchor", "direction", "days", "repeat_days", "channel", "plan_id")
    def _check_summary(self):
        for step in self.filtered(lambda step: step.plan_id.level == "summary"):
            if step.anchor != "due" or step.direction != "after" or step.days or step.repeat_days:
                raise ValidationError(
                    self.env._("A summary is sent on the days of its plan: its steps have no days of their own.")
                )
            if step.channel == "call":
                raise ValidationError(self.env._("A summary is an email or a letter."))

    @api.constrains("channel", "template_id", "to_customer")
    def _check_template(self):
        for step in self:
            if step.channel == "email" and step.to_customer and not step.template_id:
                raise ValidationError(self.env._("The email step “%s” needs a template.", step.display_name))
            step.template_id._escalation_check_placeholders()
            if step.template_id and step.template_id == self.env.ref("account_escalation.mail_template_notice", False):
                raise ValidationError(
                    self.env._("“%s” is for colleagues; the step needs a text for the customer.", step.template_id.name)
                )
            if step.template_id and step.template_id.model != FOLLOWUP_MODEL:
                raise ValidationError(
                    self.env._(
                        "The template “%(template)s” is not made for follow-ups; choose one whose model is Follow-up.",
                        template=step.template_id.name,
                    )
                )

    @api.constrains("repeat_days", "plan_id", "anchor", "direction", "days", "sequence", "active")
    def _check_repeat(self):
        for plan in self.plan_id:
            repeating = plan.step_ids.filtered("repeat_days")
            if repeating and repeating != plan._get_repeatable_step():
                raise ValidationError(
                    self.env._("Only the last step after the due date can be repeated, in plan “%s”.", plan.name)
                )

    @api.onchange("anchor")
    def _onchange_anchor(self):
        if self.anchor == "issue":
            self.direction = "after"

    @api.onchange("tone", "channel")
    def _onchange_tone(self):
        """Suggest the ready text of the tone; a template that somebody wrote is left alone."""
        if self.channel == "call":
            self.template_id = False
        elif not self.template_id or self._is_ready_template(self.template_id):
            self.template_id = self._get_ready_template()

    @api.model
    def _is_ready_template(self, template):
        return (template.get_external_id()[template.id] or "").startswith(READY_TEMPLATE)

    def _get_ready_template(self):
        """The text that comes with the addon for this tone, in the voice of the plan's other texts."""
        self.ensure_one()
        tone = "summary" if self.plan_id.level == "summary" else self.tone
        name = f"letter_{tone}" if self.channel == "letter" else tone
        names = [self._get_voice() + name, name, tone]  # not all letters are there in each voice
        ready = (self.env.ref(READY_TEMPLATE + name, False) for name in names)
        return next(filter(None, ready), self.env["mail.template"])

    def _get_voice(self):
        """The voice that the ready texts of the plan have in common; the standard one is nameless."""
        others = (self.plan_id.step_ids - self).template_id
        names = [name for name in others.get_external_id().values() if name.startswith(READY_TEMPLATE)]
        return next(
            (voice for voice in VOICES if names and all(name.startswith(READY_TEMPLATE + voice) for name in names)), ""
        )

    def write(self, vals):
        names = {"channel", "to_customer"} & vals.keys()
        changed = self.filtered(lambda step: any(step[name] != vals[name] for name in names))
        former = {step: step._get_schedule_step() for step in self} if TIMING & vals.keys() else {}
        res = super().write(vals)
        changed._withdraw_waiting()
        self._put_off_waiting(former)
        return res

    def _withdraw_waiting(self):
        """What waits was made as another kind of message, or for others: the step comes again as it is now."""
        if self:
            followups = self.env[FOLLOWUP_MODEL].sudo()  # sudo: whoever may change a plan
            followups._search_stoppable(Domain("step_id", "in", self.ids))._withdraw("plan_changed")

    @api.model
    def _put_off_waiting(self, former):
        """What waits is not asked for before the day that the step has now; what is to come earlier waits on.

        :param former: {step: as it was, as a value}
        """
        if former:
            followups = self.env[FOLLOWUP_MODEL].sudo()  # sudo: whoever may change a plan
            step_ids = [step.id for step in former]
            lines = followups._search_stoppable(Domain("step_id", "in", step_ids)).line_ids
            lines.filtered(lambda line: line._is_step_put_off(former[line.step_id]))._put_off("plan_changed")

    def unlink(self):
        """A step that was taken tells later decisions how far an invoice has come: it is archived instead."""
        used = self.env[FOLLOWUP_MODEL].sudo()._read_group([("step_id", "in", self.ids)], ["step_id"])
        kept = self.browse(step.id for [step] in used)
        kept.write({"active": False, "repeat_days": 0})
        return super(AccountEscalationStep, self - kept).unlink()

    def _get_timing(self):
        """“10 days after due date”, in the user's language."""
        self.ensure_one()
        if not self.days:
            return self.env._("On the issue date") if self.anchor == "issue" else self.env._("On the due date")
        days = self.env._("1 day") if self.days == 1 else self.env._("%s days", self.days)
        if self.anchor == "issue":
            return self.env._("%s after the issue date", days)
        if self.direction == "before":
            return self.env._("%s before the due date", days)
        return self.env._("%s after the due date", days)

    def _get_internal_partners(self, customer):
        """Who is told of this step, beside the customer."""
        self.ensure_one()
        users = customer.escalation_internal_user_ids if self.to_internal else self.env["res.users"]
        return users.filtered("active").partner_id | self.extra_partner_ids

    def _is_automatic(self):
        """Whether a message to the customer leaves without a person."""
        self.ensure_one()
        return self.channel == "email" and self.to_customer and not self.needs_review

    def _get_schedule_step(self):
        """This step as a value for the decision."""
        self.ensure_one()
        return schedule.Step(
            id=self.id,
            days=self.days,
            anchor=self.anchor,
            direction=self.direction,
            tone=self.tone,
            sequence=self.sequence,
            repeat_days=self.repeat_days,
            auto_skip_days=self.auto_skip_days,
            active=self.active,
            is_automatic=self._is_automatic(),
        )
