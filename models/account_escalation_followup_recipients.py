from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import formataddr

from .account_escalation_step import FOLLOWUP_MODEL

NOTICE_LINKS = 10  # other open follow-ups of the customer that colleagues are pointed to
NOT_TOLD = {"payment_link": False, "bank_account": False, "is_linked": False}  # what is for the customer alone


def one_line(text):
    return " ".join(text.splitlines())


class AccountEscalationFollowup(models.Model):
    """Who is addressed, which colleagues are told, who signs, and who hears the answers."""

    _inherit = FOLLOWUP_MODEL

    recipient_ids = fields.Many2many("res.partner", string="Recipients", help="Who gets the message.")
    is_addressed_by_hand = fields.Boolean(readonly=True, help="A person has chosen the recipients.")
    phone = fields.Char(compute="_compute_phone")
    is_informed = fields.Boolean(readonly=True, help="The internal contacts were told.")
    notice_purpose = fields.Char(
        compute="_compute_notice", compute_sudo=True, string="What the Customer Gets, for Colleagues"
    )
    notice_items = fields.Html(
        compute="_compute_notice", compute_sudo=True, sanitize=False, string="Table of Items, for Colleagues"
    )
    notice_links = fields.Html(
        compute="_compute_notice", compute_sudo=True, sanitize=False, string="Links for Colleagues"
    )
    is_mine = fields.Boolean(compute="_compute_is_mine", search="_search_is_mine")

    @api.depends("recipient_ids.phone", "partner_id.phone")
    def _compute_phone(self):
        for followup in self:
            phones = (followup.recipient_ids | followup.partner_id).mapped("phone")
            followup.phone = next(filter(None, phones), False)

    @api.depends("user_id")
    @api.depends_context("uid")
    def _compute_is_mine(self):
        mine = self.env.user | self.env.user._escalation_get_substituted()
        for followup in self:
            followup.is_mine = followup.user_id in mine

    def _search_is_mine(self, operator, value):
        """Mine, and those of colleagues whom I stand in for."""
        if operator != "in":
            return NotImplemented
        users = self.env.user | self.env.user._escalation_get_substituted()
        mine = Domain("user_id", "in", users.ids)
        return mine if True in value else ~mine

    @api.depends("state", "line_ids.counts", "line_ids.move_line_id.amount_residual_currency", "line_ids.move_id.name")
    @api.depends_context("lang", "escalation_today")
    def _compute_notice(self):
        """Fill the placeholders of what colleagues get: no link to pay, but links to look at it."""
        formats = self._get_formats()
        self._fetch_items()
        waiting = self._get_waiting_for_somebody()
        qweb = self.env["ir.qweb"]
        documents = [followup._prepare_items_values(*formats) | NOT_TOLD for followup in self]
        tables = self._render_items("account_escalation.items_table", documents)
        for followup, table in zip(self, tables, strict=True):
            others = waiting.get((followup.partner_id, followup.company_id), self.browse()) - followup
            links = {"followup": followup, "others": others[:NOTICE_LINKS], "base_url": followup.get_base_url()}
            followup.notice_purpose = followup._get_notice_purpose()
            followup.notice_items = table
            followup.notice_links = qweb._render("account_escalation.notice_links", links)

    def _get_waiting_for_somebody(self):
        """What is open with the same customers: {(customer, company): follow-ups}."""
        same = [("partner_id", "in", self.partner_id.ids), ("company_id", "in", self.company_id.ids)]
        waiting = self.search([*same, ("state", "in", ("todo", "failed"))])
        return waiting.grouped(lambda followup: (followup.partner_id, followup.company_id))

    # --- the customer's side ------------------------------------------------------------------------------------------

    @api.model
    def _get_recipients(self, channel, named, customer, contacts):
        """Who is addressed: the contacts chosen for it, else the invoice address, else the company itself.

        By email all of them, by letter one. The contacts of another company, if the customer says so.

        :param named: the partners on the invoices that triggered the step
        :param customer: their commercial partner
        :param contacts: {commercial partner: the contacts chosen}
        """

        def reachable(partners):
            found = partners.filtered(lambda partner: not partner._escalation_get_unreachable_reason(channel, True))
            return found[:1] if channel == "letter" else found

        office = customer.escalation_contact_partner_id.commercial_partner_id or customer
        chosen = contacts.get(office)
        if chosen:
            return reachable(chosen) or chosen[:1]
        named = named.filtered(lambda partner: partner.commercial_partner_id == office)  # who has left, has left
        return reachable(named) or reachable(office.browse(office.address_get(["invoice"])["invoice"])) or office

    @api.model
    def _get_recipients_of(self, plan, planned):
        """:meth:`_get_recipients` for many at once.

        :param planned: list of Planned
        :return: list of (customer, recipients), in the same order
        """
        ids = dict.fromkeys(
            partner_id
            for entry in planned
            for facts in entry.group
            for partner_id in (facts.partner_id, facts.address_id)
            if partner_id
        )
        partners = self.env["res.partner"].with_company(plan.company_id).browse(ids)
        partners.fetch(
            [
                *("email_normalized", "message_bounce", "street", "city", "commercial_partner_id", "user_id"),
                *("escalation_contact_partner_id", "escalation_always_review", "escalation_user_id"),
            ]
        )
        partners.mapped("is_blacklisted")  # computed for all at once
        customers = partners.browse(dict.fromkeys(entry.group[0].partner_id for entry in planned))
        offices = customers | customers.escalation_contact_partner_id
        contacts = offices._escalation_get_contacts()
        for name in ("type", "child_ids.child_ids.type"):
            offices.mapped(name)  # at once: address_get() asks each by itself
        result = []
        for step, _occurrence, _day, group in planned:
            customer = partners.browse(group[0].partner_id)
            named = partners.browse(dict.fromkeys(facts.address_id for facts in group if facts.address_id))
            found = self._get_recipients(step.channel, named, customer, contacts)
            result.append((customer, found if step.to_customer else step._get_internal_partners(customer)))
        return result

    def _fetch_people(self):
        """Read customers, colleagues and the company at once: each kind by itself is a statement more."""
        users = self.user_id | self.env.user
        recipients = self.with_context(active_test=False).recipient_ids  # else it is read which are active, first
        partners = users.partner_id | recipients | self.partner_id | self.company_id.partner_id
        partners.with_env(self.env).mapped("name")

    def _refresh_recipients(self):
        """Before another try: the address may have been put right. Whom a person has chosen, stays."""
        contacts = (self.partner_id | self.partner_id.escalation_contact_partner_id)._escalation_get_contacts()
        for followup in self.filtered(lambda f: f.step_id.to_customer and not f.is_addressed_by_hand):
            named = followup._get_named()
            found = self._get_recipients(followup.channel, named, followup.partner_id, contacts)
            followup.sudo().recipient_ids = found  # sudo: the machine, not a person, has chosen them

    def _replace_who_has_left(self):
        """Contacts who are another company's by now do not hear of this customer's debts."""
        for followup in self.filtered("step_id.to_customer"):
            customer = followup.partner_id
            offices = customer | customer.escalation_contact_partner_id.commercial_partner_id
            if followup.recipient_ids.commercial_partner_id - offices:
                followup._refresh_recipients()

    def _get_named(self):
        """The partners on the invoices that it is about, as RECORD takes them: none for a customer's message."""
        self.ensure_one()
        if self.level != "invoice":
            return self.env["res.partner"]
        lines = self.line_ids.filtered(lambda line: line.counts and (line.is_subject or self.is_manual))
        return lines.move_id.partner_id

    def _check_reachable(self, by_person=False):
        """Those with somebody who can be reached; the others fail, each with its reason."""
        self._replace_who_has_left()
        reasons = {followup: followup._get_unreachable_reason(by_person) for followup in self}
        for reason in set(filter(None, reasons.values())):
            self.filtered(lambda followup, reason=reason: reasons[followup] == reason)._fail(reason)
        return self.filtered(lambda followup: not reasons[followup])

    def _get_unreachable_reason(self, by_person=False):
        self.ensure_one()
        is_chosen = by_person or self.reason == "released"
        reasons = [
            partner._escalation_get_unreachable_reason(self.channel, is_chosen) for partner in self.recipient_ids
        ]
        return "" if "" in reasons else (reasons or ["no_recipient"])[0]

    def _get_email_recipients(self):
        self.ensure_one()
        return self.recipient_ids.filtered(
            lambda partner: not partner._escalation_get_unreachable_reason("email", by_person=True)
        )

    # --- colleagues ---------------------------------------------------------------------------------------------------

    @api.model
    def _get_responsible_id(self, plan, step, group, partner):
        """Whose to-do it is: an internal contact's call, who needs no right in invoicing; the plan's responsible;
        nobody's, of a team; else the salesperson's who can do it; else the one's who takes what nobody else does.
        """
        if step.channel == "call" and step.to_internal:
            internal = partner.escalation_internal_user_ids.filtered(lambda user: plan.company_id in user.company_ids)
            if internal:
                return internal[0].id
        responsible = plan.responsible_id.filtered("active")
        if responsible or plan.responsible_ids:
            return responsible.id
        salesperson_id = next((facts.user_id for facts in group if facts.user_id), None)
        return salesperson_id or plan.company_id.escalation_user_id.filtered("active").id

    def _get_cc(self):
        """Who is in open copy of the customer's email: addresses, as a header has them."""
        self.ensure_one()
        users = self.env["res.users"]
        if self.step_id.cc_salesperson:
            sellers = self.line_ids.filtered("is_subject").move_id.invoice_user_id or self.partner_id.user_id
            users |= sellers.filtered("active")
        if self.plan_id.copy_responsible and not self.is_reviewed:
            users |= self.user_id
        others = (users.partner_id - self.recipient_ids).filtered("email")
        return ", ".join(others.mapped("email_formatted"))

    def _get_sender(self):
        self.ensure_one()
        sender = self.user_id.partner_id
        return sender if sender.email else self.company_id.partner_id

    def _get_email_from(self):
        """The plan's own address, else that of the responsible, else the company's."""
        self.ensure_one()
        if self.plan_id.sender_email:
            return one_line(formataddr((self.company_id.name, self.plan_id.sender_email)))
        return one_line(self._get_sender().email_formatted or "")

    def _get_reply_to(self):
        """Core's catchall, so that answers come back to the follow-up; without one, the sender's own address."""
        own = {followup.id: followup._get_email_from() for followup in self}
        heard = self.filtered("user_id")  # else the answer would be recorded where nobody looks
        if not heard:
            return own
        return own | heard._notify_get_reply_to_batch(
            defaults={followup.id: own[followup.id] for followup in heard},
            author_ids={followup.id: followup._get_sender().id for followup in heard},
        )

    def _subscribe_responsible(self):
        """Have core notify the responsible of answers, and who stands in for the responsible."""

        def get_listener(followup):
            default = followup.company_id.escalation_user_id  # for who has left
            return followup.user_id.filtered("active") or default.filtered("active")

        heard = self.filtered("user_id")
        for (user, company), followups in heard.grouped(lambda f: (get_listener(f), f.company_id)).items():
            substitute = user._escalation_get_substitute()
            # what a company's customers answer is no business of who does not work for it
            partners = (user | substitute.filtered(lambda them, own=company: own in them.company_ids)).partner_id
            # colleagues are no customers: core need not look that up
            self.env["mail.followers"]._insert_followers(self._name, followups.ids, partners.ids, customer_ids=[])

    def message_post(self, **kwargs):
        """Whoever is responsible by now hears of an answer: core is told when there is one, not for all beforehand."""
        self.sudo()._subscribe_responsible()  # sudo: an answer comes from outside
        return super().message_post(**kwargs)

    def _inform_internal(self):
        """Tell the internal contacts, in a message of their own, what the customer gets."""
        steps = self.step_id.filtered(lambda s: s.to_customer and (s.to_internal or s.extra_partner_ids))
        told = self.filtered(lambda f: f.step_id in steps and not f.is_informed)
        pairs = [
            (followup, partner)
            for followup in told
            for partner in followup._get_told_partners()
            if partner.email_normalized
        ]
        # sudo: as for the customer's message
        self.env["mail.mail"].sudo().create([followup._prepare_notice_values(partner) for followup, partner in pairs])
        if pairs:
            self.concat(*(followup for followup, _partner in pairs)).is_informed = True

    def _get_told_partners(self):
        """Who gets the notice; the internal contacts have a call on their own list."""
        self.ensure_one()
        if self.channel == "call":
            return self.step_id.extra_partner_ids
        return self.step_id._get_internal_partners(self.partner_id)

    def _prepare_notice_values(self, partner):
        text = self.with_context(lang=partner.lang or self.env.lang)._render_notice()[self.id]
        return {
            **self._prepare_message_values(text, self._get_email_from()),
            **self._prepare_mail_values(text, partner),
            "res_id": self.id,
            "attachment_ids": [],
            "email_cc": False,
        }

    def _render_notice(self):
        """What internal contacts get, in the language of the context: {follow-up id: Text}."""
        return self._render_from(self.env.ref("account_escalation.mail_template_notice"))

    def _get_notice_purpose(self):
        """What the customer gets, if anything: colleagues must not take the message for the customer's."""
        self.ensure_one()
        if not self.step_id.to_customer:
            return self.env._("The customer gets nothing: this step is for colleagues only.")
        if self.channel == "letter":
            return self.env._("The customer gets a letter about these items.")
        if self.channel == "call":
            return self.env._("A colleague is to call the customer about these items.")
        return self.env._("The customer gets an email about these items.")
