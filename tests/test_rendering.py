"""A template is rendered once for all customers of a language: each text is the same as core would make."""

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class TestRendering(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan = cls._create_plan(cls._step(1, needs_review=True))
        cls.other = cls._create_customer("Umbrella <b>& Sons</b> @escalation-1@")
        cls._create_invoice(day("10-16"), cls.plan, ref="<script>alert(1)</script> & more")
        cls._create_invoice(day("10-20"), cls.plan, partner=cls.other)
        cls.followups = cls.plan._run(MONDAY)

    def _check(self, template):
        self.plan.step_ids.template_id = template
        texts = self.followups._render_texts()
        subjects = template._render_field("subject", self.followups.ids)
        bodies = template._render_field("body_html", self.followups.ids)
        for followup in self.followups:
            text = texts[followup.id]
            self.assertEqual(text.subject, subjects[followup.id])
            self.assertEqual(text.body, bodies[followup.id])
            sanitize = followup._sanitize_message
            self.assertEqual(sanitize(text.kept), sanitize(bodies[followup.id]))

    def _write_template(self, body):
        self.template.body_html = body
        return self.template

    def _get_skeleton(self, template):
        return self.followups._get_skeleton(str(template.body_html), self.followups[0].get_base_url())

    def test_ready_texts(self):
        notice = self.env.ref("account_escalation.mail_template_notice")  # no step has it
        for template in self.env["mail.template"].search([("model", "=", self.followups._name)]) - notice:
            with self.subTest(template.name):
                self.assertTrue(self._get_skeleton(template))
                self._check(template)

    def test_placeholders_as_a_person_writes_them(self):
        for body in (
            '<p>Dear <t t-out="object.partner_id.name"/>, <t t-out="object.total_due">nothing</t></p>',
            '<p><strong t-out="object.total_due"></strong></p><p>a &amp; b</p>',
            '<t t-out="object.company_id.phone">call and ask</t>',
            'No element at all: <t t-out="object.invoice_names"/>',
            '<a href="/my/invoices">Yours</a> <t t-out="object.items_table"/>',
            "<p></p>",
        ):
            with self.subTest(body):
                self._check(self._write_template(body))

    def test_what_is_more_than_a_placeholder_is_left_to_core(self):
        for body in (
            '<t t-if="object.partner_id.name">Hello</t>',
            '<p t-attf-title="{{ object.total_due }}">Hello</p>',
            '<p><t t-out="object.partner_id.vat"/></p>',
            '<p t-out="format_date(object.date)"/>',
            '<p>@escalation-0@ and @escalation-7@ <t t-out="object.partner_id.name"/></p>',
        ):
            with self.subTest(body):
                template = self._write_template(body)
                self.assertIsNone(self._get_skeleton(template))
                self._check(template)

    def test_a_change_takes_effect_at_once(self):
        """Of the template, and of the language: what was rendered before is kept for as long as both stay."""
        lang = self.env["res.lang"]._get_data(code="en_US")
        for body, date_format in (("One", "%Y/%m/%d"), ("Two", "%d.%m.%Y")):
            self.env["res.lang"].browse(lang.id).date_format = date_format
            self._write_template(f'<p>{body} <t t-out="object.oldest_due_date"/></p>')
            self.followups.invalidate_recordset()
            texts = self.followups.with_context(lang="en_US")._render_from(self.template)
            for followup in self.followups:
                due = followup.line_ids.move_line_id.date_maturity.strftime(date_format)
                self.assertIn(f"{body} {due}", texts[followup.id].body)
                self.assertIn(f"{body} {due}", texts[followup.id].kept)

    def test_nothing_of_a_customer_is_taken_for_html_or_for_a_placeholder(self):
        template = self._write_template('<p><t t-out="object.partner_id.name"/> <t t-out="object.total_due"/></p>')
        self.plan.step_ids.template_id = template
        for text in self.followups._render_texts()[self.followups.filtered(lambda f: f.partner_id == self.other).id][
            1:
        ]:
            self.assertIn("Umbrella &lt;b&gt;&amp; Sons&lt;/b&gt; @escalation-1@ $", text)
