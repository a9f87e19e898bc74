"""Beside other modules, whatever they add to the same models; and what is left to them after this one."""

from odoo.tests import TransactionCase, tagged

from odoo.addons.account_escalation import uninstall_hook
from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG


@tagged("post_install", "-at_install")
class TestOtherModules(TransactionCase):
    def test_tables_of_our_own(self):
        """Two fields between the same models have the same table by default; then neither module can be loaded."""
        shared = [
            str(field)
            for model in self.env.registry.values()
            for field in model._fields.values()
            if field.type == "many2many"
            and field.store
            and "account_escalation" in field._modules
            and "escalation" not in field.relation
        ]
        self.assertFalse(shared)

    def test_texts_go_with_the_module(self):
        texts = self.env["mail.template"].search([("model", "=", "account.escalation.followup")])
        self.assertTrue(self.env["account.escalation.step"].search([("template_id", "in", texts.ids)]))
        uninstall_hook(self.env)
        texts.with_context(**{MODULE_UNINSTALL_FLAG: True}).unlink()
        self.assertFalse(texts.exists())
