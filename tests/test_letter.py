"""Letters: real PDFs by the real wkhtmltopdf, alone and by the hundred in one document."""

import io
import re
from importlib.util import find_spec
from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger
from odoo.tools.pdf import OdooPdfFileReader

from odoo.addons.account_escalation.models.account_escalation_step import FOLLOWUP_MODEL
from odoo.addons.account_escalation.models.ir_actions_report import UNPATCHED_ZOOM
from odoo.addons.account_escalation.tests.common import EscalationCommon, day
from odoo.addons.base.models import ir_actions_report
from odoo.addons.base.models.ir_actions_report import WkhtmlInfo

TODAY = day("11-02")
DUE = day("10-16")


def pages_of(pdf):
    """The text of each page; builds of wkhtmltopdf differ in their white space."""
    return [" ".join(page.extract_text().split()) for page in OdooPdfFileReader(io.BytesIO(pdf), strict=False).pages]


class TestLetter(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param("report.print_delay", "1")
        cls.env.user.name = "Pia Accountant"
        cls.company.write({"name": "Nordlicht Möbel", "street": "Hafenweg 3", "zip": "24103", "city": "Kiel"})
        cls.plan = cls._create_plan(
            cls._step(5, "letter", tone="second", template_id=False), responsible_id=cls.env.user.id
        )

    def setUp(self):
        super().setUp()
        self.calls = []
        run = ir_actions_report._run_wkhtmltopdf
        self.patch(ir_actions_report, "_run_wkhtmltopdf", lambda args: self.calls.append(args) or run(args))

    def _print(self, *customers):
        """The plan's letters to these customers, one invoice each, in that order; and the pages of each."""
        for customer in customers:
            self._create_invoice(DUE, self.plan, partner=customer, ref=f"PO of {customer.name}")
        letters = self.plan._run(TODAY)
        self.assertEqual(set(letters.mapped("state")), {"todo"}, letters.mapped("reason_detail"))
        self.assertEqual(letters.partner_id.ids, [customer.id for customer in customers])
        return letters, [pages_of(letter.attachment_ids.raw) for letter in letters]

    def test_one_letter(self):
        letter, [[page]] = self._print(self.customer)
        self.assertEqual(len(self.calls), 1)
        number = letter.move_ids.name
        for text in (
            "Nordlicht Möbel · Hafenweg 3 · 24103 Kiel",  # above the address, for the window
            "Azure Interior",
            "10115 Berlin",
            "11/02/2026",
            "Overdue payment",
            number,
            "PO of Azure Interior",
            "10/16/2026",
            "100.00",
            "Amount to pay now",
            "Yours sincerely,",
            "Pia Accountant",
        ):
            self.assertIn(text, page)
        self.assertEqual(page.count(letter.reference), 1)
        self.assertRecordValues(letter.attachment_ids, [{"mimetype": "application/pdf", "res_id": letter.id}])

    def test_company_s_particulars_at_the_foot(self):
        """By default its numbers; what it prints on its documents takes their place."""
        self.company.write({"vat": "DE123456788", "company_registry": "HRB 4711 Kiel"})
        _letters, [[page]] = self._print(self.customer)
        self.assertLess(page.index("Yours sincerely"), page.index("DE123456788"))
        self.assertIn("HRB 4711 Kiel", page)
        self.company.report_footer = "<p>Managing director: <b>Ida Nord</b><br/>Amtsgericht Kiel</p>"
        _letters, [[page]] = self._print(self._create_customer("Deco Addict"))
        self.assertRegex(page, "Managing director: Ida Nord Amtsgericht Kiel$")
        self.assertNotIn("HRB", page)

    def test_three_letters_are_printed_in_one_go_and_cut(self):
        names = ["Azure Interior", "Deco Addict", "Gemini Furniture"]
        letters, texts = self._print(self.customer, *map(self._create_customer, names[1:]))
        self.assertEqual(len(self.calls), 1)
        for letter, name, pages in zip(letters, names, texts, strict=True):
            self.assertEqual(len(pages), 1)
            self.assertIn(letter.reference, pages[0])
            self.assertEqual([other for other in names if other in pages[0]], [name])
            self.assertEqual(
                [move for move in letters.move_ids.mapped("name") if move in pages[0]], [letter.move_ids.name]
            )

    def test_a_letter_of_two_pages_among_others(self):
        long = self._create_customer("Many Invoices")
        for number in range(40):
            self._create_invoice(DUE, self.plan, partner=long, amount=1000.0 + number)
        last = self._create_customer("Zenith")
        self._create_invoice(DUE, self.plan, partner=self.customer)
        self._create_invoice(DUE, self.plan, partner=last)
        letters = self.plan._run(TODAY)
        texts = {letter.partner_id: pages_of(letter.attachment_ids.raw) for letter in letters}
        self.assertEqual(len(self.calls), 1)
        self.assertEqual({partner.name: len(pages) for partner, pages in texts.items()}, {
            "Azure Interior": 1, "Many Invoices": 2, "Zenith": 1
        })  # fmt: skip
        whole = "\n".join(texts[long])
        for move in letters.filtered(lambda letter: letter.partner_id == long).move_ids:
            self.assertEqual(whole.count(move.name), 1)
        self.assertIn("40,780.00", texts[long][1])  # the total, at the end
        self.assertIn("Zenith", texts[last][0])

    def test_each_letter_in_its_language(self):
        self.env["res.lang"]._activate_lang("de_DE")
        template = self.env.ref("account_escalation.mail_template_letter_second")
        template.with_context(lang="de_DE").subject = "Offene Rechnung"
        german = self._create_customer("Lindner", lang="de_DE")
        letters, [[english_page], [german_page]] = self._print(self.customer, german)
        self.assertEqual(letters.mapped("lang"), ["en_US", "de_DE"])
        self.assertEqual(len(self.calls), 1)
        self.assertIn("10/16/2026", english_page)
        self.assertIn("Overdue payment", english_page)
        self.assertIn("16.10.2026", german_page)
        self.assertIn("02.11.2026", german_page)
        self.assertIn("100,00", german_page)
        self.assertIn("Offene Rechnung", german_page)

    def test_printed_one_by_one_if_the_cut_is_uncertain(self):
        self._create_invoice(DUE, self.plan, partner=self._create_customer("Confusing"), ref="FU-999999")
        self._create_invoice(DUE, self.plan)
        letters = self.plan._run(TODAY)
        self.assertEqual(len(self.calls), 3)  # both at once, in vain; then each
        for letter in letters:
            [page] = pages_of(letter.attachment_ids.raw)
            self.assertIn(letter.partner_id.name, page)
            self.assertIn(letter.reference, page)

    def _download(self, action):
        """The pages of the PDF that a click on Print gives."""
        kind, ids = re.fullmatch(r"/(web/content|account_escalation/letters)/([\d,]+)(?:\?.*)?", action["url"]).groups()
        if kind == "web/content":
            return pages_of(self.env["ir.attachment"].browse(int(ids)).raw)
        return pages_of(self.env[FOLLOWUP_MODEL].browse(map(int, ids.split(",")))._get_letters_pdf())

    def test_printing_several_gives_one_document(self):
        letters, _texts = self._print(self.customer, self._create_customer("Deco Addict"))
        files = self.env["ir.attachment"].search_count([])
        pages = self._download(letters.action_print())
        self.assertEqual(self.env["ir.attachment"].search_count([]), files, "what is printed again is not kept twice")
        self.assertEqual(len(self.calls), 1)
        self.assertEqual(len(pages), 2)
        for letter, page in zip(letters, pages, strict=True):
            self.assertIn(letter.reference, page)

    @freeze_time("2026-11-05 10:00:00")
    def test_made_anew_without_what_was_paid_since(self):
        paid, owed = (self._create_invoice(DUE, self.plan, amount=amount) for amount in (100.0, 250.0))
        letter = self.plan._run(TODAY)
        self._pay(paid, on=day("11-04"))
        self._pay(owed, 50.0, on=day("11-04"))
        [page] = self._download(letter.action_print())
        self.assertNotIn(paid.name, page)
        self.assertIn(owed.name, page)
        self.assertIn("200.00", page)
        self.assertIn("11/05/2026", page)

    def test_sent_to_the_address_on_the_invoice(self):
        branch = self.env["res.partner"].create(
            {
                "name": "Branch",
                "parent_id": self.customer.id,
                "type": "invoice",
                "street": "Side Street 9",
                "city": "Bonn",
            }
        )
        self._create_invoice(DUE, self.plan, partner=branch)
        [page] = pages_of(self.plan._run(TODAY).attachment_ids.raw)
        self.assertIn("Side Street 9", page)
        self.assertNotIn("Main Street 1", page)

    def test_a_qr_code_with_what_is_asked_for(self):
        """Drawn by core, in a way that a country's module adds."""
        self._create_bank("DE89370400440532013000")
        banks, asked = self.env.registry["res.partner.bank"], []

        def params(_bank, _method, amount, currency, *_args):
            asked.append((amount, currency.name))
            return {"barcode_type": "QR", "width": 120, "height": 120, "value": f"{amount:.2f}"}

        self.patch(banks, "_get_available_qr_methods", lambda _bank: [("ours", "Ours", 1)])
        self.patch(banks, "_get_qr_code_generation_params", params)
        letter, _texts = self._print(self.customer)
        self.assertEqual(asked, [(letter.move_ids.amount_residual, letter.currency_id.name)])
        [page] = OdooPdfFileReader(io.BytesIO(letter.attachment_ids.raw), strict=False).pages
        can_draw = find_spec("_rl_renderPM") or find_spec("rlPyCairo")
        self.assertEqual([image.image.size for image in page.images], [(120, 120)] if can_draw else [])

    def test_without_a_qr_code_that_cannot_be_drawn(self):
        self._create_bank("DE89370400440532013000")
        banks = self.env.registry["res.partner.bank"]
        with (
            patch.object(banks, "build_qr_code_base64", side_effect=ImportError("No renderer")),
            mute_logger("odoo.addons.account_escalation.models.account_escalation_followup_links"),
        ):
            _letters, [[page]] = self._print(self.customer)
        self.assertIn("DE89", page)

    def test_bank_account_and_qr_code_are_those_of_the_invoice(self):
        self._create_bank("DE89370400440532013000")
        own = self._create_bank("DE02120300000000202051")
        move = self._create_invoice(DUE, self.plan, partner_bank_id=own.id)
        move.payment_reference = "RF18 5390 0754 7034"
        banks = self.env.registry["res.partner.bank"]
        with patch.object(banks, "build_qr_code_base64", autospec=True, return_value="") as build:
            [page] = pages_of(self.plan._run(TODAY).attachment_ids.raw)
        self.assertEqual(build.call_args.args[0], own)
        self.assertIn("Bank account: DE02120300000000202051", page)
        self.assertIn("Payment reference: RF18 5390 0754 7034", page)

    def test_the_step_s_own_template(self):
        self.plan.step_ids.template_id = self.template
        _letters, [[page]] = self._print(self.customer)
        self.assertIn("Please pay", page)
        self.assertNotIn("Yours sincerely", page)
        self.assertEqual(page.count("Amount to pay now"), 1)

    def test_a_text_without_the_table_gets_it_below(self):
        self.template.body_html = "<p>Only words</p>"
        self.plan.step_ids.template_id = self.template
        _letters, [[page]] = self._print(self.customer)
        self.assertEqual(page.count("Amount to pay now"), 1)

    def test_larger_where_an_unpatched_build_prints_smaller(self):
        reports = self.env["ir.actions.report"]
        for is_patched, zoom in ((True, 1), (False, UNPATCHED_ZOOM)):
            info = WkhtmlInfo("ok", True, "wkhtmltopdf", "0.12.6", is_patched, "", None)
            with patch("odoo.addons.account_escalation.models.ir_actions_report._wkhtml", return_value=info):
                self.assertEqual(reports._escalation_get_zoom(), zoom)


@tagged("post_install", "-at_install")
class TestLettersDownload(EscalationCommon, HttpCase):
    def setUp(self):
        super().setUp()
        plan = self._create_plan(self._step(5, "letter"))
        for customer in (self.customer, self._create_customer("Deco Addict")):
            self._create_invoice(DUE, plan, partner=customer)
        self.url = plan._run(TODAY).action_print()["url"]

    def _get(self, login, groups):
        new_test_user(
            self.env, login, groups=groups, company_id=self.company.id, company_ids=[(6, 0, self.company.ids)]
        )
        self.authenticate(login, login)
        return self.url_open(self.url)

    def test_one_document_for_whoever_may_read_them(self):
        answer = self._get("biller", "account.group_account_invoice")
        self.assertEqual(len(pages_of(answer.content)), 2)

    def test_nothing_for_others(self):
        self.assertEqual(self._get("clerk", "base.group_user").status_code, 403)
