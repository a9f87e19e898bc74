"""A promise to pay: refused, kept, partly kept, broken; and what it stops meanwhile."""

from unittest.mock import patch

import psycopg2
from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day

LOGGER = "odoo.addons.account_escalation.models.account_escalation_plan_run"
MOVE_LOGGER = "odoo.addons.account_escalation.models.account_move"


@freeze_time("2026-11-02 12:00:00")
class TestPromise(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.company.escalation_grace_days = 3
        self.plan = self._create_plan(self._step(1))
        self.move = self._create_invoice(day("10-16"), self.plan)

    def _promise(self, *moves, **values):
        moves = self.env["account.move"].concat(*(moves or [self.move]))
        return self.env["account.escalation.promise"].create(
            {"move_ids": [Command.set(moves.ids)], "date": day("11-10"), "amount": 100.0, **values}
        )

    def _end_holds(self, today):
        self.env["account.escalation.plan"]._end_holds({self.company: today})

    def test_pauses_until_the_day_and_the_days_of_grace(self):
        self._promise()
        self.assertRecordValues(self.move, [{"escalation_hold": "promise", "escalation_hold_until": day("11-13")}])
        self.assertFalse(self.plan._run(MONDAY))
        self.assertEqual(self.plan._run(day("11-16")).move_ids, self.move)

    def test_in_two_parts_pauses_until_the_last_one_in_any_order(self):
        self._promise(amount=50.0, date=day("12-10"))
        self._promise(amount=50.0)
        self.assertEqual(self.move.escalation_hold_until, day("12-13"))
        self._end_holds(day("11-14"))
        self.assertEqual(self.move.escalation_hold, "promise")
        self.assertFalse(self.plan._run(day("11-16")))

    def test_name_tells_when_and_how_much_first(self):
        promise = self._promise()
        amount = promise.currency_id.format(100.0)
        self.assertEqual(promise.display_name, f"11/10/2026: {amount}, Azure Interior")
        own = promise.with_context(escalation_of_customer=True)
        self.assertEqual(own.display_name, f"11/10/2026: {amount}", "on the customer's own invoice")
        promise.sudo().state = "broken"
        self.assertEqual(own.display_name, f"11/10/2026: {amount} (Broken)")

    def test_after_a_cancelled_one(self):
        self._promise(date=day("12-10")).action_cancel()
        self._promise()
        self.assertEqual(self.move.escalation_hold_until, day("11-13"))

    def test_after_one_of_three_was_cancelled(self):
        self._promise(amount=20.0)
        self._promise(amount=30.0, date=day("11-20"))
        self._promise(amount=50.0, date=day("12-10")).action_cancel()
        self.assertEqual(self.move.escalation_hold_until, day("11-23"))

    def test_after_the_later_of_two_was_cancelled(self):
        self._promise(amount=50.0)
        self._promise(amount=20.0, is_held=False)
        other = self._create_invoice(day("10-16"), self.plan)
        self._promise(self.move, other, amount=50.0, date=day("12-10")).action_cancel()
        self.assertEqual(self.move.escalation_hold_until, day("11-13"))
        self.assertFalse(other.escalation_hold)

    def test_put_off_to_another_day(self):
        promise = self._promise()
        promise.date = day("11-20")
        self.assertEqual(self.move.escalation_hold_until, day("11-23"))

    def test_what_became_of_it_is_not_written_by_hand(self):
        promise = self._promise()
        for vals in ({"state": "kept"}, {"amount_paid": 99.0}, {"date_paid": MONDAY}, {"days_late": -5}):
            with self.subTest(vals), self.assertRaises(AccessError):
                promise.write(vals)
        promise.note = "By phone"
        with self.assertRaises(AccessError):
            self._promise(state="kept")

    def test_without_pause(self):
        self._promise(is_held=False)
        self.assertEqual(self.plan._run(MONDAY).move_ids, self.move)

    def test_kept(self):
        promise = self._promise()
        self._pay(self.move, on=day("11-09"))
        self.assertRecordValues(
            promise, [{"state": "kept", "amount_paid": 100.0, "date_paid": day("11-09"), "days_late": -1}]
        )
        self.assertEqual(self.customer.escalation_promise_rate, 100)

    def test_payment_that_comes_back_keeps_nothing(self):
        promise = self._promise()
        self._pay(self.move, on=day("11-09"))
        self.assertEqual(promise.state, "kept")
        self.move.line_ids.remove_move_reconcile()
        self.env.cr.flush()  # as at the end of a request
        self.assertRecordValues(promise, [{"state": "open", "amount_paid": 0.0}])

    def test_broken_goes_on_and_comes_onto_a_list(self):
        promise = self._promise(user_id=self.env.user.id)
        self._end_holds(day("11-13"))
        self.assertEqual(promise.state, "open", "a day of grace is left")
        self.assertEqual(self.customer.escalation_promise_ended_count, 0, "there is no rate to tell yet")
        self._end_holds(day("11-14"))
        self.assertEqual(promise.state, "broken")
        self.assertFalse(self.move.escalation_hold)
        self.assertIn("Broken", self.move.activity_ids.summary)
        self.assertRecordValues(self.customer, [{"escalation_promise_ended_count": 1, "escalation_promise_rate": 0}])
        self.assertEqual(self.plan._run(day("11-16")).move_ids, self.move)

    def test_broken_comes_onto_no_list_of_who_has_left(self):
        self.company.escalation_user_id = self.user_employee
        gone = new_test_user(self.env, "gone", "account.group_account_invoice")
        self.move.invoice_user_id = gone
        self._promise(user_id=gone.id)
        gone.active = False
        self._end_holds(day("11-14"))
        self.assertEqual(self.move.activity_ids.user_id, self.user_employee)

    def test_paid_too_late_stays_broken_and_tells_the_delay(self):
        promise = self._promise()
        self._end_holds(day("11-16"))
        with freeze_time("2026-11-30 12:00:00"):
            self._pay(self.move, on=day("11-30"))
        self.assertRecordValues(
            promise, [{"state": "broken", "amount_paid": 100.0, "date_paid": day("11-30"), "days_late": 20}]
        )
        self.assertEqual(self.customer.escalation_promise_days, 20)

    def test_what_fails_on_one_promise_stops_no_follow_up(self):
        self._promise()
        other = self._create_invoice(day("10-16"), self.plan)
        other._escalation_hold("pause", day("11-05"))
        promises = type(self.env["account.escalation.promise"])
        with patch.object(promises, "_update_state", side_effect=ValueError), mute_logger(LOGGER):
            self._end_holds(day("11-16"))
        self.assertFalse(other.escalation_hold)

    def _fail_on(self, model, method, error):
        return patch.object(type(self.env[model]), method, autospec=True, side_effect=error)

    def test_what_fails_on_a_promise_stops_no_payment(self):
        promise = self._promise(is_held=False)
        followup = self.plan._run(MONDAY)
        update = type(promise)._update_state

        def write_and_fail(promises, today):
            update(promises, today)
            promises.env.cr.execute("SELECT 1 / 0")

        failing = self._fail_on(promise._name, "_update_state", write_and_fail)
        with failing, mute_logger("odoo.sql_db"), self.assertLogs(MOVE_LOGGER, "ERROR") as logs:
            self._pay(self.move, on=day("11-09"))
        self.assertIn("Traceback", logs.output[0])
        self.assertIn(self.move.payment_state, ("paid", "in_payment"))
        self.assertEqual(followup.state, "skipped", "what waits is looked at all the same")
        self.assertRecordValues(promise, [{"state": "open", "amount_paid": 0.0}])
        self._end_holds(day("11-09"))
        self.assertRecordValues(promise, [{"state": "kept", "amount_paid": 100.0}])

    def test_what_fails_on_follow_ups_stops_no_payment(self):
        promise = self._promise()
        lines = (self.move | self._pay_in(100.0)).line_ids
        with self._fail_on("account.move", "_escalation_recheck", ValueError), mute_logger(MOVE_LOGGER):
            lines.filtered(lambda line: line.account_type == "asset_receivable").reconcile()
            self.env.cr.flush()  # as at the end of a request
        self.assertIn(self.move.payment_state, ("paid", "in_payment"))
        self.assertEqual(promise.state, "kept")

    def test_serialization_failure_is_left_to_odoo(self):
        promise = self._promise()
        for error in (psycopg2.OperationalError, psycopg2.InterfaceError):
            failing = self._fail_on(promise._name, "_update_state", error)
            with self.subTest(error), self.assertRaises(error), self.env.cr.savepoint(), failing:
                self._pay(self.move, on=day("11-09"))

    def test_payment_that_came_back_unseen_is_read_off_the_next_day(self):
        promise, other = self._promise(amount=30.3), self._promise(amount=30.3)
        self._pay(self.move, 60.6, on=day("11-09"))
        self.assertEqual((promise + other).mapped("state"), ["kept", "kept"])
        with self._fail_on(promise._name, "_update_state", ValueError), mute_logger(MOVE_LOGGER):
            self.move.line_ids.remove_move_reconcile()
            self.env.cr.flush()  # as at the end of a request
        self.assertEqual(promise.state, "kept")
        self._end_holds(day("11-10"))
        self.assertRecordValues(promise + other, [{"state": "open", "amount_paid": 0.0}] * 2)

    def test_what_has_ended_is_left_alone(self):
        cancelled, promise = self._promise(), self._promise()
        cancelled.action_cancel()
        self._pay(self.move, on=day("11-09"))
        with patch.object(type(promise), "_update_state", autospec=True) as update:
            self._end_holds(day("11-10"))
        self.assertFalse(update.call_args.args[0])

    def test_partly_kept(self):
        promise = self._promise(amount=80.0)
        self._pay(self.move, 30.0, on=day("11-09"))
        self.assertEqual(promise.state, "open")
        self._end_holds(day("11-16"))
        self.assertRecordValues(promise, [{"state": "partial", "amount_paid": 30.0}])

    def test_the_rest_goes_on_after_the_days_of_grace(self):
        promise = self._promise(amount=40.0)
        self._pay(self.move, 40.0, on=day("11-09"))
        self.assertEqual(promise.state, "kept")
        self.assertFalse(self.plan._run(day("11-12")))
        self.assertEqual(self.plan._run(day("11-16")).move_ids, self.move)

    def test_payment_before_the_promise_does_not_keep_it(self):
        self._pay(self.move, 50.0, on=day("10-30"))
        self.env.cr.execute("UPDATE account_partial_reconcile SET create_date = '2026-11-01'")
        self.env.invalidate_all()
        promise = self._promise(amount=50.0)
        promise._update_state(MONDAY)
        self.assertRecordValues(promise, [{"state": "open", "amount_paid": 0.0}])

    def test_cancelled(self):
        promise = self._promise()
        promise.action_cancel()
        self.assertEqual(promise.state, "cancelled")
        self.assertFalse(self.move.escalation_hold)

    def test_bad_promises_are_refused_and_write_nothing(self):
        other = self._create_invoice(day("10-16"), partner=self._create_customer("Deco Addict"))
        draft = self.move.copy({"invoice_date": MONDAY})
        for moves, values, error in (
            ([self.move], {"date": day("11-01")}, ValidationError),
            ([self.move], {"amount": 101.0}, ValidationError),
            ([self.move], {"amount": 0.0}, ValidationError),
            ([self.move, other], {}, ValidationError),
            ([draft], {"amount": 1.0}, UserError),
        ):
            with self.subTest(values), self.assertRaises(error), self.env.cr.savepoint():
                self._promise(*moves, **values)
        self.assertFalse(self.move.escalation_hold)
