from collections import defaultdict
from datetime import timedelta
from itertools import chain

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date, formatLang

from ..tools.invoices import OPEN_CREDITS

RECENT_DAYS = 3  # a contact so many days ago is told before the next
NAMES_SHOWN = 5


def join_names(names):
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" (+{more})" if more > 0 else "")


class AccountMove(models.Model):
    """Invoices of which a person reminds the customer: which must not be, and what to know of the others."""

    _inherit = "account.move"

    def action_escalation_remind(self):
        """Remind by hand: the composer for one customer; for several, or if some are left out, ask first.

        :raise UserError: if nobody may be asked to pay any of these
        """
        self.check_access("write")
        ready, refusals = self._escalation_read_reminders()
        if not ready:
            raise UserError(self._escalation_describe_refusals(refusals))
        if not any(refusals.values()) and len(self.commercial_partner_id) == len(self.company_id) == 1:
            return self._escalation_record_reminders(ready, "draft")._get_composer()
        action = self.env["ir.actions.act_window"]._for_xml_id("account_escalation.account_escalation_remind_action")
        return {**action, "context": {"default_move_ids": self.ids}}

    def _escalation_is_overdue(self, today):
        """Whether an instalment that is open was due before today."""
        self.ensure_one()
        return any(
            line.display_type == "payment_term"
            and line.amount_residual > 0
            and (line.date_maturity or line.date) < today
            for line in self.line_ids
        )

    def _escalation_begin_reminders(self, state):
        """One reminder for each customer of those among these invoices that may be reminded of.

        :param state: ``draft`` for what opens in the composer, and may be closed again; else ``todo``
        """
        self.check_access("write")
        ready, _refusals = self._escalation_read_reminders()
        if not ready:
            raise UserError(self.env._("Nothing is left to remind of."))
        return self._escalation_record_reminders(ready, state)

    def _escalation_log_call(self, text):
        """Note a call that no plan asked for; of what nobody may be reminded of, there is no contact to note."""
        ready, _refusals = self._escalation_read_reminders()
        # sudo: as for reminders
        self.env["account.escalation.followup"].sudo()._log_call(ready, text)

    @api.model
    def _escalation_record_reminders(self, ready, state):
        followups = self.env["account.escalation.followup"]
        # sudo: of the user's own making, for invoices that they may write; checked again before sending
        return followups.browse(followups.sudo()._remind_by_hand(ready, state).ids)

    def _escalation_read_reminders(self):
        """READ, for a person: what may be reminded of, and why the other invoices must not, not even by hand.

        :return: ({manual plan: [Facts]}, {invoice: reason key}), where the key is empty for those that may be
        """
        ready, refusals = defaultdict(list), dict.fromkeys(self, "not_invoice")
        for company, moves in self.filtered("commercial_partner_id").grouped("company_id").items():
            # sudo: whoever may remind need not be allowed to read plans
            plan = self.env["account.escalation.plan"].sudo()._get_manual_plan(company)
            customers = plan._read_decided(moves.commercial_partner_id.ids)
            condition = SQL("m.id IN %s", tuple(moves.ids))
            for facts in chain.from_iterable(plan._read_present_facts(condition, (), customers)):
                reason = self._escalation_get_refusal(facts.subject)
                refusals[self.browse(facts.move_id)] = reason
                if not reason:
                    ready[plan].append(facts)
        return ready, refusals

    @api.model
    def _escalation_get_refusal(self, subject):
        """Whatever plan follows it, if any; a hold is no reason: a person may decide."""
        if subject.out in ("", "plan_changed", "plan_archived"):
            return "" if subject.items else "paid"
        return subject.out

    def _escalation_describe_refusals(self, refusals):
        """A line for each reason: “INV/1, INV/2: Paid.”"""
        followups = self.env["account.escalation.followup"]
        by_reason = self.filtered(lambda move: refusals[move]).grouped(lambda move: refusals[move])
        return "\n".join(
            f"{moves._escalation_get_names()}: {followups._get_reason_sentence(reason)}"
            for reason, moves in by_reason.items()
        )

    def _escalation_get_names(self):
        return join_names(self.mapped("display_name"))

    def _escalation_get_warnings(self, reminders=None):
        """What a person should know before reminding by hand: {invoice: [(kind, detail, whose name)]}.

        :param reminders: those that the person is about to send
        """
        waiting, totals = self._escalation_get_waiting(reminders), self._escalation_get_credits()
        return {
            move: [
                *move._escalation_get_hold_warnings(),
                *move._escalation_get_due_warnings(),
                *move._escalation_get_credit_warnings(totals),
                *move._escalation_get_contact_warnings(),
                *move._escalation_get_waiting_warnings(waiting),
            ]
            for move in self
        }

    @api.model
    def _escalation_get_warning_titles(self):
        """The kinds of warnings, the most important first."""
        return {
            "hold": self.env._("On hold"),
            "not_due": self.env._("Not due yet"),
            "credit": self.env._("Open credits that are not listed"),
            "contact": self.env._("Contacted lately"),
            "waiting": self.env._("Another follow-up waits"),
        }

    @api.model
    def _escalation_describe_warnings(self, warnings):
        """A line for each kind: “Not due yet: INV/1, INV/2”, “Contacted lately: 11/02/2026 (INV/3, INV/4)”.

        :param warnings: iterable of those of one invoice after the other
        """
        titles = self._escalation_get_warning_titles()
        names = {kind: defaultdict(list) for kind in titles}
        for kind, detail, name in dict.fromkeys(chain.from_iterable(warnings)):
            names[kind][detail].append(name)
        lines = []
        for kind, found in names.items():
            parts = [
                f"{detail} ({join_names(whose)})" if detail else join_names(whose) for detail, whose in found.items()
            ]
            if parts:
                lines.append(f"{titles[kind]}: {join_names(parts)}")
        return "\n".join(lines)

    def _escalation_get_hold_warnings(self):
        """That of the invoice, else that of the customer."""
        self.ensure_one()
        customer = self.commercial_partner_id.with_company(self.company_id)
        for held in (self if self.escalation_hold else customer).filtered("escalation_hold"):
            words = held._escalation_get_hold_words(held.escalation_hold, held.escalation_hold_until)
            yield "hold", " ".join(words), held.name

    def _escalation_get_due_warnings(self):
        self.ensure_one()
        if not self._escalation_is_overdue(self.company_id._escalation_today()):
            yield "not_due", "", self.name

    def _escalation_get_contact_warnings(self):
        self.ensure_one()
        last, today = self.escalation_last_date, self.company_id._escalation_today()
        if last and last >= today - timedelta(days=RECENT_DAYS):
            yield "contact", format_date(self.env, last), self.name

    def _escalation_get_waiting(self, reminders=None):
        """The follow-up that is open on an invoice, beside what the person has begun: {invoice: follow-up}."""
        followups = self.env["account.escalation.followup"].sudo()  # sudo: to name what waits is no secret
        lines = followups.line_ids.search(
            [
                ("move_id", "in", self.ids),
                ("counts", "=", True),
                ("followup_id.state", "in", followups._get_open_states()),
            ]
        )
        known = reminders or followups._get_begun(self.ids)
        waiting = {}
        for move, move_lines in lines.grouped("move_id").items():
            found = move_lines.followup_id
            if others := (found - known) or found[1:]:  # of two about to be sent, each is told of
                waiting[move] = others[0]
        return waiting

    def _escalation_get_credits(self):
        """What customers have paid or were credited, and is not allocated: {(company, customer): amount}."""
        # sudo: as the amounts of the follow-ups
        groups = (
            self.env["account.move.line"]
            .sudo()
            ._read_group(
                [
                    ("company_id", "in", self.company_id.ids),
                    ("partner_id.commercial_partner_id", "in", self.commercial_partner_id.ids),
                    *OPEN_CREDITS,
                ],
                ["company_id", "partner_id"],
                ["amount_residual:sum"],
            )
        )
        totals = defaultdict(float)
        for company, partner, amount in groups:
            totals[company.id, partner.commercial_partner_id.id] -= amount
        return totals

    def _escalation_get_credit_warnings(self, totals):
        self.ensure_one()
        if total := totals.get((self.company_id.id, self.commercial_partner_id.id)):
            amount = formatLang(self.env, total, currency_obj=self.company_currency_id)
            yield "credit", amount, self.commercial_partner_id.display_name

    def _escalation_get_waiting_warnings(self, waiting):
        self.ensure_one()
        if self in waiting:
            yield "waiting", waiting[self].step_id.display_name, self.name
