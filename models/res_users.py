from odoo import models


class ResUsers(models.Model):
    """Core cancels the activities of archived users; their calls to customers wait for somebody else instead."""

    _inherit = "res.users"

    def action_archive(self):
        # sudo: who may archive a colleague need not have access to follow-ups
        calls = (
            self.env["account.escalation.followup"]
            .sudo()
            .search([("activity_id.user_id", "in", self.ids), ("state", "=", "todo")])
        )
        calls.activity_id.user_id = False
        calls.user_id = False
        return super().action_archive()
