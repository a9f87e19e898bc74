from odoo import models
from odoo.tools import SQL


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    """Of two customers that become one, the history is that of both."""

    _inherit = "base.partner.merge.automatic.wizard"

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Summaries of one day, one for each of the former customers, do not collide."""
        followups = self.env["account.escalation.followup"]
        followups.flush_model()
        self.env.cr.execute(
            SQL(
                "UPDATE %s SET merged_from = partner_id WHERE partner_id IN %s AND COALESCE(merged_from, 0) = 0",
                SQL.identifier(followups._table),
                tuple(src_partners.ids),
            )
        )
        return super()._update_foreign_keys(src_partners, dst_partner)

    def _update_values(self, src_partners, dst_partner):
        """The plan that the customer has, or takes over, goes on: nobody has chosen it anew."""
        return super()._update_values(src_partners, dst_partner.with_context(escalation_goes_on=True))
