import logging
import time
from collections import defaultdict

import psycopg2

from odoo import api, fields, models
from odoo.tools import format_date
from odoo.tools.misc import hmac

from ..tools import schedule
from ..tools.invoices import FOLLOWED_RECEIVABLES, INVOICE_TYPES, OPEN_INVOICES
from .account_escalation_followup_delivery import ANSWERS
from .account_escalation_step import FOLLOWUP_MODEL
from .account_escalation_target import ACCOUNTANTS

LINK_DAYS = 60  # so long does the link of a message open the list of what is owed

_logger = logging.getLogger(__name__)


class AccountEscalationFollowup(models.Model):
    """How to pay, and what was said before: signed links, bank account, QR code, earlier reminders; answers."""

    _inherit = FOLLOWUP_MODEL

    payment_link = fields.Char(
        compute="_compute_payment_link",
        compute_sudo=True,
        string="Link to All Open Invoices",
        groups=ACCOUNTANTS,  # it opens core's pages of the invoices, which colleagues may not see
    )
    bank_account = fields.Char(compute="_compute_bank_account", compute_sudo=True)
    previous_reminders = fields.Char(compute="_compute_previous_reminders", compute_sudo=True)

    @api.depends("partner_id", "company_id")
    def _compute_payment_link(self):
        expires = int(time.time() // 86400 + LINK_DAYS) * 86400
        for followup in self:
            path = f"/my/follow-up/{followup.id}/{expires}/{followup._get_link_token(expires)}"
            followup.payment_link = f"{followup.get_base_url()}{path}" if followup.id else False

    def _get_link_token(self, expires):
        """The signature of a link, which ends at a moment (seconds since 1970)."""
        self.ensure_one()
        return hmac(self.env(su=True), "account_escalation-link", (self.id, self.partner_id.id, expires))

    @api.model
    def _is_link_over(self, expires):
        return expires < time.time()

    def _get_payable_moves(self):
        """The open invoices of the customer, oldest due first."""
        self.ensure_one()
        return self.env["account.move"].search(
            [
                ("commercial_partner_id", "=", self.partner_id.id),
                ("company_id", "=", self.company_id.id),
                *OPEN_INVOICES,
            ],
            order="invoice_date_due, id",
        )

    def _get_balances(self):
        """What the customer owes, by currency: {currency: {"invoices" | "others" | "credits": amount}}.

        ``invoices`` are those of :meth:`_get_payable_moves`; ``others`` such as opening balances have no page.
        """
        listed = self._get_payable_moves()
        balances = defaultdict(lambda: dict.fromkeys(("invoices", "others", "credits"), 0.0))
        for currency, moves in listed.grouped("currency_id").items():
            balances[currency]["invoices"] = sum(moves.mapped("amount_residual"))
        ours = [("company_id", "=", self.company_id.id), ("partner_id.commercial_partner_id", "=", self.partner_id.id)]
        others = [("amount_residual", ">", 0), ("move_id", "not in", listed.ids)]
        for name, domain in (("others", others), ("credits", [("amount_residual", "<", 0)])):
            groups = self.env["account.move.line"]._read_group(
                [*ours, *FOLLOWED_RECEIVABLES, *domain], ["currency_id"], ["amount_residual_currency:sum"]
            )
            for currency, amount in groups:
                balances[currency][name] = amount
        return balances

    def _get_portal_move(self, move_id):
        """What a link names, if the message has listed it or it is open; empty if it is another, or none."""
        if not self:
            return self.env["account.move"]
        shown = self.line_ids.move_id | self._get_payable_moves()
        return shown.filtered(
            lambda move: (
                move.id == move_id
                and move.commercial_partner_id == self.partner_id
                and move.state == "posted"
                and move.is_sale_document(include_receipts=True)
            )
        )

    @api.depends("company_id", "line_ids.counts")
    def _compute_bank_account(self):
        """In words; that of each currency where the invoices name several."""
        self._fetch_banks()
        for followup in self:
            banks = followup._get_banks()
            texts = {currency: self._get_bank_text(bank) for currency, bank in banks.items()}
            if len(set(texts.values())) > 1:
                texts = {currency: f"{currency.name}: {text}" for currency, text in texts.items() if text}
            followup.bank_account = "; ".join(dict.fromkeys(texts.values()))

    def _fetch_banks(self):
        """Read the accounts of all these at once: those that the invoices name, and those of the companies."""
        self.line_ids.move_id.partner_bank_id.fetch(["acc_number", "bank_id", "active"])
        self.company_id.partner_id.bank_ids.fetch(["acc_number", "bank_id"])

    def _get_banks(self):
        """Where the customer pays what is listed: {currency: bank account}, which may be empty.

        That which the invoices of the currency name, since each may have its own, or a factor's; the first one of the
        company if they name none, several, or one that is closed.
        """
        self.ensure_one()
        first = self.company_id.partner_id.bank_ids[:1]
        named = defaultdict(set)
        for line in self.line_ids.filtered("counts").move_line_id:
            move, found = line.move_id, named[line.currency_id]
            if move.move_type in INVOICE_TYPES and move.partner_bank_id.active:  # a credit note names the customer's
                found.add(move.partner_bank_id)
        banks = {currency: next(iter(found)) if len(found) == 1 else first for currency, found in named.items()}
        return banks or {self.currency_id: first}

    @api.model
    def _get_bank_text(self, bank):
        return " · ".join(filter(None, [bank.acc_number, bank.bank_id.name, bank.bank_bic and f"BIC {bank.bank_bic}"]))

    def _get_payment_qr(self):
        """Core's QR code to pay what is asked for, as an image's data; empty unless the bank account allows it.

        What the server lacks for drawing it must not stop the letter, which names the account.
        """
        self.ensure_one()
        lines = self.line_ids.filtered("counts").move_line_id
        currency = lines.currency_id
        bank = self._get_banks().get(currency) if len(currency) == 1 else None
        if not bank:
            return ""
        today = self._get_items_day()
        items = [
            schedule.Item(line.id, line.date, line.date_maturity or line.date, line.amount_residual_currency)
            for line in lines
        ]
        amount = schedule.net(items, today)
        if currency.compare_amounts(amount, 0) <= 0:
            return ""
        try:
            return bank.build_qr_code_base64(amount, self.reference, "", currency, self.partner_id) or ""
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except Exception:
            _logger.warning("The letter %s has no QR code", self.reference, exc_info=True)
            return ""

    @api.depends("line_ids.move_id")
    @api.depends_context("lang")
    def _compute_previous_reminders(self):
        """The days on which the same customer heard of any of these invoices before, oldest first."""
        done = self.env["account.escalation.followup.line"].search(
            [
                ("move_id", "in", self.line_ids.move_id.ids),
                ("followup_id.state", "=", "done"),
                ("followup_id.is_contact", "=", True),
                ("is_left_out", "!=", True),
            ]
        )
        by_move = done.grouped("move_id")
        for followup in self:
            lines = done.concat(*(by_move.get(move, done.browse()) for move in followup.line_ids.move_id))
            others = lines.followup_id.filtered(
                lambda other, f=followup: other != f and other.partner_id == f.partner_id
            )
            days = set(others.mapped("date_done"))
            followup.previous_reminders = ", ".join(format_date(self.env, day) for day in sorted(filter(None, days)))

    # --- answers ------------------------------------------------------------------------------------------------------

    def _message_post_after_hook(self, message, msg_vals):
        """An answer of the customer is told on the invoice or the customer too, where people look."""
        res = super()._message_post_after_hook(message, msg_vals)
        if message.sudo().filtered_domain(ANSWERS):  # sudo: the mail gateway has no rights on authors
            for followup in self.sudo():  # sudo: the mail gateway has no rights on invoices
                followup._tell_answer(message)
        return res

    def _tell_answer(self, message):
        self.ensure_one()
        moves = self.line_ids.filtered("counts").move_id
        target = moves if len(moves) == 1 else self.partner_id
        text = self.env._(
            "%(author)s has answered to “%(followup)s”: %(subject)s",
            author=message.author_id.display_name or message.email_from or "",
            followup=self.display_name,
            subject=message.subject or "",
        )
        target._escalation_log(text)
