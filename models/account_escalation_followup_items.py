from collections import defaultdict
from datetime import timedelta
from functools import cache, partial
from operator import itemgetter, methodcaller
from secrets import token_hex

from odoo import api, fields, models
from odoo.tools import format_date, formatLang, get_lang, ormcache

from ..tools.invoices import INVOICE_TYPES
from .account_escalation_step import FOLLOWUP_MODEL

ITEMS_CLASS = "o_escalation_items"
AGES = (1, 31, 61, 91)  # days overdue at which a column of the ageing begins
CREDITS, BALANCE = len(AGES) + 1, len(AGES) + 2  # its last columns
NAMES_SHOWN = 3  # invoice numbers in a subject; the table has them all


class AccountEscalationFollowup(models.Model):
    """What a text can say of the items: table, totals, dates; in the language and number formats of the context."""

    _inherit = FOLLOWUP_MODEL

    items_table = fields.Html(compute="_compute_items", compute_sudo=True, sanitize=False, string="Table of Items")
    total_due = fields.Char(compute="_compute_items", compute_sudo=True, string="Amount to Pay Now")
    invoice_names = fields.Char(compute="_compute_items", compute_sudo=True, string="Invoice Numbers")
    oldest_due_date = fields.Char(compute="_compute_items", compute_sudo=True)
    days_overdue = fields.Integer(compute="_compute_items", compute_sudo=True)
    date_in_7_days = fields.Char(compute="_compute_items", compute_sudo=True, string="Date in 7 Days")
    date_in_10_days = fields.Char(compute="_compute_items", compute_sudo=True, string="Date in 10 Days")

    @api.depends("line_ids.counts", "line_ids.move_line_id.amount_residual_currency", "line_ids.move_id.name")
    @api.depends_context("lang", "escalation_today")
    def _compute_items(self):
        """Fill the placeholders of all follow-ups with a few queries, whatever their number."""
        self._fetch_items()
        formats = self._get_formats()
        for view, followups in self.grouped(methodcaller("_get_items_view")).items():
            documents = [followup._prepare_items_values(*formats) for followup in followups]
            tables = self._render_items(view, documents)
            for followup, values, table in zip(followups, documents, tables, strict=True):
                followup.items_table = table
                followup.total_due = values["total_due"]
                followup.invoice_names = values["invoice_names"]
                followup.oldest_due_date = values["oldest_due_date"]
                followup.days_overdue = values["days_overdue"]
                followup.date_in_7_days = values["date_in_7_days"]
                followup.date_in_10_days = values["date_in_10_days"]

    @api.model
    def mail_allowed_qweb_expressions(self):
        """Plain fields that any user may put into a template; they also take the fast way of rendering."""
        return super().mail_allowed_qweb_expressions() + tuple(f"object.{path}" for path in self._get_placeholders())

    @api.model
    def _get_placeholders(self):
        return (
            "items_table",
            "total_due",
            "invoice_names",
            "oldest_due_date",
            "days_overdue",
            "date_in_7_days",
            "date_in_10_days",
            "payment_link",
            "bank_account",
            "previous_reminders",
            "lang",
            "display_name",
            "notice_purpose",
            "notice_items",
            "notice_links",
            "partner_id.name",
            "company_id.name",
            "company_id.phone",
            "company_id.email",
            "user_id.name",
            "user_id.email",
            "user_id.phone",
            "user_id.signature",
        )

    @api.model
    def _get_formats(self):
        """Cached formatters, since the same texts come again and again in a batch: of dates, amounts and instalments;
        and headings.
        """
        lang = get_lang(self.env).code
        currencies = self.env["res.currency"]

        @cache
        def amount_text(amount, currency_id):
            return formatLang(self.env, amount, currency_obj=currencies.browse(currency_id))

        instalment_text = cache(self._get_instalment_text)
        return partial(self._format_day, lang), amount_text, self._get_block_names(), instalment_text

    @api.model
    def _get_instalment_text(self, rank):
        return self.env._("Instalment %s", rank)

    @api.model
    def _get_block_names(self):
        """The blocks of the table, in their order."""
        return {
            "overdue": self.env._("Overdue"),
            "upcoming": self.env._("Not yet due"),
            "promise": self.env._("Payment promised"),
            "dispute": self.env._("Disputed"),
            "credit": self.env._("Credits"),
        }

    @api.model
    @ormcache("lang", "day")
    def _format_day(self, lang, day):
        """Cached beyond the batch: there are few days, and each takes longer than a row of the table."""
        return format_date(self.env, day, lang_code=lang)

    def _fetch_items(self):
        """Read all items at once: each follow-up by itself would query its own."""
        self.line_ids.move_line_id.fetch(
            [
                "move_id",
                "name",
                "date_maturity",
                "date",
                "currency_id",
                "amount_currency",
                "amount_residual_currency",
                "amount_residual",
            ]
        )
        self.line_ids.move_id.fetch(
            [
                "name",
                "ref",
                "invoice_date",
                "date",
                "move_type",
                "partner_bank_id",
                "amount_residual",
                "payment_reference",
                "escalation_hold",
                "escalation_hold_until",
            ]
        )
        self.filtered(lambda followup: followup.channel != "call").mapped("bank_account")
        self._fetch_pdfs()

    def _get_items_view(self):
        self.ensure_one()
        return "account_escalation.items_table" + ("_letter" if self.channel == "letter" else "")

    @api.model
    def _render_items(self, view, documents):
        """The tables of items of many follow-ups in one go: each by itself takes twice the time.

        :param documents: list of values, as :meth:`_prepare_items_values` answers
        :return: list of markup
        """
        separator = token_hex()
        values = {"documents": documents, "separator": separator}
        return self.env["ir.qweb"]._render(view, values, minimal_qcontext=True).split(separator)[:-1]

    def _get_items_day(self):
        """The day from which the customer counts: that of the run, else the company's today."""
        self.ensure_one()
        return self.env.context.get("escalation_today") or self.company_id._escalation_today()

    def _prepare_items_values(self, date_text, amount_text, block_names, instalment_text):
        """What the table of items shows, as texts, in blocks: overdue, not yet due, credits."""
        self.ensure_one()
        today = self._get_items_day()
        is_email = self.channel == "email"
        link = is_email and self.payment_link
        # the list of a done follow-up is that of its email, with what was left out since
        listed = {line.move_line_id: line for line in self.line_ids if line.counts and line.move_line_id}
        rows = [
            self._prepare_item_values(receivable, link, today, date_text, amount_text)
            | {"instalment": line._is_instalment() and instalment_text(line.instalment)}
            for receivable, line in listed.items()
        ]
        rows.sort(key=itemgetter("maturity", "id"))
        is_overdue = any(row["kind"] == "overdue" for row in rows)
        payable = [row for row in rows if is_overdue and row["kind"] in ("overdue", "credit")]
        tables = self._get_tables(rows, payable, amount_text, block_names)
        totals = self._get_total_texts(payable, amount_text)
        if not totals and (is_overdue or self.level == "summary"):
            totals = [amount_text(0.0, self.currency_id.id)]  # credits cover what is due
        kinds = list(block_names)
        oldest = next((row["maturity"] for row in rows if row["residual"] > 0), None)
        return {
            "is_linked": is_email and self._is_linked(),
            "payment_link": link,
            "bank_account": is_email and self.bank_account,
            "tables": tables,
            "has_reference": any(row["reference"] for row in rows),
            "has_credits": any(row["residual"] < 0 for row in rows),
            "ageing": self._get_ageing(rows, today, amount_text) if self.level == "summary" else [],
            # nothing is overdue yet: the total that a courtesy reminder speaks of
            "total_due": " + ".join(totals or self._get_total_texts(rows, amount_text)),
            "invoice_names": self._get_invoice_names(sorted(rows, key=lambda row: kinds.index(row["kind"]))),
            "oldest_due_date": date_text(oldest) if oldest else "",
            "days_overdue": max(0, (today - (oldest or today)).days),
            "date_in_7_days": date_text(today + timedelta(days=7)),
            "date_in_10_days": date_text(today + timedelta(days=10)),
        }

    def _get_tables(self, rows, payable, amount_text, block_names):
        """One table for each currency: its blocks, the amount to pay now, in a summary the balance."""
        self.ensure_one()
        is_summary = self.level == "summary"
        tables = []
        for currency_id in dict.fromkeys(row["currency_id"] for row in rows):
            own = [row for row in rows if row["currency_id"] == currency_id]
            asked = [row for row in payable if row["currency_id"] == currency_id]
            blocks = [
                {"kind": kind, "name": name, "rows": [row for row in own if row["kind"] == kind]}
                for kind, name in block_names.items()
            ]
            covered = [amount_text(0.0, currency_id)] if any(row["kind"] == "overdue" for row in own) else []
            tables.append(
                {
                    "blocks": [block for block in blocks if block["rows"]],
                    "totals": self._get_total_texts(asked, amount_text) or covered,
                    "balances": self._get_total_texts(own, amount_text, True) if is_summary else [],
                }
            )
        return tables

    def _prepare_item_values(self, line, link, today, date_text, amount_text):
        """One row of the table: texts for the customer, and the values that the totals are made of.

        :param link: to all that the customer owes; empty for none
        """
        move, due, currency_id = line.move_id, line.date_maturity or line.date, line.currency_id.id
        residual, is_invoice = line.amount_residual_currency, not move.is_entry()
        kind = "credit" if residual < 0 else "overdue" if due < today else "upcoming"
        if self.level == "summary":
            kind = self._get_hold_shown(move, today) or kind
        return {
            "id": line.id,
            "kind": kind,
            "maturity": due,
            "residual": residual,
            "currency_id": currency_id,
            "number": move.name if is_invoice else line.name or move.name,
            "reference": (is_invoice and move.ref) or "",
            "payment_reference": self._get_payment_reference(move),
            "issued": date_text(move.invoice_date or move.date),
            "due": date_text(due),
            # a link of ours, since core's own takes a write on each invoice beforehand; other entries have no page
            "url": f"{link}/{move.id}" if link and move.is_sale_document(include_receipts=True) else "",
            "days": (today - due).days if kind == "overdue" else "",
            "amount": amount_text(line.amount_currency, currency_id),
            "open": amount_text(residual, currency_id),
        }

    @api.model
    def _get_payment_reference(self, move):
        """What the customer must name in the transfer, in some countries by law, where it is not the number."""
        is_told = move.move_type in INVOICE_TYPES and move.payment_reference != move.name
        return (is_told and move.payment_reference) or ""

    def _get_hold_shown(self, move, today):
        """A promise or dispute of today, of the invoice or the customer: a summary shows it, but asks for nothing."""
        self.ensure_one()
        # sudo: so that it is shown to whoever may read the follow-up
        customer = self.partner_id.with_company(self.company_id).sudo()
        for held in (move, customer):
            end = held.escalation_hold_until
            if held.escalation_hold in ("promise", "dispute") and (not end or end >= today):
                return held.escalation_hold
        return ""

    @api.model
    def _get_total_texts(self, rows, amount_text, is_signed=False):
        """One total per currency; by default only of those in which the customer owes something."""
        totals = defaultdict(float)
        for row in rows:
            totals[row["currency_id"]] += row["residual"]
        currencies = self.env["res.currency"]
        return [
            amount_text(total, currency_id)
            for currency_id, total in totals.items()
            if is_signed or currencies.browse(currency_id).compare_amounts(total, 0.0) > 0
        ]

    @api.model
    def _get_ageing(self, rows, today, amount_text):
        """What is open by age, one list for each currency, that ties with the balance.

        :return: [[not due, 1-30, 31-60, 61-90, over 90 days, credits, balance]], as texts
        """
        ages = defaultdict(lambda: [0.0] * (len(AGES) + 3))
        for row in rows:
            late = (today - row["maturity"]).days
            column = CREDITS if row["residual"] < 0 else sum(late >= days for days in AGES)
            ages[row["currency_id"]][column] += row["residual"]
            ages[row["currency_id"]][BALANCE] += row["residual"]
        return [[amount_text(amount, currency_id) for amount in buckets] for currency_id, buckets in ages.items()]

    @api.model
    def _get_invoice_names(self, rows):
        names = list(dict.fromkeys(row["number"] for row in rows))
        more = len(names) - NAMES_SHOWN
        return ", ".join(names[:NAMES_SHOWN]) + (f" (+{more})" if more > 0 else "")

    def _refresh_amounts(self):
        """Write down the present open amounts; tell whether what was written before is out of date."""
        self.ensure_one()
        was_outdated = self.is_outdated
        self.is_outdated = False
        changed = self.line_ids.filtered(
            lambda line: (
                line.counts
                and line.move_line_id
                and self.currency_id.compare_amounts(line.amount_residual, line.move_line_id.amount_residual)
            )
        )
        for line in changed.sudo():  # sudo: nobody writes history by hand
            line.amount_residual = line.move_line_id.amount_residual
        return bool(changed) or was_outdated
