"""Results of a call: what each writes on the call, the hold, the promise and the notes."""

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


@freeze_time("2026-11-02 12:00:00")
class TestCallResult(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1, "call"), self._step(20, "email"), responsible_id=self.env.user.id)
        self.one, self.two = (self._create_invoice(day("10-16"), self.plan) for _number in range(2))
        self.moves = self.one | self.two
        self.call = self.plan._run(MONDAY)
        self.activity = self.call.activity_id

    def _apply(self, result, call=None, user=None, **values):
        wizard = self.env["account.escalation.call.result"].with_user(user or self.env.user)
        call = self.call if call is None else call
        wizard = wizard.with_context(default_followup_id=call.id)
        return wizard.create({"result": result, **values}).action_apply()

    def _notes(self, record):
        return " ".join(record.message_ids.mapped("body"))

    def _assert_made(self, text):
        self.assertEqual(self.call.state, "done")
        self.assertEqual(self.call.date_done, MONDAY)
        self.assertIn(text, self.call.reason_detail)
        self.assertFalse(self.activity.active)
        self.assertEqual(self.moves.mapped("escalation_last_date"), [MONDAY] * 2)

    def test_the_activity_leads_to_the_results(self):
        self.assertIn(f'data-oe-id="{self.call.id}"', self.activity.note)
        action = self.call.action_open_result()
        self.assertEqual(action["context"], {"default_followup_id": self.call.id})

    def test_promised(self):
        self._apply("promised", date=day("11-12"), note="By bank transfer")
        promise = self.moves.escalation_promise_ids
        self.assertRecordValues(promise, [{"date": day("11-12"), "amount": 200.0, "state": "open"}])
        self.assertEqual(promise.move_ids, self.moves)
        self.assertEqual(self.moves.mapped("escalation_hold"), ["promise"] * 2)
        self.assertIn("By bank transfer", self._notes(self.two))
        self._assert_made("11/12/2026")

    def test_promised_in_several_currencies(self):
        foreign = self.setup_other_currency("EUR")
        euro = self._create_invoice(day("10-16"), self.plan, currency_id=foreign.id)
        self._create_invoice(day("10-16"), self.plan)
        call = self.plan._run(day("11-03"))
        self._apply("promised", call, date=day("11-12"))
        promises = call.move_ids.escalation_promise_ids.sorted("id")
        self.assertEqual(set(promises.currency_id), {foreign, self.company.currency_id})
        self.assertRecordValues(euro.escalation_promise_ids, [{"amount": 100.0, "currency_id": foreign.id}])

    def test_answer_applies_to_the_chosen_invoices_only(self):
        for result in ("promised", "paid", "dispute", "not_received"):
            with self.subTest(result):
                wizards = self.env["account.escalation.call.result"].with_context(default_followup_id=self.call.id)
                wizard = wizards.create({"result": result, "date": day("11-12")})
                self.assertEqual(wizard.move_ids, self.moves, "all, unless some are taken out")
                wizard.move_ids = self.two
                with self.env.cr.savepoint() as savepoint:
                    wizard.action_apply()
                    self.assertTrue(self.two.escalation_hold)
                    self.assertFalse(self.one.escalation_hold)
                    self.assertEqual(self.call.state, "done")
                    savepoint.rollback()
                    self.env.invalidate_all()

    def test_promised_amount_is_that_of_the_chosen_invoices(self):
        with Form(self.env["account.escalation.call.result"].with_context(default_followup_id=self.call.id)) as form:
            self.assertEqual(form.amount, 200.0)
            form.move_ids.remove(self.one.id)
            self.assertEqual(form.amount, 100.0)
            form.date = day("11-12")
        form.record.action_apply()
        self.assertRecordValues(self.two.escalation_promise_ids, [{"amount": 100.0, "move_ids": self.two.ids}])
        self.assertFalse(self.one.escalation_promise_ids)

    def test_partial_promise_is_kept_by_its_part(self):
        self._apply("promised", date=day("11-12"), amount=120.0)
        promise = self.moves.escalation_promise_ids
        self.assertRecordValues(promise, [{"amount": 120.0, "open_amount": 200.0, "state": "open"}])
        self.assertIn("120.00", self.call.reason_detail)
        self._pay(self.one)
        promise._update_states()
        self.assertEqual(promise.state, "open")
        self._pay(self.two, amount=20.0)
        promise._update_states()
        self.assertEqual(promise.state, "kept")

    def test_more_than_all_is_not_promised(self):
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._apply("promised", date=day("11-12"), amount=201.0)
        self.assertEqual(self.call.state, "todo")

    def test_nothing_chosen(self):
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._apply("paid", move_ids=[Command.clear()])
        self.assertEqual(self.call.state, "todo")

    def test_promise_in_the_past_ends_nothing(self):
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._apply("promised", date=day("11-01"))
        self.assertEqual(self.call.state, "todo")

    def test_says_paid_holds_and_checks_later(self):
        self._apply("paid", paid_date=day("10-30"), reference="TRF 4711", days=4)
        self.assertRecordValues(self.moves, [{"escalation_hold": "pause", "escalation_hold_until": day("11-06")}] * 2)
        self.assertIn("TRF 4711", self._notes(self.two))
        todo = self.moves.activity_ids
        self.assertRecordValues(todo, [{"date_deadline": day("11-06"), "user_id": self.env.user.id}])
        self.assertIn("TRF 4711", todo.summary)
        self._assert_made("TRF 4711")
        self.assertFalse(self.plan._run(day("11-06")))
        self.assertEqual(self.plan._run(day("11-09")).channel, "email", "it was not paid: the plan goes on")

    def test_disputes(self):
        self._apply("dispute", note="Wrong colour")
        self.assertRecordValues(self.moves, [{"escalation_hold": "dispute", "escalation_hold_until": False}] * 2)
        self.assertFalse(self.customer.escalation_hold)
        self.assertIn("Wrong colour", self._notes(self.one))
        self._assert_made("Wrong colour")

    def test_dispute_has_its_reason(self):
        self._apply("dispute", dispute_reason="price", note="List price")
        self.assertEqual(self.moves.mapped("escalation_dispute_reason"), ["price"] * 2)
        self._assert_made("Price or terms – List price")

    def test_reason_of_a_dispute_must_be_chosen(self):
        with Form(self.env["account.escalation.call.result"].with_context(default_followup_id=self.call.id)) as form:
            form.result = "dispute"
            self.assertTrue(form._get_modifier("dispute_reason", "required"))
            form.dispute_reason = "quality"

    def test_dispute_opened_from_a_customer_does_not_hold_the_customer(self):
        wizard = self.env["account.escalation.call.result"].with_context(
            default_followup_id=self.call.id, active_model="res.partner", active_ids=self.customer.ids
        )
        wizard.create({"result": "dispute"}).action_apply()
        self.assertFalse(self.customer.escalation_hold)

    def test_a_dispute_outlasts_what_else_is_said(self):
        self.one._escalation_hold("dispute", False)
        wizard = self.env["account.escalation.call.result"].with_context(
            active_model="account.move", active_ids=self.moves.ids
        )
        wizard.create({"result": "paid", "reference": "TRF 4711"}).action_apply()
        self.assertEqual([self.one.escalation_hold, self.two.escalation_hold], ["dispute", "pause"])
        self.assertIn("TRF 4711", self._notes(self.one))

    def test_a_longer_hold_is_not_cut_short(self):
        promise = {"date": day("12-10"), "amount": 100.0}
        self.env["account.escalation.promise"].create({"move_ids": [Command.set(self.one.ids)], **promise})
        self.two._escalation_hold("pause", False)
        wizard = self.env["account.escalation.call.result"].with_context(
            active_model="account.move", active_ids=self.moves.ids
        )
        for result in ("paid", "not_received"):
            wizard.create({"result": result, "note": f"Told: {result}"}).action_apply()
            self.assertRecordValues(
                self.moves,
                [
                    {"escalation_hold": "promise", "escalation_hold_until": day("12-13")},
                    {"escalation_hold": "pause", "escalation_hold_until": False},
                ],
            )
            self.assertIn(f"Told: {result}", self._notes(self.one))
        self.assertFalse(self.plan._run(day("11-30")))

    def test_never_received(self):
        action = self._apply("not_received", days=6)
        self.assertEqual(action["res_model"], "account.move.send.batch.wizard")
        self.assertEqual(self.moves.mapped("escalation_hold_until"), [day("11-08")] * 2)
        self.assertIn("Never received", self._notes(self.one))
        self._assert_made("Never received")

    def test_nothing_agreed(self):
        self._apply("other", note="Boss is back on Friday")
        self._assert_made("Boss is back on Friday")
        self.assertFalse(any(self.moves.mapped("escalation_hold")))
        self.assertIn("Boss is back", self._notes(self.two))
        self.assertFalse(self.moves.activity_ids)

    def test_nothing_agreed_and_called_again(self):
        self._apply("other", note="Boss is back on Friday", again_days=4)
        call = self.env.ref("mail.mail_activity_data_call")
        again = [{"date_deadline": day("11-06"), "activity_type_id": call.id, "user_id": self.env.user.id}]
        self.assertRecordValues(self.moves.activity_ids, again)
        self.assertEqual(self.moves.activity_ids.summary, "Boss is back on Friday")

    def test_wrong_person(self):
        right = self.env["res.partner"].create({"name": "Ann", "parent_id": self.customer.id, "phone": "1"})
        self._apply("wrong_person", contact_id=right.id)
        self.assertTrue(right.escalation_is_contact)
        self.assertEqual(self.call.recipient_ids, right)
        self.assertEqual(self.call.state, "todo", "the call is still to be made")
        self.assertTrue(self.activity.active)
        self.assertIn("Ann", self._notes(self.customer))

    def test_wrong_person_gets_nothing_more(self):
        jane, ann = (
            self._create_customer(name, parent_id=self.customer.id, is_company=False, escalation_is_contact=chosen)
            for name, chosen in (("Jane", True), ("Ann", False))
        )
        self._create_invoice(day("10-16"), self.plan)
        call = self.plan._run(day("11-03"))
        self.assertEqual(call.recipient_ids, jane)
        self._apply("wrong_person", call, contact_id=ann.id)
        self.assertFalse(jane.escalation_is_contact)
        self.plan.step_ids.filtered(lambda step: step.channel == "call").channel = "letter"
        self._create_invoice(day("10-16"), self.plan)
        self.assertEqual(self.plan._run(day("11-04")).recipient_ids, ann)

    def _call_several(self, **phones):
        """A call to contacts who get follow-ups, each with a phone number or none."""
        people = self.env["res.partner"].concat(
            *(
                self._create_customer(
                    name, parent_id=self.customer.id, is_company=False, phone=phone, escalation_is_contact=True
                )
                for name, phone in phones.items()
            )
        )
        self._create_invoice(day("10-16"), self.plan)
        call = self.plan._run(day("11-03"))
        self.assertEqual(call.recipient_ids, people)
        return call, *people

    def test_of_several_only_the_one_called_is_wrong(self):
        call, jane, joe, kim = self._call_several(Jane=False, Joe="1", Kim="2")
        ann = self._create_customer("Ann", parent_id=self.customer.id, is_company=False)
        self._apply("wrong_person", call, called_contact_id=kim.id, contact_id=ann.id)
        self.assertEqual((jane | joe | kim | ann).filtered("escalation_is_contact"), jane | joe | ann)
        self.assertEqual(call.recipient_ids, jane | joe | ann)
        self.assertIn("Ann", self._notes(self.customer))
        self.assertIn("Joe", self._notes(self.customer))

    def test_of_several_the_right_one_can_be_another_of_them(self):
        call, jane, joe = self._call_several(Jane="1", Joe="2")
        self._apply("wrong_person", call, contact_id=joe.id)
        self.assertFalse(jane.escalation_is_contact)
        self.assertEqual(call.recipient_ids, joe)

    def test_of_several_the_first_with_a_phone_is_proposed(self):
        call, jane, joe = self._call_several(Jane=False, Joe="1")
        wizards = self.env["account.escalation.call.result"].with_context(default_followup_id=call.id)
        with Form(wizards) as form:
            form.result = "wrong_person"
            self.assertEqual(form.called_contact_id, joe)
            self.assertFalse(form._get_modifier("called_contact_id", "invisible"))
            self.assertTrue(form._get_modifier("called_contact_id", "required"))
            form.contact_id = self._create_customer("Ann", parent_id=self.customer.id, is_company=False)
        joe.phone = False
        self.assertEqual(wizards.create({}).called_contact_id, jane)

    def test_of_one_nothing_is_asked(self):
        for result in ("promised", "wrong_person"):
            with Form(
                self.env["account.escalation.call.result"].with_context(default_followup_id=self.call.id)
            ) as form:
                form.result = result
                self.assertTrue(form._get_modifier("called_contact_id", "invisible"))
                self.assertFalse(form._get_modifier("called_contact_id", "required"))
                form.contact_id = self._create_customer("Ann", parent_id=self.customer.id, is_company=False)

    def test_wrong_and_right_person_differ(self):
        call, jane, joe = self._call_several(Jane="1", Joe="2")
        for called in (jane, self.env["res.partner"], self.customer):
            with self.subTest(called.name), self.assertRaises(UserError), self.env.cr.savepoint():
                self._apply("wrong_person", call, called_contact_id=called.id, contact_id=jane.id)
        self.assertTrue(jane.escalation_is_contact and joe.escalation_is_contact)

    def test_wrong_person_is_nobody_of_another_customer(self):
        stranger = self._create_customer("Deco Addict")
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._apply("wrong_person", contact_id=stranger.id)
        self.assertFalse(stranger.escalation_is_contact)

    def test_no_answer_keeps_the_plan_still(self):
        self.call.step_id.auto_skip_days = 3
        self._apply("no_answer", days=10)
        self.assertEqual(self.activity.date_deadline, day("11-12"))
        self.assertTrue(self.activity.active)
        self.assertEqual(self.call.state, "todo")
        self.assertFalse(any(self.moves.mapped("escalation_last_date")), "nobody was contacted")
        self.assertFalse(self.plan._run(day("11-10")), "the plan does not move")
        self.assertEqual(self.call.state, "todo", "and does not give up before the next call")
        self.assertIn("without an answer", self._notes(self.one))

    def test_a_call_is_made_once(self):
        self.call.action_mark_sent()
        for result in ("promised", "paid", "dispute", "not_received", "no_answer"):
            with self.subTest(result), self.assertRaises(UserError), self.env.cr.savepoint():
                self._apply(result)
        self.assertFalse(any(self.moves.mapped("escalation_hold")))

    def test_paid_meanwhile(self):
        self.env.cr.execute("UPDATE account_move SET payment_state = 'paid' WHERE id IN %s", [self.moves._ids])
        self.env.invalidate_all()
        with self.assertRaises(UserError):
            self._apply("promised", date=day("11-12"))

    def test_from_the_invoice(self):
        for name, result in (("says_paid", "paid"), ("not_received", "not_received")):
            with self.subTest(result):
                action = getattr(self.one, f"action_escalation_{name}")()
                self.assertNotIn("Call", action["name"], "they may have written")
                wizard = self._open_wizard(action, reference="X1")
                self.assertEqual(wizard.result, result)
                self.assertEqual(wizard.move_ids, self.one)
                wizard.action_apply()
                self.assertEqual(self.one.escalation_hold, "pause")
                self.assertFalse(self.two.escalation_hold)
                self.one.action_escalation_lift()

    def _log_call(self, action, result, **values):
        """What nobody planned, as a button opens it."""
        wizards = self.env[action["res_model"]].with_context(**action["context"])
        wizard = wizards.create({"result": result, **values})
        wizard.action_apply()
        return wizard

    def test_call_that_nobody_planned(self):
        early = self._create_invoice(day("11-20"), self.plan)
        action = self.customer.action_escalation_log_call()
        self.assertEqual(action["name"], "Log a Call")
        wizard = self._log_call(action, "other", note="Pays with the next run")
        self.assertEqual(wizard.move_ids, self.moves, "what is overdue, unless others are chosen")
        call = self._followups_of(self.one)[-1]
        expected = {"channel": "call", "state": "done", "date_done": MONDAY, "user_id": self.env.user.id}
        expected |= {"is_manual": True, "is_contact": True, "reason_detail": "Pays with the next run"}
        self.assertRecordValues(call, [expected])
        self.assertEqual(call.step_id.display_name, "Unplanned call")
        self.assertEqual(call.move_ids, self.moves)
        self.assertEqual((self.moves | early).mapped("escalation_last_date"), [MONDAY, MONDAY, False])
        self.assertEqual(self.call.state, "todo", "the plan does not move")

    def test_call_that_nobody_planned_delays_the_next_follow_up(self):
        plan = self._create_plan(self._step(1), min_contact_days=10)
        move = self._create_invoice(day("10-28"), plan)
        self._log_call(move.action_escalation_log_call(), "other", note="Will see", move_ids=[Command.set(move.ids)])
        self.assertFalse(plan._run(day("11-11")))
        self.assertTrue(plan._run(day("11-12")))

    def test_call_that_nobody_planned_has_the_same_results(self):
        values = {"date": day("11-12"), "amount": 150.0}
        self._log_call(self.customer.action_escalation_log_call(), "promised", **values)
        self.assertRecordValues(self.moves.escalation_promise_ids, [{"amount": 150.0, "state": "open"}])
        self.assertEqual(self.moves.mapped("escalation_hold"), ["promise"] * 2)
        made = self._followups_of(self.one)[-1]
        self.assertEqual(made.state, "done")
        self.assertIn("150.00", made.reason_detail)

    def test_what_the_customer_wrote_is_no_call(self):
        self._log_call(self.one.action_escalation_says_paid(), "paid")
        self.assertEqual(self._followups_of(self.one), self.call)
        self.assertFalse(self.one.escalation_last_date)

    def test_reminder_by_hand_is_still_an_email(self):
        self._log_call(self.customer.action_escalation_log_call(), "other", note="Will see")
        self.call.action_skip()
        made = self._followups_of(self.one)[-1]
        made.action_retry()
        self.assertEqual(made.state, "todo", "it was a mistake: the call is still to be made")
        self.one.action_escalation_remind()
        self.assertTrue(made.exists(), "a reminder does not replace a call")
        reminder = self.env["account.escalation.followup"].search([("state", "=", "draft")], limit=1)
        self.assertEqual(reminder.channel, "email")

    def test_nothing_open_to_talk_about(self):
        with self.assertRaises(UserError):
            self._create_customer("Deco Addict").action_escalation_log_call()

    def test_without_a_call_nobody_can_be_wrong_or_absent(self):
        action = self.customer.action_escalation_log_call()
        form = Form(self.env[action["res_model"]].with_context(**action["context"]))
        node = form._view["tree"].xpath("//field[@name='result'][@widget='filterable_selection']")[0]
        self.assertIn("'wrong_person', 'no_answer'", node.get("options"))
        self.assertEqual(node.get("invisible"), "followup_id")

    def test_other_results_need_a_call(self):
        wizard = self.env["account.escalation.call.result"].with_context(
            active_model="account.move", active_ids=self.one.ids
        )
        with self.assertRaises(UserError):
            wizard.create({"result": "no_answer"}).action_apply()

    def test_rights(self):
        company = {"company_id": self.company.id, "company_ids": [(6, 0, self.company.ids)]}
        reader = new_test_user(self.env, "reader", "account.group_account_readonly", **company)
        with self.assertRaises(AccessError):
            self._apply("no_answer", user=reader)
        biller = new_test_user(self.env, "biller", "account.group_account_invoice", **company)
        self._apply("paid", user=biller)
        self.assertEqual(self.call.state, "done")
