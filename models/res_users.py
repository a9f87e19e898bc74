from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain


class ResUsers(models.Model):
    """Who stands in for whom. What an archived user leaves behind falls to the company's default."""

    _inherit = "res.users"

    escalation_substitute_id = fields.Many2one(
        "res.users",
        string="Substitute for Follow-ups",
        domain=[("share", "=", False)],
        check_company=True,
        help="Sees the to-do's too, and gets the answers, on the days given.",
    )
    escalation_substitute_from = fields.Date(string="Substituted From")
    escalation_substitute_to = fields.Date(string="Substituted Until")

    escalation_opens_todo = fields.Boolean(
        string="Open Follow-ups at Login",
        compute="_compute_escalation_opens_todo",
        inverse="_inverse_escalation_opens_todo",
        help="The first screen after logging in is the list of follow-ups to do.",
    )

    @api.depends("action_id")
    def _compute_escalation_opens_todo(self):
        action = self.env.ref("account_escalation.account_escalation_followup_action_todo")
        for user in self:
            user.escalation_opens_todo = user.action_id.id == action.id

    def _inverse_escalation_opens_todo(self):
        action = self.env.ref("account_escalation.account_escalation_followup_action_todo")
        for user in self:
            if user.escalation_opens_todo:
                user.action_id = action.id
            elif user.action_id.id == action.id:
                user.action_id = False

    @api.model
    def _get_activity_groups(self):
        """Follow-ups stand in the menu of activities, counted as what is open now."""
        groups = super()._get_activity_groups()
        followups = self.env["account.escalation.followup"]
        if not followups.has_access("write"):
            return groups
        mine = [
            ("is_mine", "=", True),
            ("state", "in", ("todo", "failed")),
            ("channel", "!=", "call"),
        ]
        today = self.env.company._escalation_today()
        counts = dict.fromkeys(("overdue", "today", "planned"), 0)
        for start, number in followups._read_group(mine, ["date:day"], ["__count"]):
            counts["overdue" if start < today else "today" if start == today else "planned"] += number
        if any(counts.values()):
            groups.append(self._prepare_escalation_group(counts))
        return groups

    @api.model
    def _prepare_escalation_group(self, counts):
        model = self.env["ir.model"]._get("account.escalation.followup")
        return {
            "id": model.id,
            "name": self.env._("Follow-ups"),
            "model": model.model,
            "type": "activity",
            "icon": "/account/static/description/icon.png",
            "domain": [],
            "total_count": counts["overdue"] + counts["today"],
            "view_type": "list",
            **{f"{name}_count": number for name, number in counts.items()},
        }

    @property
    def SELF_READABLE_FIELDS(self):  # noqa: N802
        return super().SELF_READABLE_FIELDS + self._escalation_get_own_fields()

    @property
    def SELF_WRITEABLE_FIELDS(self):  # noqa: N802
        return super().SELF_WRITEABLE_FIELDS + self._escalation_get_own_fields()

    @api.model
    def _escalation_get_own_fields(self):
        return [
            "escalation_substitute_id",
            "escalation_substitute_from",
            "escalation_substitute_to",
            "escalation_opens_todo",
        ]

    @api.constrains("escalation_substitute_id", "escalation_substitute_from", "escalation_substitute_to")
    def _check_escalation_substitute(self):
        for user in self:
            start, end = user.escalation_substitute_from, user.escalation_substitute_to
            if start and end and start > end:
                raise ValidationError(self.env._("The substitution of %s ends before it begins.", user.name))
            if user.escalation_substitute_id == user:
                raise ValidationError(self.env._("Nobody is their own substitute."))
            substitute = user.escalation_substitute_id
            if substitute and not substitute.company_ids & user.company_ids:
                raise ValidationError(
                    self.env._("%(substitute)s does not work for any company of %(user)s.",
                               substitute=substitute.name, user=user.name)
                )  # fmt: skip

    @api.model
    def _escalation_get_able_domain(self, company):
        """Who can do what a follow-up asks for: open it and its invoices, send, answer."""
        invoicing = self.env["ir.model.data"]._xmlid_to_res_id("account.group_account_invoice")  # env.ref() would query
        groups = self.env["res.groups"].browse(invoicing).all_implied_by_ids
        active = Domain("active", "=", True) & Domain("share", "=", False)
        return active & Domain("group_ids", "in", groups.ids) & Domain("company_ids", "in", company.ids)

    def _escalation_get_substitute(self):
        """Who stands in for this user today; empty if nobody does."""
        today = fields.Date.context_today(self)
        user = self.sudo()  # sudo: users do not read each other's preferences
        start, end = user.escalation_substitute_from or today, user.escalation_substitute_to or today
        is_there = user.escalation_substitute_id.active and start <= today <= end
        return self.browse(user.escalation_substitute_id.id if is_there else ())

    def _escalation_get_substituted(self):
        """The users for whom this one stands in today."""
        # sudo: users do not read each other's preferences
        users = self.sudo().search([("escalation_substitute_id", "=", self.id)])
        return users.filtered(lambda user: user._escalation_get_substitute() == self)

    def action_archive(self):
        self._escalation_pass_on()  # core cancels activities here, before it writes
        return super().action_archive()

    def write(self, vals):
        if vals.get("active", True) is False:
            self._escalation_pass_on()
        return super().write(vals)

    def _escalation_pass_on(self):
        """The to-do's of archived users wait for somebody else."""
        # sudo: who may archive a colleague need not have access to follow-ups
        followups = self.env["account.escalation.followup"].sudo()
        theirs = followups.search([("user_id", "in", self.ids), ("state", "in", followups._get_open_states())])
        for company, todos in theirs.grouped("company_id").items():
            todos.user_id = (company.escalation_user_id - self).filtered("active")
