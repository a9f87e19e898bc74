from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    escalation_send_hour = fields.Float(related="company_id.escalation_send_hour", readonly=False)
    escalation_min_days_any = fields.Integer(related="company_id.escalation_min_days_any", readonly=False)
    escalation_max_messages = fields.Integer(related="company_id.escalation_max_messages", readonly=False)
    escalation_grace_days = fields.Integer(related="company_id.escalation_grace_days", readonly=False)
    escalation_collected_line_ids = fields.Many2many(related="company_id.escalation_collected_line_ids", readonly=False)
    escalation_letter_window = fields.Selection(
        related="company_id.escalation_letter_window", readonly=False, required=True
    )
    escalation_carrier = fields.Selection(related="company_id.escalation_carrier", readonly=False, required=True)
    escalation_carrier_key = fields.Char(related="company_id.escalation_carrier_key", readonly=False)
    escalation_max_attachment_mb = fields.Integer(related="company_id.escalation_max_attachment_mb", readonly=False)
    escalation_user_id = fields.Many2one(related="company_id.escalation_user_id", readonly=False, check_company=True)
