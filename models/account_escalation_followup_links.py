import logging
import time
from collections import defaultdict

import psycopg2

from odoo import api, fields, models
from odoo.tools import format_date, str2bool
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

    def _get_open_lines(self):
        """All that the customer owes and has to its credit, as messages list it; oldest due first."""
        self.ensure_one()
        return self.env["account.move.line"].search(
            [
                ("company_id", "=", self.company_id.id),
                ("partner_id.commercial_partner_id", "=", self.partner_id.id),
                *FOLLOWED_RECEIVABLES,
            ],
            order="date_maturity, id",
        )

    def _get_balances(self):
        """What the customer owes, by currency: {currency: {"invoices" | "others" | "credits": amount}}.

        ``invoices`` are those of :meth:`_get_payable_moves`; ``others`` such as opening balances have no page.
        """
        payable = self._get_payable_moves()
        balances = defaultdict(lambda: dict.fromkeys(("invoices", "others", "credits"), 0.0))
        for line in self._get_open_lines():
            name = "invoices" if line.move_id in payable else "others"
            balances[line.currency_id]["credits" if line.amount_residual < 0 else name] += line.amount_residual_currency
        return balances

    def _get_open_blocks(self):
        """What the customer owes as a page shows it: what is overdue, which the message asks for, then the rest.

        :return: [{"kind", "name", "currency", "rows": receivables of invoices, "others" and "total": amounts}]
        """
        today, payable, names = self._get_items_day(), self._get_payable_moves(), self._get_block_names()
        owed = self._get_open_lines().filtered(lambda line: line.amount_residual > 0)
        late = owed.filtered(lambda line: (line.date_maturity or line.date) < today)
        blocks = []
        for kind, lines in (("overdue", late), ("upcoming", owed - late)):
            for currency, group in lines.grouped("currency_id").items():
                rows = group.filtered(lambda line: line.move_id in payable)
                total, others = (sum(some.mapped("amount_residual_currency")) for some in (group, group - rows))
                head = {"kind": kind, "name": names[kind], "currency": currency}
                blocks.append({**head, "rows": rows, "others": others, "total": total})
        return blocks

    def _get_instalment_of(self, line):
        """Which instalment of its invoice it is, in words; empty for the only one."""
        terms = line.move_id.line_ids.filtered(lambda term: term.display_type == "payment_term")
        ranks = terms.sorted(lambda term: (term.date_maturity or term.date, term.id)).ids
        return self._get_instalment_text(ranks.index(line.id) + 1) if len(ranks) > 1 else ""

    def _is_paid_online(self):
        """Whether core's page of an invoice offers to pay it, as core decides that: by a provider, if it is allowed."""
        self.ensure_one()
        settings = self.env["ir.config_parameter"].sudo()  # sudo: as core's page, which anybody may see
        is_allowed = str2bool(settings.get_param("account_payment.enable_portal_payment", ""), False)
        if not is_allowed or "payment.provider" not in self.env:
            return False
        providers = self.env["payment.provider"].sudo()  # sudo: as core's page
        ours = providers._check_company_domain(self.company_id)
        enabled = [("state", "in", ("enabled", "test")), ("is_published", "=", True)]
        return bool(providers.search_count([*ours, *enabled], limit=1))

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
            followup.bank_account = followup._get_bank_text(followup.line_ids.filtered("counts").move_line_id)

    def _fetch_banks(self):
        """Read the accounts of all these at once that the invoices name, as most do."""
        self.line_ids.move_id.partner_bank_id.fetch(["acc_number", "bank_id", "active"])

    def _get_banks(self, lines):
        """Where the customer pays these receivables: {currency: bank account}, which may be empty.

        That which the invoices of the currency name, since each may have its own, or a factor's; the first one of the
        company if they name none, several, or one that is closed.
        """
        self.ensure_one()
        named = defaultdict(set)
        for line in lines:
            move, found = line.move_id, named[line.currency_id]
            if move.move_type in INVOICE_TYPES and move.partner_bank_id.active:  # a credit note names the customer's
                found.add(move.partner_bank_id)
        if not named:
            return {self.currency_id: self._get_first_bank()}
        return {
            currency: found.pop() if len(found) == 1 else self._get_first_bank() for currency, found in named.items()
        }

    def _get_first_bank(self):
        return self.company_id.partner_id.bank_ids[:1]

    def _get_bank_text(self, lines):
        """Where the customer pays these receivables, in words."""
        texts = {}
        for currency, bank in self._get_banks(lines).items():
            bic = bank.bank_bic and f"BIC {bank.bank_bic}"
            texts[currency] = " · ".join(filter(None, [bank.acc_number, bank.bank_id.name, bic]))
        if len(set(texts.values())) > 1:
            texts = {currency: f"{currency.name}: {text}" for currency, text in texts.items() if text}
        return ";\n".join(dict.fromkeys(texts.values()))

    def _get_payment_qr(self):
        """Core's QR code to pay what is asked for, as an image's data; empty unless the bank account allows it.

        What the server lacks for drawing it must not stop the letter, which names the account.
        """
        self.ensure_one()
        lines = self.line_ids.filtered("counts").move_line_id
        currency = lines.currency_id
        bank = self._get_banks(lines).get(currency) if len(currency) == 1 else None
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
