"""Pause, dispute, exclusion: what stops follow-ups, until when, and what goes on."""

from datetime import timedelta

from freezegun import freeze_time
from lxml import etree

from odoo.exceptions import UserError
from odoo.tests import new_test_user
from odoo.tools.safe_eval import safe_eval

from odoo.addons.account_escalation.tests.common import MONDAY, EscalationCommon, day


@freeze_time("2026-11-02 12:00:00")
class TestHold(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.plan = self._create_plan(self._step(1))
        self.one, self.two = (self._create_invoice(day("10-16"), self.plan) for _number in range(2))

    def _hold(self, records, **values):
        wizard = self.env["account.escalation.hold"].with_context(active_model=records._name, active_ids=records.ids)
        return wizard.create(values).action_hold()

    def _notes(self, record):
        return " ".join(record.message_ids.mapped("body"))

    def test_paused_invoice_is_left_out_and_the_others_go(self):
        self._hold(self.one, until=day("11-05"), note="Is on holiday")
        followup = self.plan._run(MONDAY)
        self.assertEqual(followup.move_ids, self.two)
        self.assertEqual(self.one.escalation_reason, "On hold: goes on from 11/06/2026.")
        self.assertIn("Is on holiday", self._notes(self.one))
        self.assertEqual(self.plan._run(day("11-06")).move_ids, self.one)

    def test_pause_of_the_customer_pauses_all(self):
        self._hold(self.customer, until=day("11-05"))
        self.assertFalse(self.plan._run(MONDAY))
        self.assertEqual(self.plan._run(day("11-06")).move_ids, self.one | self.two)

    def test_pause_withdraws_what_waits(self):
        followup = self.plan._run(MONDAY)
        self._hold(self.one | self.two, until=day("11-05"))
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "hold"}])

    def test_pause_ends_after_its_last_day(self):
        self._hold(self.one, until=day("11-05"))
        plans = self.env["account.escalation.plan"]
        plans._end_holds({self.company: day("11-05")})
        self.assertEqual(self.one.escalation_hold, "pause")
        plans._end_holds({self.company: day("11-06")})
        self.assertFalse(self.one.escalation_hold)
        self.assertIn("has ended", self._notes(self.one))

    def test_day_in_the_past_is_refused(self):
        with self.assertRaises(UserError):
            self._hold(self.one, until=MONDAY - timedelta(days=1))
        self.assertFalse(self.one.escalation_hold)

    def test_paid_invoice_among_others_stops_all_unless_left_out(self):
        self._pay(self.one)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._hold(self.one | self.two, until=day("11-05"))
        self.assertFalse(self.two.escalation_hold)
        self._hold(self.one | self.two, until=day("11-05"), leaves_out=True)
        self.assertEqual(self.two.escalation_hold, "pause")
        self.assertFalse(self.one.escalation_hold)

    def test_dispute_lasts_until_it_is_resolved(self):
        self._hold(self.one, hold="dispute", dispute_reason="quality")
        self.assertRecordValues(
            self.one,
            [{"escalation_hold": "dispute", "escalation_hold_until": False, "escalation_dispute_date": MONDAY}],
        )
        self.assertEqual(self.plan._run(day("12-07")).move_ids, self.two)
        self.one.action_escalation_lift()
        self.assertFalse(self.one.escalation_dispute_reason)
        self.assertEqual(self.plan._run(day("12-08")).move_ids, self.one)

    def _dispute_by(self, user, move=None):
        """Have somebody resolve it; return what stands on their list then."""
        self._hold(move or self.one, hold="dispute", dispute_reason="price", user_id=user.id)
        return self.env["mail.activity"].search([("user_id", "=", user.id)])

    def test_dispute_is_on_the_list_of_who_resolves_it(self):
        ann, bob = (new_test_user(self.env, name, "account.group_account_invoice") for name in ("ann", "bob"))
        activity = self._dispute_by(ann, self.one | self.two)
        self.assertEqual(activity.mapped("res_id"), (self.one | self.two).ids)
        self.assertRecordValues(
            activity[0],
            [
                {
                    "summary": "Resolve the dispute: Price or terms",
                    "date_deadline": MONDAY,
                    "activity_type_id": self.env.ref("mail.mail_activity_data_todo").id,
                }
            ],
        )
        self.one.escalation_dispute_user_id = bob
        self.assertEqual(activity.exists().res_id, self.two.id)
        self.assertEqual(self.one.activity_ids.user_id, bob)
        self.one.action_escalation_lift()
        self.assertFalse(self.one.activity_ids)

    def test_own_dispute_is_no_to_do(self):
        self.assertFalse(self._dispute_by(self.env.user).filtered(lambda activity: activity.res_id == self.one.id))

    def test_settled_dispute_needs_no_resolving(self):
        ann = new_test_user(self.env, "ann", "account.group_account_invoice")
        activity = self._dispute_by(ann)
        self._pay(self.one, 40.0)
        self.assertTrue(activity.exists())
        self.assertEqual(self._filter("escalation_disputed", ann), self.one)
        self.assertEqual(self._filter("escalation_my_disputes", ann), self.one)
        self.assertFalse(self._filter("escalation_my_disputes", self.env.user))
        self._pay(self.one)
        self.assertFalse(activity.exists())
        self.assertFalse(self._filter("escalation_disputed", ann))
        self.assertFalse(self._filter("escalation_my_disputes", ann))

    def test_filters_leave_out_what_is_settled(self):
        self._hold(self.one | self.two, until=day("11-05"))
        self._pay(self.one)
        self.assertEqual(self._filter("escalation_held", self.env.user), self.two)

    def _filter(self, name, user):
        """The invoices of the customer that a filter of the list finds."""
        arch = etree.fromstring(self.env.ref("account_escalation.account_move_view_search").arch)
        [found] = arch.xpath(f"//filter[@name='{name}']")
        domain = safe_eval(found.get("domain"), {"uid": user.id})
        return self.env["account.move"].search([*domain, ("partner_id", "=", self.customer.id)])

    def test_disputed_invoice_is_not_merely_paused(self):
        self._hold(self.one, hold="dispute", dispute_reason="quality")
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._hold(self.one | self.two, until=day("11-05"))
        self._hold(self.one | self.two, until=day("11-05"), leaves_out=True)
        self.assertEqual([self.one.escalation_hold, self.two.escalation_hold], ["dispute", "pause"])

    def test_excluded_invoice(self):
        followup = self.plan._run(MONDAY)
        self._hold(self.one | self.two, hold="exclude", exclusion="factored")
        self.assertTrue(self.one.no_followup)
        self.assertEqual(self.one.escalation_exclusion, "factored")
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "excluded"}])
        self.assertIn("Factored", self._notes(self.one))

    def test_a_reason_excludes(self):
        for record, switch in ((self.one, "no_followup"), (self.customer, "escalation_no_followup")):
            with self.subTest(record._name):
                record.escalation_exclusion = "lawyer"
                self.assertTrue(record[switch])
                self.assertIn("Excluded from follow-ups. Lawyer", self._notes(record))
        self.assertFalse(self.plan._run(MONDAY))

    def test_followed_up_again_has_no_reason(self):
        for record, switch in ((self.one, "no_followup"), (self.customer, "escalation_no_followup")):
            with self.subTest(record._name):
                record.escalation_exclusion = "lawyer"
                record[switch] = False
                self.assertFalse(record.escalation_exclusion)
                record[switch] = True
                self.assertFalse(record.escalation_exclusion)

    def test_imported_with_a_reason(self):
        customer = self._create_customer("Insolvent", escalation_exclusion="insolvency")
        self.assertTrue(customer.escalation_no_followup)
        move = self._create_invoice(day("10-16"), self.plan, escalation_exclusion="factored")
        self.assertTrue(move.no_followup)
        move.button_draft()
        move.invoice_date_due = day("10-20")
        move.action_post()
        self.assertRecordValues(move, [{"no_followup": True, "escalation_exclusion": "factored"}])

    def test_insolvent_customer(self):
        followup = self.plan._run(MONDAY)
        self._hold(self.customer, hold="exclude", exclusion="insolvency")
        self.assertRecordValues(followup, [{"state": "skipped", "reason": "excluded"}])
        self.assertFalse(self.plan._run(day("11-03")))
        self.assertEqual(self.one.escalation_reason, "Excluded from follow-ups.")

    def test_what_we_collect_ourselves_gets_no_demand_until_it_comes_back(self):
        line = self.company_data["default_journal_bank"].inbound_payment_method_line_ids[:1]
        self.company.escalation_collected_line_ids = line
        self.one.preferred_payment_method_line_id = line
        self.assertEqual(self.plan._run(MONDAY).move_ids, self.two)
        self.assertIn("Collected by us", self.one.escalation_reason)
        self.one.action_escalation_returned()
        self.assertEqual(self.plan._run(day("11-03")).move_ids, self.one)

    def test_hold_of_a_draft_is_refused(self):
        draft = self.one.copy({"invoice_date": MONDAY})
        with self.assertRaises(UserError):
            self._hold(draft, until=day("11-05"))
