import logging
from itertools import takewhile

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools.safe_eval import safe_eval

_logger = logging.getLogger(__name__)


class AccountEscalationPlan(models.Model):
    """Rules: which new invoices, or customers, come under the plan by themselves."""

    _inherit = "account.escalation.plan"

    assign_domain = fields.Char(
        string="Rule",
        copy=False,
        help="New invoices that match are put under this plan, unless somebody, or their customer, has chosen another."
        " The first plan whose rule matches is taken, before the default plan.",
    )
    assign_model = fields.Char(compute="_compute_assign_model")

    @api.depends("level")
    def _compute_assign_model(self):
        for plan in self:
            plan.assign_model = "account.move" if plan.level == "invoice" else "res.partner"

    @api.constrains("assign_domain", "level")
    def _check_assign_domain(self):
        for plan in self.filtered("assign_domain"):
            try:
                self.env[plan.assign_model].search_count(plan._get_rule_domain(), limit=1)
            except (ValueError, SyntaxError, TypeError, KeyError) as error:
                raise ValidationError(
                    self.env._("The rule of the plan “%(plan)s” is not valid: %(error)s", plan=plan.name, error=error)
                ) from error

    @api.model
    def _get_rules(self, company, level):
        """The plans that take new records by a rule, in their order."""
        domain = [("company_id", "=", company.id), ("level", "=", level), ("assign_domain", "not in", (False, "[]"))]
        return self.search(domain).filtered(lambda plan: plan._is_rule_valid())

    def _is_rule_valid(self):
        """A field of the rule may have gone with its module: that must not keep anybody from posting invoices."""
        self.ensure_one()
        try:
            self._get_rule_domain().validate(self.env[self.assign_model])
        except (ValueError, SyntaxError, TypeError, KeyError):
            _logger.warning("The rule of escalation plan %s is not valid any more", self.id)
            return False
        return True

    def _get_rule_domain(self):
        self.ensure_one()
        return Domain(safe_eval(self.assign_domain or "[]", {"uid": self.env.uid}))

    def action_apply_rule(self):
        """Show how many open invoices, or customers, the rule matches, and put them under the plan."""
        self.ensure_one()
        model = self.env[self.assign_model].with_company(self.company_id)
        domain = self._get_rule_domain() & model._escalation_get_assignable_domain(self)
        for plan in takewhile(lambda plan: plan != self, self._get_rules(self.company_id, self.level)):
            domain &= ~plan._get_rule_domain()  # the first plan whose rule matches is taken
        action = self.env["ir.actions.act_window"]._for_xml_id("account_escalation.account_escalation_assign_action")
        wizard = self.env["account.escalation.assign"].create(
            {
                "plan_id": self.id,
                "level": self.level,
                "company_id": self.company_id.id,
                "origin": "rule",
                "res_model": self.assign_model,
                "res_ids": model.search(domain).ids,
            }
        )
        return {**action, "res_id": wizard.id}
