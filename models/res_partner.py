from odoo import models


class ResPartner(models.Model):
    """Whether somebody can be written to, and why not."""

    _inherit = "res.partner"

    def _escalation_get_unreachable_reason(self, channel, by_person=False):
        """A reason key, empty if this partner can be reached.

        :param by_person: a person who sends by hand may try an address that has bounced
        """
        self.ensure_one()
        if channel == "letter":
            return "" if self.street or self.city else "no_address"
        if not self.email_normalized:
            return "no_recipient"
        if self.is_blacklisted:
            return "blacklisted"
        return "bounced" if self.message_bounce and not by_person else ""
