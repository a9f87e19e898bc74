"""What the customer reads: language, table of items, totals, ready texts and plans, attachments, who gets it."""

from datetime import timedelta
from itertools import pairwise

from freezegun import freeze_time
from lxml import html
from markupsafe import escape

from odoo.tests import new_test_user

from odoo.addons.account_escalation.models.account_escalation_followup_items import ITEMS_CLASS
from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day

DUE = day("10-16")
PLANS = ("friendly", "standard", "firm", "customer")


LANGUAGES = {
    # how a customer who has paid is told to let it be; what no text may say
    "en_US": ("disregard|crossed", "interest|fee|court|lawyer|agency|legal"),
    "it_IT": ("non tener|non tenga|incrociato", "interessi|mora|legal|avvocato|diffida|spese"),
    "fr_FR": ("tenir compte|tenez pas compte|croisé", "intérêts|pénalité|frais|avocat|huissier|tribunal|demeure de"),
    "de_DE": ("gegenstandslos|überschnitten", "zinsen|gebühr|anwalt|gericht|inkasso|verzug"),
}
ONE_IN_PLURAL = r"\b1\s(days|giorni|jours|Tage)\b"


class TestReadyTexts(EscalationCommon):
    """Each text that comes with the addon, in each language, for one invoice and for many."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for lang in LANGUAGES:
            cls.env["res.lang"]._activate_lang(lang)
        cls.env["ir.module.module"]._load_module_terms(["account_escalation"], list(LANGUAGES))
        xmlids = cls.env["ir.model.data"].search(
            [("module", "=", "account_escalation"), ("model", "=", "mail.template")]
        )
        cls.ready = {
            data.name.removeprefix("mail_template_"): cls.env[data.model].browse(data.res_id) for data in xmlids
        }
        cls.texts = {name: template for name, template in cls.ready.items() if name != "notice"}
        cls.company.write({"name": "Sender & Co", "phone": "+49 30 555"})
        plan = cls._create_plan(cls._step(1), responsible_id=cls.env.user.id)
        several = cls._create_customer("Lindner Moebel")
        cls._create_invoice(day("11-01"), plan, amount=1234.5)
        for number in range(3):
            cls._create_invoice(day("10-16") + timedelta(days=number), plan, partner=several)
        cls.followups = plan._run(MONDAY).with_context(escalation_today=MONDAY)

    def _render(self, template, followup, lang):
        localized = template.with_context(lang=lang, escalation_today=MONDAY)
        return tuple(localized._render_field(name, followup.ids)[followup.id] for name in ("subject", "body_html"))

    def _each(self, texts):
        for lang in LANGUAGES:
            for name, template in texts.items():
                for followup in self.followups.with_context(lang=lang):
                    yield lang, name, followup, *self._render(template, followup, lang)

    def test_complete(self):
        self.assertEqual(len(self.followups), 2)
        for lang, name, followup, subject, body in self._each(self.texts):
            with self.subTest(lang=lang, text=name, customer=followup.partner_id.name):
                self.assertNotRegex(subject + body, r"t-out|object\.|\{\{|\}\}|False|None")
                self.assertNotRegex(body, ONE_IN_PLURAL)
                self.assertIn(f"<strong>{followup.total_due}</strong>", body)
                for text in (followup.partner_id.name, "Sender &amp; Co", "+49 30 555", self.env.user.name):
                    self.assertIn(text, body)
                for move in followup.move_ids:
                    self.assertIn(move.name, body)
                if "letter" not in name:
                    self.assertIn("Sender & Co", subject)

    def test_courteous(self):
        for lang, name, _followup, subject, body in self._each(self.texts):
            paid, forbidden = LANGUAGES[lang]
            text = html.fromstring(f"<div>{body}</div>").text_content()
            with self.subTest(lang=lang, text=name):
                self.assertRegex(text, paid)
                self.assertNotRegex((subject + text).lower(), rf"\b({forbidden})")
                if "letter" in name:
                    self.assertNotRegex(text.lower(), "e-?mail|message|messaggio|nachricht")

    def test_deadlines_are_dates_in_the_firm_texts(self):
        dates = {"en_US": "11/{}/2026", "it_IT": "{}/11/2026", "fr_FR": "{}/11/2026", "de_DE": "{}.11.2026"}
        firm = {name: text for name, text in self.texts.items() if name.startswith("firm") and "reminder" not in name}
        for lang, name, _followup, _subject, body in self._each(firm):
            with self.subTest(lang=lang, text=name):
                self.assertIn(dates[lang].format("12" if "letter" in name else "09"), body)

    def test_translated(self):
        for name, template in self.ready.items():
            for lang in set(LANGUAGES) - {"en_US"}:
                localized = template.with_context(lang=lang)
                for field in ("name", "description", "subject", "body_html"):
                    with self.subTest(lang=lang, text=name, field=field):
                        self.assertNotEqual(localized[field], template.with_context(lang="en_US")[field])

    def test_plain_placeholders_only(self):
        """Else they need a right on templates, and the slow way of rendering."""
        for lang in LANGUAGES:
            for name, ready in self.ready.items():
                text = ready.with_context(lang=lang)
                with self.subTest(lang=lang, text=name):
                    self.assertFalse(text._has_unsafe_expression_template_qweb(text.body_html, text.model))
                    self.assertFalse(text._has_unsafe_expression_template_inline_template(text.subject, text.model))

    def test_for_users_without_rights_on_templates(self):
        user = new_test_user(self.env, "biller", groups="account.group_account_invoice", company_id=self.company.id)
        followup = self.followups[0].with_user(user)
        for name, template in self.ready.items():
            with self.subTest(text=name):
                self.assertIn("1,234.50", self._render(template.with_user(user), followup, "en_US")[1])

    def test_the_notice_has_no_link_to_pay_and_others_have(self):
        for lang, _name, followup, subject, body in self._each({"notice": self.ready["notice"]}):
            with self.subTest(lang=lang):
                self.assertNotRegex(subject + body, r"t-out|object\.|\{\{|False|None")
                self.assertIn(followup.display_name, subject)
                self.assertIn(escape(followup.notice_purpose), body)
                self.assertNotIn(followup.payment_link, body)
                self.assertIn(followup.payment_link, followup.items_table)


class TestTexts(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, "force_report_rendering": True})  # else HTML, under test

    def _send(self, *steps, **values):
        """Run a plan on all invoices that are under none; return its follow-up and the email to the customer."""
        plan = self._create_plan(*(steps or [self._step(5, tone="first")]), **values)
        moves = self.env["account.move"].search(
            [("company_id", "=", self.company.id), ("escalation_plan_id", "=", False)]
        )
        moves.filtered(lambda move: move.move_type == "out_invoice").escalation_plan_id = plan
        followup = plan._run(MONDAY)
        return followup, self._mails_of(followup)

    def _rows(self, body):
        """The table of items as lists of texts, one for each row."""
        [table] = html.fromstring(str(body)).find_class(ITEMS_CLASS)
        return [[" ".join(cell.text_content().split()) for cell in row] for row in table.iter("tr")]

    def _create_credit(self, amount, **values):
        return self._create_invoice(DUE, amount=amount, move_type="out_refund", **values)

    # --- the table of items ------------------------------------------------------------------------------------------

    def test_overdue_with_reference_dates_days_and_amounts(self):
        move = self._create_invoice(DUE, amount=1234.5, ref="PO 17")
        other = self._create_invoice(day("10-20"), amount=100.0)
        _followup, mail = self._send()
        self.assertEqual(
            self._rows(mail.body_html),
            [
                ["Overdue", "Due date", "Open amount"],
                [f"{move.name}dated 10/02/2026Your ref.: PO 17", "10/16/2026Days overdue: 17", "$ 1,234.50"],
                [f"{other.name}dated 10/06/2026", "10/20/2026Days overdue: 13", "$ 100.00"],
                ["Amount to pay now", "$ 1,334.50"],
            ],
        )

    def test_partly_paid_shows_both_amounts(self):
        move = self._create_invoice(DUE, amount=100.0)
        self._pay(move, 40.0)
        _followup, mail = self._send()
        self.assertEqual(self._rows(mail.body_html)[1][2], "$ 60.00of $ 100.00")
        self.assertEqual(self._rows(mail.body_html)[-1], ["Amount to pay now", "$ 60.00"])

    def test_all_overdue_instalments_and_no_other(self):
        self._create_instalments(DUE, day("10-23"), day("11-20"), day("12-18"), issued=day("09-16"), amount=200.0)
        _followup, mail = self._send()
        rows = self._rows(mail.body_html)
        self.assertEqual([row[1][:10] for row in rows[1:-1]], ["10/16/2026", "10/23/2026"])
        self.assertEqual([row[0].split("dated")[0][-12:] for row in rows[1:-1]], [f"Instalment {n}" for n in (1, 2)])
        self.assertEqual(rows[-1], ["Amount to pay now", "$ 400.00"])

    def test_amount_to_pay_in_each_currency(self):
        self._create_invoice(DUE, amount=100.0)
        self.env.ref("base.CHF").active = True
        self._create_invoice(DUE, amount=70.0, currency_id=self.env.ref("base.CHF").id)
        followup, mail = self._send()
        with freeze_time("2026-11-02 10:00:00"):
            self.assertEqual(followup.total_due, "$\N{NO-BREAK SPACE}100.00 + CHF\N{NO-BREAK SPACE}70.00")
        totals = [row[1] for row in self._rows(mail.body_html) if row[0] == "Amount to pay now"]
        self.assertEqual(totals, ["$ 100.00", "CHF 70.00"])
        self.assertEqual(mail.body_html.count("</table>"), 1, "columns stand below one another")

    def test_statement_subtracts_credits_in_a_block_of_their_own(self):
        self._create_invoice(DUE, amount=100.0)
        credit = self._create_credit(30.0)
        _followup, mail = self._send(self._step(5, tone="statement"))
        self.assertEqual(
            self._rows(mail.body_html)[2:],
            [
                ["Credits"],
                [f"{credit.name}dated 10/02/2026", "", "$ -30.00"],
                ["Amount to pay now", "$ 70.00"],
            ],
        )

    def test_more_credit_than_debt_in_one_currency_asks_for_nothing_in_it(self):
        self._create_invoice(DUE, amount=100.0)
        self._create_credit(130.0)
        self.env.ref("base.CHF").active = True
        self._create_invoice(DUE, amount=700.0, currency_id=self.env.ref("base.CHF").id)
        _followup, mail = self._send(self._step(5, tone="statement"))
        totals = [row[1] for row in self._rows(mail.body_html) if row[0] == "Amount to pay now"]
        self.assertEqual(totals, ["$ 0.00", "CHF 700.00"])

    def test_courtesy_reminder_lists_what_is_not_yet_due(self):
        move = self._create_invoice(day("11-06"), amount=80.0)
        template = self.env.ref("account_escalation.mail_template_reminder")
        _followup, mail = self._send(self._step(-5, template_id=template.id))
        self.assertEqual(
            self._rows(mail.body_html),
            [["Not yet due", "Due date", "Open amount"], [f"{move.name}dated 10/23/2026", "11/06/2026", "$ 80.00"]],
        )
        self.assertIn("a payment of <strong>$\N{NO-BREAK SPACE}80.00</strong>", mail.body_html)

    def test_the_oldest_due_date_is_not_that_of_a_credit(self):
        self._create_invoice(DUE)
        self._create_credit(10.0, issued=day("01-05"))
        template = self.env.ref("account_escalation.mail_template_second")
        _followup, mail = self._send(self._step(5, tone="statement", template_id=template.id))
        self.assertIn("Earliest due date: 10/16/2026", " ".join(mail.body_html.split()))

    def test_a_text_in_a_reference_stays_a_text(self):
        self._create_invoice(DUE, ref="<b>5 & 6</b>")
        _followup, mail = self._send()
        self.assertIn("&lt;b&gt;5 &amp; 6&lt;/b&gt;", mail.body_html)

    # --- how to pay --------------------------------------------------------------------------------------------------

    def test_first_account_of_the_company_if_the_invoices_name_none(self):
        move = self._create_invoice(DUE)
        first = self._create_bank("DE89370400440532013000")
        self._create_bank("DE02120300000000202051")
        self.assertFalse(move.partner_bank_id)
        followup, mail = self._send()
        self.assertEqual(followup.bank_account, first.acc_number)
        self.assertIn(f"Bank account: {first.acc_number}", mail.body_html)

    def test_the_account_that_the_invoices_name(self):
        self._create_bank("DE89370400440532013000")
        bank = self.env["res.bank"].create({"name": "Factor Bank", "bic": "BYLADEM1001"})
        factor = self._create_bank("DE02120300000000202051", bank_id=bank.id)
        for _number in range(2):
            self._create_invoice(DUE, partner_bank_id=factor.id)
        self._create_credit(10.0)
        followup, mail = self._send(self._step(5, tone="statement"))
        self.assertEqual(followup.bank_account, "DE02120300000000202051 · Factor Bank · BIC BYLADEM1001")
        self.assertNotIn("DE89", mail.body_html)

    def test_an_account_for_each_currency(self):
        self.env.ref("base.CHF").active = True
        dollars, francs = self._create_bank("US-1"), self._create_bank("CH9300762011623852957")
        self._create_invoice(DUE, partner_bank_id=dollars.id)
        self._create_invoice(DUE, currency_id=self.env.ref("base.CHF").id, partner_bank_id=francs.id)
        followup, _mail = self._send()
        self.assertEqual(followup.bank_account, "USD: US-1;\nCHF: CH9300762011623852957")

    def test_first_account_if_the_invoices_differ_or_theirs_is_closed(self):
        first, second = self._create_bank("DE89370400440532013000"), self._create_bank("DE02120300000000202051")
        moves = [self._create_invoice(DUE, partner_bank_id=bank.id) for bank in (first, second)]
        followup, _mail = self._send()
        self.assertEqual(followup.bank_account, first.acc_number)
        moves[0].partner_bank_id = second
        second.active = False
        followup.invalidate_recordset()
        self.assertEqual(followup.bank_account, first.acc_number)

    def test_payment_reference_where_it_is_not_the_number(self):
        plain, referenced = self._create_invoice(DUE), self._create_invoice(day("10-17"))
        referenced.payment_reference = "RF18 5390 0754 7034"
        self.assertEqual(plain.payment_reference, plain.name)
        _followup, mail = self._send()
        [_head, first, second, _total] = self._rows(mail.body_html)
        self.assertEqual(first[0], f"{plain.name}dated 10/02/2026")
        self.assertIn(f"{referenced.name}Payment reference: RF18 5390 0754 7034", second[0])

    # --- the customer's language -------------------------------------------------------------------------------------

    def test_text_dates_and_amounts_of_the_customer(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.template.with_context(lang="de_DE").write(
            {
                "subject": "Mahnung {{ object.invoice_names }}",
                "body_html": '<p>Bitte</p><t t-out="object.items_table"/>',
            }
        )
        self.customer.lang = "de_DE"
        move = self._create_invoice(DUE, amount=1234.5)
        followup, mail = self._send()
        self.assertEqual(followup.lang, "de_DE")
        self.assertEqual(mail.subject, f"Mahnung {move.name}")
        self.assertIn("<p>Bitte</p>", mail.body_html)
        [_number, due, amount] = self._rows(mail.body_html)[1]
        self.assertTrue(due.startswith("16.10.2026"))
        self.assertIn("1.234,50", amount)

    def test_two_customers_in_one_batch(self):
        self.env["res.lang"]._activate_lang("de_DE")
        german = self._create_customer("Lindner", lang="de_DE")
        plan = self._create_plan(self._step(5))
        for customer in (self.customer, german):
            self._create_invoice(DUE, plan, partner=customer)
        english_mail, german_mail = (self._mails_of(followup) for followup in plan._run(MONDAY))
        self.assertIn("10/16/2026", english_mail.body_html)
        self.assertIn("16.10.2026", german_mail.body_html)

    def test_subject_of_many_invoices_stays_short(self):
        moves = [self._create_invoice(DUE + timedelta(days=number)) for number in range(6)]
        _followup, mail = self._send()
        self.assertEqual(mail.subject, f"Reminder {moves[0].name}, {moves[1].name}, {moves[2].name} (+3)")

    def test_no_blank_line_for_a_missing_phone(self):
        self._create_invoice(DUE)
        template = self.env.ref("account_escalation.mail_template_first")
        followup, _mail = self._send(self._step(5, template_id=template.id))
        self.company.phone = False
        self.assertIn("<div></div>", followup.body)

    # --- ready plans -------------------------------------------------------------------------------------------------

    def test_nothing_happens_by_itself(self):
        for name in PLANS:
            plan = self.env.ref(f"account_escalation.plan_{name}").sudo()
            self.assertRecordValues(plan, [{"is_default": False, "min_amount": 5.0, "min_contact_days": 5}])
            self.assertEqual(plan.company_id, self.env.ref("base.main_company"))

    def test_steps_are_patient_and_rise(self):
        tones = list(dict(self.env["account.escalation.step"]._fields["tone"].selection))
        for name in PLANS:
            steps = self.env.ref(f"account_escalation.plan_{name}").sudo().step_ids
            before = steps.filtered(lambda step: step.direction == "before")
            after = (steps - before).sorted("days")
            with self.subTest(plan=name):
                self.assertTrue(all(step.auto_skip_days and step.tone == "reminder" for step in before))
                self.assertGreaterEqual(after[0].days, 4)
                self.assertEqual(after[0].tone, "first")
                ranks = [tones.index(step.tone) for step in before + after]
                self.assertEqual(ranks, sorted(ranks))
                days = sorted(set(after.mapped("days")))
                gaps = [later - earlier for earlier, later in pairwise(days)]
                self.assertGreaterEqual(min(gaps), steps.plan_id.min_contact_days)
                self.assertFalse(any(steps.mapped("warning")))
                self.assertTrue(all(step.template_id for step in steps if step.channel != "call"))

    def test_each_plan_has_its_voice(self):
        for name in PLANS:
            steps = self.env.ref(f"account_escalation.plan_{name}").sudo().step_ids
            for step in steps.filtered(lambda step: step.channel != "call"):
                with self.subTest(plan=name, step=step.name):
                    self.assertEqual(step.template_id, step._get_ready_template())
        friendly = self.env.ref("account_escalation.plan_friendly").sudo()
        step = friendly.step_ids.create({"plan_id": friendly.id, "channel": "letter", "tone": "final"})
        self.assertEqual(step._get_ready_template(), self.env.ref("account_escalation.mail_template_letter_final"))

    # --- who gets it, who gets the answer ----------------------------------------------------------------------------

    def test_followers_get_nothing(self):
        follower = self._create_customer("Curious Follower")
        move = self._create_invoice(DUE)
        move.message_subscribe(follower.ids)
        followup, mail = self._send(self._step(5), self._step(8))
        followup.message_subscribe(follower.ids)
        self.assertEqual(mail.recipient_ids, self.customer)
        self.assertFalse(mail.email_to or mail.email_cc)
        self.assertEqual(mail.mail_message_id.notification_ids.res_partner_id, self.customer)
        self.assertFalse(
            self.env["mail.message"].search([("model", "=", "account.move"), ("res_id", "=", move.id)]).notification_ids
        )

    def test_answers_go_to_the_catchall(self):
        self._create_invoice(DUE)
        _followup, mail = self._send()
        self.assertIn(self.company.catchall_email, mail.reply_to)

    def test_answers_go_to_the_responsible_without_catchall(self):
        self.company.alias_domain_id = False
        self.env["ir.config_parameter"].search([("key", "like", "mail.catchall")]).unlink()
        self.env["mail.alias.domain"].search([]).write({"catchall_alias": "x"})
        self._create_invoice(DUE)
        _followup, mail = self._send(responsible_id=self.env.user.id)
        self.assertIn(self.env.user.email_normalized, mail.reply_to)

    # --- attachments -------------------------------------------------------------------------------------------------

    def _send_attached(self):
        before = self.env["mail.mail"].search([])
        followup, mail = self._send(attach_invoices=True)
        self.assertEqual(self.env["mail.mail"].search([]) - before, mail)  # core emailed nothing by itself
        return followup, mail

    def test_pdfs_are_made_if_missing(self):
        moves = self._create_invoice(DUE) + self._create_invoice(day("10-20"))
        self.assertFalse(moves.invoice_pdf_report_id)
        _followup, mail = self._send_attached()
        self.assertEqual(mail.attachment_ids, moves.invoice_pdf_report_id)
        self.assertEqual(set(mail.attachment_ids.mapped("mimetype")), {"application/pdf"})
        self.assertTrue(all(attachment.raw.startswith(b"%PDF") for attachment in mail.attachment_ids))

    def test_a_pdf_that_exists_is_not_made_again(self):
        move = self._create_invoice(DUE)
        self.env["account.move.send"]._generate_and_send_invoices(move, sending_methods=["manual"])
        existing = move.invoice_pdf_report_id
        _followup, mail = self._send_attached()
        self.assertEqual(mail.attachment_ids, existing)

    def test_none_unless_the_plan_says_so(self):
        move = self._create_invoice(DUE)
        _followup, mail = self._send()
        self.assertFalse(mail.attachment_ids)
        self.assertFalse(move.invoice_pdf_report_id)
