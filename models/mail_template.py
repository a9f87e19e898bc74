import re

from odoo import api, models
from odoo.exceptions import UserError, ValidationError

from .account_escalation_step import FOLLOWUP_MODEL

PLACEHOLDER = re.compile(r"\bobject((?:\.\w+\b(?!\s*\())+)")  # the fields, up to a method's call


class MailTemplate(models.Model):
    """A placeholder that does not exist is found when the text is saved, not at night."""

    _inherit = "mail.template"

    @api.constrains("subject", "body_html", "model_id")
    def _check_escalation_placeholders(self):
        self._escalation_check_placeholders()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_escalation_notice(self):
        notice = self.env.ref("account_escalation.mail_template_notice", False)
        if notice and notice in self:
            raise UserError(
                self.env._(
                    "“%s” cannot be deleted: colleagues get it, whatever the plan. Change its text instead.",
                    notice.name,
                )
            )

    def _escalation_check_placeholders(self):
        """Each ``object.field.field`` of a follow-up's texts must exist; what follows a plain value is Python's.

        :raise ValidationError: names the template, the part of it and the placeholder
        """
        for template in self.filtered(lambda template: template.model == FOLLOWUP_MODEL):
            for name in ("subject", "body_html"):
                for match in PLACEHOLDER.finditer(str(template[name] or "")):
                    template._escalation_check_path(name, match[1].strip(".").split("."))

    def _escalation_check_path(self, part, path):
        self.ensure_one()
        model = self.env[FOLLOWUP_MODEL]
        for name in path:
            field = model._fields.get(name)
            if field is None and not hasattr(model, name):
                raise ValidationError(
                    self.env._(
                        "“%(template)s”, %(part)s: there is no placeholder “%(path)s”.",
                        template=self.name,
                        part=self._fields[part]._description_string(self.env),
                        path="object." + ".".join(path),
                    )
                )
            if field is None or not field.relational:
                return
            model = self.env[field.comodel_name]
