"""Beside other modules, whatever they add to the same models."""

from odoo.tests import TransactionCase, tagged


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
