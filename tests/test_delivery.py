"""What became of an email is shown with the follow-up, and can be searched."""

from lxml import etree

from odoo.tools.safe_eval import safe_eval

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


class TestDelivery(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan = cls._create_plan(cls._step(1), responsible_id=cls.user_employee.id)
        for name in ("One", "Two", "Three", "Four"):
            cls._create_invoice(day("10-16"), cls.plan, partner=cls._create_customer(name))
        cls.followups = cls.plan._run(MONDAY)

    def _notify(self, followup, status):
        followup.mail_message_id.sudo().notification_ids.notification_status = status
        followup.invalidate_recordset(["mail_state"])

    def test_searched_as_it_is_shown(self):
        self._notify(self.followups[1], "sent")
        self._notify(self.followups[2], "bounce")
        self._mails_of(self.followups[3]).cancel()
        self.followups.invalidate_recordset(["mail_state"])
        self.assertEqual(self.followups.mapped("mail_state"), ["queued", "sent", "bounced", "canceled"])
        ours = [("id", "in", self.followups.ids)]
        for followup in self.followups:
            found = followup.search([*ours, ("mail_state", "=", followup.mail_state)])
            self.assertEqual(found, followup)
        others = self.followups.search([*ours, ("mail_state", "!=", "queued")])
        self.assertEqual(others.sorted("id"), self.followups[1:].sorted("id"))

    def test_what_has_no_email_is_found_as_such(self):
        plan = self._create_plan(self._step(1, needs_review=True))
        self._create_invoice(day("10-16"), plan)
        waiting = plan._run(MONDAY)
        ours = [("id", "in", (self.followups | waiting).ids)]
        self.assertEqual(waiting.search([*ours, ("mail_state", "=", False)]), waiting)

    def test_bounce_stands_in_the_list_of_the_responsible(self):
        bounced = self.followups[0]
        self._notify(bounced, "bounce")
        self.user_employee.write(
            {
                "company_ids": [(4, self.company.id)],
                "group_ids": [(4, self.env.ref("account.group_account_invoice").id)],
            }
        )
        bounced.sudo().date_done = MONDAY.today()
        bounced.sudo()._fail_undelivered()
        todo = self.env.ref("account_escalation.account_escalation_followup_action_todo")
        mine = [*safe_eval(todo.domain), ("is_mine", "=", True), ("company_id", "=", self.company.id)]
        self.assertEqual(self.env[todo.res_model].with_user(self.user_employee).search(mine), bounced)

    def test_answers_are_counted(self):
        followup = self.followups[0]
        self.assertEqual(followup.answer_count, 0)
        followup.message_post(body="We pay on Friday", message_type="email", author_id=followup.partner_id.id)
        followup.message_post(body="Let us wait", message_type="comment")
        colleague = self.user_employee.partner_id
        for other in self.followups[:2]:
            other.message_post(body="Let us wait", message_type="email", author_id=colleague.id)
        followup.invalidate_recordset(["answer_count"])
        self.assertEqual(followup.answer_count, 1)
        self.assertEqual(self._search_by_filter("mail_answered"), followup)
        told = followup.move_ids.message_ids.filtered(lambda message: "has answered to" in (message.body or ""))
        self.assertEqual(len(told), 1)

    def test_the_queue_forgets_what_was_sent_the_history_does_not(self):
        mails = self.env["mail.mail"].concat(*map(self._mails_of, self.followups))
        mails[:2].state = "sent"
        mails[1:].flush_recordset()
        self.env.cr.execute(
            "UPDATE mail_mail SET write_date = '2020-01-01' WHERE id IN %s", [tuple((mails - mails[0]).ids)]
        )
        mails.invalidate_recordset(["write_date"])
        texts = self.followups.mapped("mail_body")
        self.followups._gc_sent_mails()
        self.assertEqual(mails.exists(), mails - mails[1], "one is too new, two have not left")
        self.followups.invalidate_recordset()
        self.assertEqual(self.followups.mapped("mail_body"), texts)

    def test_undelivered_are_found_by_their_filter(self):
        self._notify(self.followups[0], "bounce")
        self._notify(self.followups[1], "exception")
        self._notify(self.followups[2], "sent")
        self.assertEqual(self._search_by_filter("mail_undelivered"), self.followups[:2])

    def _search_by_filter(self, name):
        """Those among ours that a filter of the search view finds."""
        view = self.env.ref("account_escalation.account_escalation_followup_view_search")
        [node] = etree.fromstring(view.arch).iterfind(f".//filter[@name='{name}']")
        ours = [("id", "in", self.followups.ids)]
        return self.followups.search([*ours, *safe_eval(node.get("domain"))], order="id")
