from odoo import api, fields, models

from .account_escalation_target import ACCOUNTANTS, EXCLUSIONS, HOLDS


class ResPartner(models.Model):
    """Customers who are left alone, for a while or for good; and how they keep what they promise."""

    _inherit = "res.partner"
    _escalation_stops = frozenset(
        {"escalation_hold", "escalation_hold_until", "escalation_no_followup", "escalation_summary_plan_id"}
    )
    _escalation_switch = "escalation_no_followup"

    escalation_hold = fields.Selection(HOLDS, string="On Hold", company_dependent=True, groups=ACCOUNTANTS)
    escalation_hold_until = fields.Date(
        string="On Hold Until",
        company_dependent=True,
        groups=ACCOUNTANTS,
        help="The last day. If empty, until somebody lifts it.",
    )
    escalation_no_followup = fields.Boolean(
        string="No Follow-up", company_dependent=True, groups=ACCOUNTANTS, help="Nothing is sent to this customer."
    )
    escalation_exclusion = fields.Selection(
        EXCLUSIONS, string="Excluded Because", company_dependent=True, groups=ACCOUNTANTS
    )
    escalation_promise_ids = fields.One2many(
        "account.escalation.promise", "partner_id", string="Promises to Pay", groups=ACCOUNTANTS
    )
    escalation_promise_ended_count = fields.Integer(
        string="Ended Promises", compute="_compute_escalation_promises", groups=ACCOUNTANTS
    )
    escalation_promise_rate = fields.Integer(
        string="Promises Kept (%)", compute="_compute_escalation_promises", groups=ACCOUNTANTS
    )
    escalation_promise_days = fields.Float(
        string="Average Delay of Promises",
        compute="_compute_escalation_promises",
        groups=ACCOUNTANTS,
        help="In days, of what was paid.",
    )

    @api.depends("escalation_promise_ids.state", "escalation_promise_ids.days_late")
    @api.depends_context("company")
    def _compute_escalation_promises(self):
        for partner in self:
            promises = partner.escalation_promise_ids.filtered(lambda promise: promise.company_id == self.env.company)
            ended = promises.filtered(lambda promise: promise.state in ("kept", "partial", "broken"))
            kept = ended.filtered(lambda promise: promise.state == "kept")
            partner.escalation_promise_ended_count = len(ended)
            partner.escalation_promise_rate = 100 * len(kept) // len(ended) if ended else 0
            delays = ended.filtered("date_paid").mapped("days_late")
            partner.escalation_promise_days = sum(delays) / len(delays) if delays else 0.0

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._escalation_complete_exclusion(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._escalation_complete_exclusion(vals))
