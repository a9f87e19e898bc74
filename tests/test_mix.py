"""Whatever the mix of items, currencies and languages: rows add up, none is missing, nothing reaches another customer.

The emails are read as they leave: text, table, attachments, addresses. What they should say is read from the accounting
entries alone.
"""

import re
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

import polib
from freezegun import freeze_time
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import html

from odoo import Command
from odoo.modules.module import get_module_path
from odoo.tests import new_test_user

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon

NAMES = ("Azure", "Boreal", "Cygnet")
COLLEAGUES = ("ada", "bob")
SYMBOLS = {"$": "USD", "€": "EUR", "¥": "JPY"}
GREETINGS = {"en_US": "Please pay", "de_DE": "Bitte zahlen", "fr_FR": "Merci de payer", "it_IT": "Si prega di pagare"}
INVOICES = ("invoice", "instalments")
DATES = {"en_US": "%m/%d/%Y", "de_DE": "%d.%m.%Y", "fr_FR": "%d/%m/%Y", "it_IT": "%d/%m/%Y"}
SEPARATORS = {"en_US": (",", "."), "de_DE": (".", ","), "fr_FR": ("\N{NO-BREAK SPACE}", ","), "it_IT": (".", ",")}
HEADINGS = {"Overdue": "overdue", "Not yet due": "upcoming", "Credits": "credit"}

# an example takes a second: no shrinking, and none of the checks of speed
few = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=4,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


# --- random facts -----------------------------------------------------------------------------------------------------


class Item(NamedTuple):
    kind: str  # invoice, instalments, credit, payment (not allocated), balance (of the old books)
    amount: int
    due: int  # days from today
    currency: str
    paid: int  # percent
    to_contact: bool
    is_planned: bool
    is_excluded: bool
    has_pdf: bool


class Customer(NamedTuple):
    lang: str
    contact_lang: str
    has_chosen: bool  # the contact gets the follow-ups
    colleagues: frozenset
    items: list


class Mix(NamedTuple):
    level: str  # invoice, statement; of customers: overdue, unpaid (the scope), summary
    is_grouped: bool
    customers: list


rarely, mostly = st.sampled_from([False] * 7 + [True]), st.sampled_from([True] * 7 + [False])
langs = st.sampled_from(list(GREETINGS))
items = st.builds(
    Item,
    kind=st.sampled_from(["invoice", "invoice", "invoice", "instalments", "credit", "payment", "balance"]),
    amount=st.integers(1, 999) | st.integers(1, 9_999_999),
    due=st.sampled_from([-90, -40, -17, -1, 0, 1, 30]),
    currency=st.sampled_from(["USD", "USD", "EUR", "JPY"]),
    paid=st.sampled_from([0, 0, 0, 30, 100]),
    to_contact=st.booleans(),
    is_planned=mostly,
    is_excluded=rarely,
    has_pdf=mostly,
)
customers = st.builds(
    Customer,
    lang=langs,
    contact_lang=langs,
    has_chosen=st.booleans(),
    colleagues=st.frozensets(st.sampled_from(COLLEAGUES)),
    items=st.lists(items, min_size=2, max_size=5),
)


def mixes(level):
    return st.builds(Mix, st.just(level), st.booleans(), st.lists(customers, min_size=2, max_size=3))


# --- the world that they describe -------------------------------------------------------------------------------------


class Built(NamedTuple):
    """A customer of the mix, in the database."""

    partner: object
    contact: object
    open: list  # of Row: what is open in the books
    marks: set  # texts that no other customer may see


class Row(NamedTuple):
    """An open item; in an email, one row of the table."""

    number: str
    kind: str
    due: str  # as the customer writes dates; none for a credit
    days: int  # overdue
    currency: str
    amount: Decimal
    page: int  # the invoice that its link opens; 0 if none


class UndoError(Exception):
    """Ends an example."""


@freeze_time(f"{MONDAY} 10:00:00")
class TestMix(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.currencies = {"USD": cls.company.currency_id}
        for code, rate in (("EUR", 0.8), ("JPY", 150.0)):
            cls.currencies[code] = cls.setup_other_currency(code, rates=[("1900-01-01", rate)])
        cls.headings = {}
        for lang, greeting in GREETINGS.items():
            cls.env["res.lang"]._activate_lang(lang)
            cls.template.with_context(lang=lang).write(
                {
                    "subject": f"{greeting} {{{{ object.invoice_names }}}}",
                    "body_html": f'<p class="greeting">{greeting}</p><p class="asked"><t t-out="object.total_due"/></p>'
                    '<t t-out="object.items_table"/>',
                }
            )
            cls.headings[lang] = cls._get_headings(lang)
        cls.env["ir.module.module"]._load_module_terms(["account_escalation"], list(GREETINGS))
        cls.term = cls.env["account.payment.term"].create(
            {
                "name": "Three",
                "line_ids": [
                    Command.create({"value_amount": share, "nb_days": days, "delay_type": "days_after"})
                    for share, days in ((33.0, 10), (33.0, 40), (34.0, 70))
                ],
            }
        )
        cls.colleagues = {
            name: new_test_user(cls.env, name, email=f"{name}@ours.example.com", company_id=cls.company.id, lang=lang)
            for name, lang in zip(COLLEAGUES, ("en_US", "de_DE"), strict=True)
        }

    @classmethod
    def _get_headings(cls, lang):
        """{heading in a language: kind of the block}, with the labels of the totals."""
        known = {**HEADINGS, "Amount to pay now": "total", "Balance of your account": "balance"}
        if lang == "en_US":
            return known
        texts = polib.pofile(f"{get_module_path('account_escalation')}/i18n/{lang[:2]}.po")
        return {entry.msgstr: known[entry.msgid] for entry in texts if entry.msgid in known}

    def _build(self, mix):
        """Customers, contacts, entries and the plan: (plan, list of Built)."""
        plan = self._create_mixed_plan(mix)
        partners = self._build_customers(mix.customers)
        wanted = [
            (number, item, partner, contact)
            for (partner, contact), customer in zip(partners, mix.customers, strict=True)
            for number, item in enumerate(customer.items, 100 * len(partner.name))
        ]
        self._build_moves(wanted, plan)
        if plan.level != "invoice":
            field = "escalation_summary_plan_id" if mix.level == "summary" else "escalation_plan_id"
            for partner, _contact in partners:
                partner[field] = plan
        self.env.flush_all()
        return plan, [self._look_up(*pair) for pair in partners]

    def _create_mixed_plan(self, mix):
        level = {"statement": "invoice", "overdue": "customer", "unpaid": "customer"}.get(mix.level, mix.level)
        tone = "statement" if mix.level in ("statement", "summary") else "first"
        return self._create_plan(
            self._step(0 if level == "summary" else 1, tone=tone, to_internal=True),
            level=level,
            next_run_date=MONDAY,
            invoice_scope="unpaid" if mix.level == "unpaid" else "overdue",
            workdays_only=False,
            group_by_customer=mix.is_grouped,
            attach_invoices=True,
        )

    def _build_customers(self, wanted):
        """Pairs of customer and contact."""
        pairs = list(zip(NAMES, wanted, strict=False))
        email = "{}@example.com".format
        partners = self.env["res.partner"].create(
            [
                {
                    "name": name,
                    "is_company": True,
                    "email": email(name.lower()),
                    "lang": customer.lang,
                    "escalation_internal_user_ids": [
                        self.colleagues[login].id for login in sorted(customer.colleagues)
                    ],
                }
                for name, customer in pairs
            ]
        )
        contacts = self.env["res.partner"].create(
            [
                {
                    "name": f"{name} Clerk",
                    "parent_id": partner.id,
                    "email": email(f"{name}.clerk".lower()),
                    "lang": customer.contact_lang,
                    "type": "other",
                    "escalation_is_contact": customer.has_chosen,
                }
                for partner, (name, customer) in zip(partners, pairs, strict=True)
            ]
        )
        return list(zip(partners, contacts, strict=True))

    def _build_moves(self, wanted, plan):
        moves = self.env["account.move"]
        entries = moves.create([self._prepare_entry(*entry) for entry in wanted])
        paid = [(entry, move) for entry, move in zip(wanted, entries, strict=True) if self._is_paid(entry[1])]
        receipts = moves.create([self._prepare_receipt(move, *entry) for entry, move in paid])
        (entries | receipts).action_post()
        for (_entry, move), receipt in zip(paid, receipts, strict=True):
            lines = (move | receipt).line_ids
            lines.filtered(lambda line: line.account_type == "asset_receivable").reconcile()

        def where(is_wanted):
            pairs = zip(wanted, entries, strict=True)
            return moves.concat(*(move for (_number, item, *_partners), move in pairs if is_wanted(item)))

        where(lambda item: item.kind == "balance" and not item.is_excluded).no_followup = False
        where(lambda item: item.is_excluded).no_followup = True
        if plan.level == "invoice":
            where(lambda item: item.kind in INVOICES and item.is_planned).escalation_plan_id = plan
        self._attach(where(lambda item: item.kind in (*INVOICES, "credit") and item.has_pdf))

    def _attach(self, moves):
        """Give invoices their PDFs, each like no other; core makes the missing ones."""
        common = {"mimetype": "application/pdf", "res_model": "account.move", "res_field": "invoice_pdf_report_file"}
        self.env["ir.attachment"].create(
            [
                {**common, "name": self._pdf_name(move.name), "raw": f"%PDF of {move.name}", "res_id": move.id}
                for move in moves
            ]
        )
        moves.invalidate_recordset()

    def _is_paid(self, item):
        return item.kind in INVOICES and item.paid

    def _prepare_entry(self, number, item, partner, contact):
        """An amount like no other: its last digits are those of the item."""
        amount = item.amount * 1000 + number
        amount = float(amount) if item.currency == "JPY" else amount / 100
        common = {"currency_id": self.currencies[item.currency].id, "company_id": self.company.id}
        due = MONDAY + timedelta(days=item.due)
        if item.kind in ("payment", "balance"):
            return {**common, **self._prepare_ledger_values(number, item, amount, partner, due)}
        values = {
            "move_type": "out_refund" if item.kind == "credit" else "out_invoice",
            "partner_id": (contact if item.to_contact else partner).id,
            "invoice_date": due - timedelta(days=40),
            "invoice_date_due": due,
            "ref": f"PO {partner.name} {number}",
            "invoice_line_ids": [Command.create({"name": "Chairs", "price_unit": amount, "tax_ids": []})],
        }
        if item.kind == "instalments":
            values["invoice_payment_term_id"] = self.term.id
        return {**common, **values}

    def _prepare_ledger_values(self, number, item, amount, partner, due):
        is_payment = item.kind == "payment"
        journal = self.company_data["default_journal_bank" if is_payment else "default_journal_misc"]
        sign, common = -1 if is_payment else 1, {"currency_id": self.currencies[item.currency].id}
        receivable = {
            **common,
            "name": f"{item.kind.title()} {partner.name} {number}",
            "account_id": self.company_data["default_account_receivable"].id,
            "partner_id": partner.id,
            "date_maturity": due,
            "amount_currency": sign * amount,
        }
        other = {
            **common,
            "account_id": self.company_data["default_account_revenue"].id,
            "amount_currency": -sign * amount,
        }
        return {
            "date": due - timedelta(days=40),
            "journal_id": journal.id,
            "line_ids": [Command.create(receivable), Command.create(other)],
        }

    def _prepare_receipt(self, move, number, item, partner, _contact):
        """A part of an invoice, or all of it, is paid."""
        paid = move.currency_id.round(move.amount_total * item.paid / 100)
        common = {"currency_id": move.currency_id.id, "company_id": self.company.id}
        return {**common, **self._prepare_ledger_values(number, item._replace(kind="payment"), paid, partner, MONDAY)}

    def _pdf_name(self, number):
        return f"{number.replace('/', '_')}.pdf"

    # --- what is right ------------------------------------------------------------------------------------------------

    def _look_up(self, partner, contact):
        """The books say what is open, whatever the addon thinks of it."""
        self.env.cr.execute(
            """
            SELECT m.id, m.name, m.move_type, l.name, l.date_maturity, c.name, l.amount_residual_currency,
                   l.amount_residual, m.escalation_plan_id, l.no_followup
              FROM account_move_line l JOIN account_move m ON m.id = l.move_id
              JOIN account_account a ON a.id = l.account_id AND a.account_type = 'asset_receivable'
              JOIN res_currency c ON c.id = l.currency_id
             WHERE l.partner_id IN %s AND l.parent_state = 'posted'
            """,
            [tuple((partner | contact).ids)],
        )
        found, marks = [], {partner.name, partner.email, contact.email}
        for move_id, move, move_type, line, due, currency, amount, in_company, plan, excluded in self.env.cr.fetchall():
            number = line if move_type == "entry" else move
            marks |= {move, number, self._pdf_name(move)}
            if in_company:
                facts = {"number": number, "move": move, "move_id": move_id, "type": move_type, "due": due}
                amounts = {"currency": currency, "amount": amount, "net": in_company}
                found.append({**facts, **amounts, "plan": plan, "out": excluded})
        return Built(partner, contact, found, marks)

    def _expect(self, mix, built):
        """Which of the open items the customer must be told of, by what the plan's level promises; none: no email."""
        free = [item for item in built.open if not item["out"]]
        overdue = [item for item in free if item["amount"] > 0 and item["due"] < MONDAY]
        credits_ = [item for item in free if item["amount"] < 0]
        if mix.level == "invoice":
            return [item for item in overdue if item["plan"]]
        if mix.level == "summary":
            return free
        if not overdue or sum(item["net"] for item in overdue + credits_) <= 0:
            return []
        if mix.level == "statement":
            return overdue + credits_ if any(item["plan"] for item in overdue) else []
        return free if mix.level == "unpaid" else overdue + credits_

    def _as_row(self, item, lang, has_links=True):
        kind = "credit" if item["amount"] < 0 else "overdue" if item["due"] < MONDAY else "upcoming"
        has_page = has_links and item["type"] in ("out_invoice", "out_refund")
        return Row(
            item["number"],
            kind,
            "" if kind == "credit" else item["due"].strftime(DATES[lang]),
            (MONDAY - item["due"]).days if kind == "overdue" else 0,
            item["currency"],
            Decimal(str(item["amount"])).quantize(Decimal(1 if item["currency"] == "JPY" else "0.01")),
            item["move_id"] if has_page else 0,
        )

    # --- reading an email ---------------------------------------------------------------------------------------------

    def _amount_pattern(self, lang):
        thousands, point = map(re.escape, SEPARATORS[lang])
        number = rf"-?\d{{1,3}}(?:{thousands}\d{{3}})*(?:{point}\d\d)?"
        return rf"(?:([$¥]) ({number})(?![\d.,])|({number}) (€))".replace(" ", "\N{NO-BREAK SPACE}")

    def _read_amounts(self, text, lang):
        """All amounts in a text, as (currency, Decimal)."""
        thousands, point = SEPARATORS[lang]
        return [
            (SYMBOLS[before or after], Decimal((one or other).replace(thousands, "").replace(point, ".")))
            for before, one, other, after in re.findall(self._amount_pattern(lang), text)
        ]

    def _read_amount(self, text, lang):
        self.assertRegex(text.strip(), rf"^{self._amount_pattern(lang)}$", "an amount as the customer writes it")
        [amount] = self._read_amounts(text, lang)
        return amount

    def _read_table(self, table, lang):
        """(rows, totals and balances, the currency of each of them in their order) of the table."""
        rows, totals, order, kind = [], [], [], None
        for row in table.iterchildren("tr"):
            texts = [cell.text_content() for cell in row]
            if row[0].get("colspan") == "2":
                totals.append((self.headings[lang][" ".join(texts[0].split())], *self._read_amount(texts[1], lang)))
                order.append(totals[-1][1])
            elif row[0].tag == "th":
                kind = self.headings[lang][" ".join(texts[0].split())]
            else:
                rows.append(self._read_row(row, kind, lang))
                order.append(rows[-1].currency)
        return rows, totals, order

    def _read_row(self, row, kind, lang):
        number, due, amount = row
        [link] = number.xpath(".//a/@href") or [""]
        currency, value = self._read_amount(amount.text, lang)
        name = number.xpath("b")[0].text_content()
        days = int(re.search(r"\d+", "".join(due.xpath("span/text()")) or "0")[0])
        page = int(link.rpartition("/")[2]) if "/my/follow-up/" in link else 0
        return Row(name, kind, (due.text or "").strip(), days, currency, value, page)

    # --- the properties -----------------------------------------------------------------------------------------------

    @few
    @given(mixes("invoice"))
    def test_plan_per_invoice(self, mix):
        self._try(mix)

    @few
    @given(mixes("statement"))
    def test_statement(self, mix):
        self._try(mix)

    @few
    @given(mixes("overdue"))
    def test_plan_per_customer(self, mix):
        self._try(mix)

    @few
    @given(mixes("unpaid"))
    def test_plan_per_customer_of_all_that_is_unpaid(self, mix):
        self._try(mix)

    @few
    @given(mixes("summary"))
    def test_summary(self, mix):
        self._try(mix)

    def _try(self, mix):
        """An example, of which nothing remains."""
        try:
            with self.env.cr.savepoint():
                self._check(mix)
                raise UndoError
        except UndoError:
            self.env.invalidate_all()

    def _check(self, mix):
        plan, customers = self._build(mix)
        followups = plan._run(MONDAY)
        mails = self.env["mail.mail"].search([("model", "=", followups._name), ("res_id", "in", followups.ids)])
        with self.mock_mail_gateway():
            mails.send()
        self.assertEqual(set(mails.mapped("state")) | {"sent"}, {"sent"}, mails.mapped("failure_reason"))
        sendable = followups.filtered(lambda followup: followup.reason != "to_reconcile")
        self.assertEqual(set(sendable.mapped("state")) | {"done"}, {"done"}, sendable.mapped("reason_detail"))
        sent = list(self._mails)
        for built in customers:
            addresses = {built.partner.email, built.contact.email}
            own = [mail for mail in sent if addresses & self._addresses_of(mail)]
            told = [mail for mail in sent if mail not in own and built.partner.name in mail["subject"]]
            expected = self._expect(mix, built)
            self._check_customer(mix, built, own, expected)
            self._check_colleagues(mix, built, told, expected)
            sent = [mail for mail in sent if mail not in own and mail not in told]
            others = [other for other in customers if other is not built]
            for mail in own + told:
                self._check_alone(mail, built, others, followups)
        self.assertFalse(sent, "emails to nobody we know")

    def _addresses_of(self, mail):
        return set(re.findall(r"[\w.]+@[\w.]+", " ".join([*mail["email_to"], *(mail["email_cc"] or [])])))

    def _check_customer(self, mix, built, mails, expected):
        """Every open item of the scope is there once; emails are one, unless each invoice is to have its own."""
        found = []
        for mail in mails:
            self.assertLessEqual(self._addresses_of(mail), {built.partner.email, built.contact.email})
            lang = self._check_language(mail, built)
            rows = self._check_sums(mix, mail, lang)
            found += rows
            listed = [item for item in expected if item["number"] in {row.number for row in rows}]
            self.assertCountEqual(rows, [self._as_row(item, lang) for item in listed])
            self._check_attachments(mail, listed)
        self.assertCountEqual([row.number for row in found], [item["number"] for item in expected])
        numbers = {item["number"] for item in expected}
        is_apart = mix.level == "invoice" and not mix.is_grouped
        self.assertEqual(len(mails), len(numbers) if is_apart else bool(numbers))

    def _check_language(self, mail, built):
        """Subject, text and table are in one language, that of who reads it."""
        tree = html.fromstring(mail["body"])
        [greeting] = tree.find_class("greeting")
        [lang] = [lang for lang, text in GREETINGS.items() if text == greeting.text_content()]
        readers = (built.partner | built.contact).filtered(lambda one: one.email in self._addresses_of(mail))
        self.assertIn(lang, readers.mapped("lang"))
        self.assertTrue(mail["subject"].startswith(GREETINGS[lang]))
        return lang

    def _check_sums(self, mix, mail, lang):
        """The amount to pay now, which the tables add up to, is that of the text too."""
        rows, to_pay = self._check_tables(mix, mail, lang)
        [text] = html.fromstring(mail["body"]).find_class("asked")
        self.assertCountEqual(self._read_amounts(text.text_content(), lang), to_pay or [("USD", 0)])
        return rows

    def _check_tables(self, mix, mail, lang):
        """One currency after the other; overdue less credits is the amount to pay now: (rows, amounts to pay)."""
        [block] = html.fromstring(mail["body"]).find_class("o_escalation_items")
        table, *others = block.iter("table")
        rows, totals, order = self._read_table(table, lang)
        currencies = [currency for index, currency in enumerate(order) if order[index - 1 : index] != [currency]]
        self.assertEqual(len(currencies), len(set(currencies)), "each currency stands apart, with its totals")
        to_pay, aged = [], []
        for currency in currencies:
            own = [row for row in rows if row.currency == currency]
            asked = sum(row.amount for row in own if row.kind in ("overdue", "credit"))
            right = [("total", currency, max(asked, 0))] if any(row.kind == "overdue" for row in own) else []
            to_pay += [total[1:] for total in right if total[2] > 0]
            if mix.level == "summary":
                right.append(("balance", currency, sum(row.amount for row in own)))
                aged.append(right[-1][1:])
            self.assertEqual([total for total in totals if total[1] == currency], right)
        self.assertCountEqual(self._read_ageing(others, lang), aged)
        return rows, to_pay

    def _read_ageing(self, tables, lang):
        """What all ages and the credits come to, which is the balance in the last row, as (currency, Decimal)."""
        columns = [column for table in tables for column in zip(*list(table.iter("tr"))[1:], strict=True)]
        found = [[self._read_amount(cell.text_content(), lang) for cell in column] for column in columns[1:]]
        for *ages, balance in found:
            self.assertEqual(sum(amount for _currency, amount in ages), balance[1])
        return [cells[-1] for cells in found]

    def _check_attachments(self, mail, listed):
        """The PDFs are those of the rows."""
        numbers = {item["move"] for item in listed if item["type"] != "entry"}
        names = [name for name, _content, _type in mail["attachments"]]
        self.assertCountEqual(names, [self._pdf_name(number) for number in numbers])
        made = {name: content.decode() for name, content, _type in mail["attachments"] if content[:4] == b"%PDF"}
        for number in numbers:
            self.assertEqual(made.get(self._pdf_name(number), f"%PDF of {number}"), f"%PDF of {number}")

    def _check_colleagues(self, mix, built, told, expected):
        """Those in charge of the customer are told of each email, with the same items, in their own language."""
        found = Counter()
        for mail in told:
            self.assertFalse(mail["attachments"])
            [address] = self._addresses_of(mail)
            [user] = [user for user in self.colleagues.values() if user.email == address]
            rows, _to_pay = self._check_tables(mix, mail, user.lang)
            listed = [item for item in expected if item["number"] in {row.number for row in rows}]
            self.assertCountEqual(rows, [self._as_row(item, user.lang, has_links=False) for item in listed])
            found.update((user, row.number) for row in rows)
        wanted = [(user, item["number"]) for user in built.partner.escalation_internal_user_ids for item in expected]
        self.assertEqual(found, Counter(wanted))

    def _check_alone(self, mail, built, others, followups):
        """No name, number, address, link or file of another customer."""
        parts = [mail["subject"], mail["body"], mail["body_alternative"], mail["reply_to"], mail["email_from"]]
        parts += [*mail["email_to"], *(mail["email_cc"] or ()), str(mail["headers"]), str(mail["references"])]
        parts += [f"{name} {content.decode()}" for name, content, _type in mail["attachments"]]
        text = " ".join(map(str, parts))
        for other in others:
            self.assertFalse([mark for mark in other.marks if re.search(rf"(?<!\w){re.escape(mark)}(?!\w)", text)])
        for followup_id in re.findall(r"/my/follow-up/(\d+)/", text):
            self.assertEqual(followups.browse(int(followup_id)).partner_id, built.partner)
        own = self.env["account.move"].browse({item["move_id"] for item in built.open})
        pages = re.findall(r"/my/follow-up/\d+/\d+/\w+/(\d+)", text)
        self.assertLessEqual(set(map(int, pages)), set(own.ids))
