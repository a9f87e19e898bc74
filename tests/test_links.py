"""The link in a message: all that the customer owes, without login, signed, for some weeks, and of nobody else."""

from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import HttpCase, tagged

from odoo.addons.account_escalation.controllers.portal import EscalationPortal
from odoo.addons.account_escalation.tests.common import EscalationCommon, day


@tagged("post_install", "-at_install")
class TestLinks(EscalationCommon, HttpCase):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1))
        self.move = self._create_invoice(day("10-16"), self.plan)
        self.other = self._create_invoice(day("10-16"), partner=self._create_customer("Deco Addict"))
        self.followup = self.plan._run(day("11-02"))

    def _open(self, link):
        return self.url_open(link.replace(self.followup.get_base_url(), self.base_url()))

    def test_shows_what_is_open_of_this_customer_only(self):
        page = self._open(self.followup.payment_link)
        self.assertEqual(page.status_code, 200)
        self.assertIn(self.move.name, page.text)
        self.assertNotIn(self.other.name, page.text)

    def test_pages_of_the_website_where_it_is_installed(self):
        for endpoint in (EscalationPortal.open_items, EscalationPortal.open_invoice):
            self.assertTrue(endpoint.original_routing.get("website"))

    def test_changed_link_opens_nothing(self):
        for link in (
            self.followup.payment_link + "0",
            self.followup.payment_link.replace("/follow-up/", "/follow-up/9"),
        ):
            page = self._open(link)
            self.assertEqual(page.status_code, 404)
            self.assertNotIn(self.move.name, page.text)

    def test_link_ends(self):
        with freeze_time("2026-01-01"):
            self.followup.invalidate_recordset(["payment_link"])
            old = self.followup.payment_link
        self.assertEqual(self._open(old).status_code, 404)

    def test_each_invoice_in_the_email_leads_to_its_own_page(self):
        mail = self._mails_of(self.followup)
        self.assertIn(f'{self.followup.payment_link}"', mail.body_html)
        link = f"{self.followup.payment_link}/{self.move.id}"
        self.assertIn(f'{link}"', mail.body_html)
        page = self._open(link)
        self.assertIn(f"/my/invoices/{self.move.id}?access_token={self.move.access_token}", page.url)
        self.assertIn(self.move.name, page.text)

    def test_the_page_tells_the_balance_as_the_message_does(self):
        """With credits, and with what is owed by entries that are no invoices."""
        refund = self.env["account.move"].create(
            self._prepare_invoice(day("10-20"), amount=34.5) | {"move_type": "out_refund"}
        )
        refund.action_post()
        self._create_opening_balance(20.0)
        page = self._open(self.followup.payment_link)
        texts = ("Total open amount", "120.00", "Other open items", "20.00", "Credits", "34.50")
        for text in (*texts, "Balance of your account", "85.50"):
            self.assertIn(text, page.text)

    def test_without_open_invoices_the_page_tells_what_else_is_owed(self):
        self._pay(self.move)
        self._create_opening_balance(500.0)
        page = self._open(self.followup.payment_link)
        self.assertNotIn("Nothing is open", page.text)
        for text in ("Overdue", "Other open items", "Total open amount", "500.00"):
            self.assertIn(text, page.text)

    def test_what_is_paid_or_blocked_is_owed_no_more(self):
        """As in the message; an invoice is still open in the books until the bank statement comes."""
        paid, blocked = self._create_invoice(day("10-16"), amount=37.0), self._create_invoice(day("10-16"), amount=41.0)
        blocked.action_toggle_block_payment()
        self.env.flush_all()
        self.env.cr.execute("UPDATE account_move SET payment_state = 'in_payment' WHERE id = %s", [paid.id])
        self.env.invalidate_all()
        [balance] = self.followup._get_balances().values()
        self.assertEqual(balance, {"invoices": 100.0, "others": 0.0, "credits": 0.0})
        self.assertNotIn("Other open items", self._open(self.followup.payment_link).text)

    @freeze_time("2026-11-02 10:00:00")
    def test_first_what_is_overdue_as_the_message_then_the_rest(self):
        later = self._create_instalments(day("10-20"), day("11-20"), issued=day("09-16"), amount=50.0)
        overdue, upcoming = self.followup._get_open_blocks()
        self.assertEqual([block["kind"] for block in (overdue, upcoming)], ["overdue", "upcoming"])
        self.assertEqual(overdue["rows"].move_id, self.move | later)
        self.assertEqual(upcoming["rows"].move_id, later)
        self.assertEqual([overdue["total"], upcoming["total"]], [150.0, 50.0])
        text = self._open(self.followup.payment_link).text
        places = [text.index(word) for word in ("Overdue", "150.00", "Instalment 1", "Not yet due", "200.00")]
        self.assertEqual(places, sorted(places))

    def test_where_to_pay_and_whom_to_ask(self):
        self._create_bank("DE89370400440532013000")
        self.move.partner_bank_id = self._create_bank("DE02120300000000202051")
        self.move.payment_reference = "RF18 5390 0754 7034"
        self.company.write({"phone": "+49 30 555", "email": "office@nordlicht.example"})
        text = self._open(self.followup.payment_link).text
        for part in ("DE02120300000000202051", "RF18 5390", self.followup.reference, "+49 30 555", "office@nordlicht"):
            self.assertIn(part, text)
        self.assertNotIn("DE89", text)

    def test_asks_to_pay_online_only_where_that_is_possible(self):
        link = self.followup.payment_link
        self.assertNotIn("View and pay", self._open(link).text)
        with patch.object(type(self.followup), "_is_paid_online", return_value=True):
            self.assertIn("View and pay", self._open(link).text)

    def test_nothing_is_open(self):
        self._pay(self.move)
        self.assertIn("Nothing is open. Thank you!", self._open(self.followup.payment_link).text)

    def test_the_page_sums_up_and_leads_on_by_the_same_link(self):
        """Nothing is written on the invoices by looking at it, and a link that ends gives none that does not."""
        second = self._create_invoice(day("10-20"), amount=1234.5)
        page = self._open(self.followup.payment_link)
        self.assertIn("1,334.50", page.text)
        path = self.followup.payment_link.removeprefix(self.followup.get_base_url())
        for move in self.move | second:
            self.assertIn(f'href="{path}/{move.id}"', page.text)
        self.assertFalse(second.access_token)

    def test_link_opens_no_invoice_of_another_customer(self):
        page = self._open(f"{self.followup.payment_link}/{self.other.id}")
        self.assertEqual(page.status_code, 404)
        self.assertNotIn(self.other.name, page.text)

    def test_link_opens_no_invoice_of_long_ago(self):
        paid = self._create_invoice(day("08-01"))
        self._pay(paid)
        self.assertEqual(self._open(f"{self.followup.payment_link}/{paid.id}").status_code, 404)

    def test_nonsense_instead_of_a_signature(self):
        self.assertEqual(self._open(self.followup.payment_link[:-1] + "é").status_code, 404)

    def test_invoice_that_is_paid_meanwhile(self):
        self._pay(self.move)
        self.assertEqual(self._open(f"{self.followup.payment_link}/{self.move.id}").status_code, 200)
