from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

from .account_escalation_step import FOLLOWUP_MODEL
from .account_escalation_target import ACCOUNTANTS


class ResPartner(models.Model):
    """Who is written to about a customer, who is told, and who reads the messages first."""

    _inherit = "res.partner"

    escalation_always_review = fields.Boolean(
        string="Always Review",
        company_dependent=True,
        groups=ACCOUNTANTS,
        help="Every automatic message waits for a person, who may change it.",
    )
    escalation_user_id = fields.Many2one(
        "res.users",
        string="Reviewed By",
        company_dependent=True,
        domain=[("share", "=", False)],
        groups=ACCOUNTANTS,
    )
    escalation_is_contact = fields.Boolean(
        string="Gets Follow-ups", help="Follow-ups are addressed to this contact instead of the invoice address."
    )
    escalation_contact_partner_id = fields.Many2one(
        "res.partner",
        string="Follow Up At",
        help="A head office, for instance, whose contacts get the messages. Amounts of several companies are never"
        " merged.",
    )
    escalation_internal_user_ids = fields.Many2many(
        "res.users",
        "account_escalation_internal_rel",
        string="Internal Contacts",
        domain="[('share', '=', False)]",
        groups=ACCOUNTANTS,  # who is named reads the follow-ups
        help="Colleagues who are told of follow-ups by steps that say so, and who may read those of this customer.",
    )

    @api.constrains("escalation_contact_partner_id")
    def _check_escalation_contact_partner_id(self):
        for partner in self:
            if partner.escalation_contact_partner_id.commercial_partner_id == partner.commercial_partner_id:
                raise ValidationError(self.env._("Follow up at another company; for contacts, tick Gets Follow-ups."))

    def write(self, vals):
        former = {}
        if "email" in vals:
            former = {partner: partner.email_normalized for partner in self if partner.message_bounce}
        res = super().write(vals)
        changed = self.filtered(lambda partner: partner in former and partner.email_normalized != former[partner])
        if changed:
            changed.message_bounce = 0  # it was the former address that has bounced
        return res

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

    @api.model
    def _escalation_get_doubtful_domain(self, channel):
        """Customers whose own address may not do, or does not count."""
        own = Domain("email_normalized", "=", False) | Domain("message_bounce", ">", 0)
        own |= Domain("is_blacklisted", "=", True)
        if channel == "letter":
            own = Domain("street", "=", False) & Domain("city", "=", False)
        chosen = Domain("child_ids.escalation_is_contact", "=", True)
        return own | chosen | Domain("escalation_contact_partner_id", "!=", False)

    def _escalation_filter_unreachable(self, channel):
        """Those of these customers to whom nothing could be addressed, whatever invoice it is about."""
        followups = self.env[FOLLOWUP_MODEL]
        contacts = (self | self.escalation_contact_partner_id)._escalation_get_contacts()
        nobody = self.browse()

        def is_lost(customer):
            recipients = followups._get_recipients(channel, nobody, customer, contacts)
            return all(partner._escalation_get_unreachable_reason(channel) for partner in recipients)

        return self.filtered(is_lost)

    def _escalation_get_contacts(self):
        """The contacts who get the follow-ups of these customers: {commercial partner: contacts}."""
        contacts = self.search(
            [("escalation_is_contact", "=", True), ("commercial_partner_id", "in", self.ids)], order="id"
        )
        return contacts.grouped("commercial_partner_id")
