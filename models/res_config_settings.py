from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    escalation_send_hour = fields.Float(related="company_id.escalation_send_hour", readonly=False)
