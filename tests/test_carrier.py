"""Letters posted by a carrier, over real HTTP: refused, slow, lost, found again, and never posted twice."""

from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import common, new_test_user

from odoo.addons.account_escalation.tests.carrier_server import CarrierServer
from odoo.addons.account_escalation.tests.common import EscalationCommon, day

NOON = "2026-11-02 12:00:00"
DUE = day("10-16")


class CarrierCase(EscalationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["account.escalation.plan"].search([]).active = False  # ready plans and demo data
        cls.company.write({"escalation_carrier": "mysendingbox", "escalation_carrier_key": "test_key"})
        cls.company.partner_id.write(
            {"street": "Hafenweg 3", "zip": "24103", "city": "Kiel", "country_id": cls.env.ref("base.de").id}
        )
        step = cls._step(5, "letter", tone="second", template_id=False)
        cls.plan = cls._create_plan(step, posts_letters=True)
        cls.params = cls.env["ir.config_parameter"]
        cls.params.set_param("account_escalation.carrier_timeout", "0.5")

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        """The tests' guard against requests to elsewhere, which would also make short time-outs long."""
        assert request.url.startswith("http://127.0.0.1:")
        return common._super_send(session, request, **kwargs)

    def setUp(self):
        super().setUp()
        self.service = CarrierServer()
        self.addCleanup(self.service.stop)
        self.params.set_param("account_escalation.mysendingbox_url", self.service.url)
        frozen = freeze_time(NOON)
        self.clock = frozen.start()
        self.addCleanup(frozen.stop)

    def _decide(self, plan=None, **values):
        self.move = self._create_invoice(DUE, plan or self.plan, **values)
        return (plan or self.plan)._run(day("11-02"))

    def _cron(self):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("account_escalation.ir_cron_post").method_direct_trigger()
        self.env.invalidate_all()

    def _assert(self, letter, state, status, reason="due", detail=False):
        self.assertRecordValues(
            letter, [{"state": state, "posting_status": status, "reason": reason, "reason_detail": detail}]
        )

    def _assert_failed(self, letter, reason, detail):
        self._assert(letter, "failed", "failed", reason, detail)
        self.assertFalse(letter.posting_reference)
        self.assertFalse(letter.date_done)


class TestCarrier(CarrierCase):
    def test_ourselves_by_default(self):
        company = self.env["res.company"].create({"name": "Another"})
        self.assertEqual(company.escalation_carrier, "print")
        self.company.escalation_carrier = "print"
        letter = self._decide()
        self._assert(letter, "todo", False)
        self.assertFalse(letter.can_post)
        letter.action_post()
        self._cron()
        self._assert(letter, "todo", False)
        self.assertFalse(self.service.requests)

    def test_offered_carriers(self):
        names = [name for name, _label in self.env["res.company"]._selection_escalation_carrier()]
        expected = ["print", "mysendingbox"] + ["snailmail"] * ("snailmail.letter" in self.env)
        self.assertEqual(names, expected)

    def test_automatic(self):
        letter = self._decide()
        self._assert(letter, "queued", "waiting")
        self.assertFalse(self.service.requests)  # not in the batch, whose errors could roll it back
        letter._process()
        self._assert(letter, "queued", "waiting")
        self._cron()
        self._assert(letter, "done", "accepted")
        self.assertEqual(letter.posting_reference, "L1")
        self.assertEqual(letter.date_done, day("11-02"))
        self.assertEqual(self.move.escalation_last_date, day("11-02"))

    def test_what_the_service_gets(self):
        self.plan.step_ids.posting_kind = "registered"
        letter = self._decide()
        self._cron()
        [(method, path, headers)] = self.service.requests
        self.assertEqual((method, path), ("POST", "/letters"))
        self.assertTrue(headers["Content-Type"].startswith("multipart/form-data; boundary="))
        fields = self.service.letters[0]["fields"]
        self.assertEqual(fields["metadata[idempotency_key]"], headers["Idempotency-Key"])
        self.assertIn(f"-{letter.id}-", headers["Idempotency-Key"])
        self.assertTrue(fields["source_file"].startswith(b"%PDF"))
        self.assertEqual(fields["source_file"], letter.attachment_ids.raw)
        for name, value in {
            "to[name]": "Azure Interior",
            "to[address_line1]": "Main Street 1",
            "to[address_postalcode]": "10115",
            "to[address_city]": "Berlin",
            "to[address_country]": "DE",
            "from[name]": self.company.name,
            "from[address_line1]": "Hafenweg 3",
            "postage_type": "lrar",
            "color": "bw",
            "both_sides": "true",
            "source_file_type": "file",
            "description": letter.reference,
        }.items():
            self.assertEqual(fields[name], value, name)

    def test_a_draft_until_a_person_releases_it(self):
        self.plan.posts_letters = False
        letter = self._decide()
        self._assert(letter, "todo", False)
        self.assertTrue(letter.can_post)
        self._cron()
        self.assertFalse(self.service.requests)
        letter.action_post()
        self._assert(letter, "queued", "waiting")
        self._cron()
        self._assert(letter, "done", "accepted")
        self.assertEqual(len(self.service.letters), 1)

    def test_never_twice(self):
        letter = self._decide()
        self._cron()
        self._cron()
        self.assertFalse(letter.can_reopen)
        letter.action_post()
        letter.action_retry()
        self._cron()
        self._assert(letter, "done", "accepted")
        self.assertEqual(len(self.service.posts()), 1)

    def test_refused_then_put_right(self):
        self.customer.zip = False
        letter = self._decide()
        self._cron()
        self._assert_failed(letter, "posting", "to.address_postalcode is required")
        self.customer.zip = "10115"
        letter.action_retry()
        self._assert(letter, "queued", "waiting")
        self._cron()
        self._assert(letter, "done", "accepted")
        first, second = (headers["Idempotency-Key"] for _method, _path, headers in self.service.posts())
        self.assertNotEqual(first, second)  # else the service would repeat its refusal

    def test_one_refused_does_not_stop_the_next(self):
        plan = self.plan
        broken = self._create_customer("Without Zip", zip=False)
        self._create_invoice(DUE, plan, partner=broken)
        letters = self._decide()
        self._cron()
        self.assertEqual(
            {letter.partner_id.name: letter.state for letter in letters},
            {"Without Zip": "failed", "Azure Interior": "done"},
        )

    def test_no_key_or_a_wrong_one(self):
        self.company.escalation_carrier_key = False
        letter = self._decide()
        self._cron()
        self._assert_failed(letter, "posting", "There is no API key in the settings.")
        self.company.escalation_carrier_key = "wrong"
        letter.action_retry()
        self._cron()
        self._assert_failed(letter, "posting", "Unauthorized key")

    def test_an_error_of_the_service(self):
        self.service.answer = (503, b"<html>down</html>")
        letter = self._decide()
        self._cron()
        self._assert_failed(letter, "posting_unanswered", "503 Service Unavailable")
        letter.action_retry()
        self._cron()
        self._assert_failed(letter, "posting_unanswered", "503 Service Unavailable")
        self.assertEqual(len(self.service.posts()), 1)  # the second time it was only asked
        self.service.answer = None
        letter.action_retry()
        self._cron()
        self._assert(letter, "done", "accepted")
        self.assertEqual(len(self.service.letters), 1)

    def test_answers_that_are_none(self):
        for answer in ((200, b"[]"), (200, b"{}"), (200, b"OK"), (302, {"_id": "L9"})):
            with self.subTest(answer=answer):
                self.service.answer = answer
                letter = self._decide(self.plan.copy())
                self._cron()
                self.assertEqual((letter.state, letter.reason), ("failed", "posting_unanswered"))
                self.assertTrue(letter.is_posting_uncertain)

    def test_unreachable(self):
        letter = self._decide()
        self.service.stop()
        self._cron()
        self.assertEqual((letter.state, letter.reason), ("failed", "posting_unanswered"))
        self.assertIn("ConnectionError", letter.reason_detail)

    def test_taken_but_told_too_late(self):
        self.service.delay_after = 1.5
        letter = self._decide()
        self._cron()
        self._assert_failed(letter, "posting_unanswered", "The service has not answered in time.")
        self.assertEqual(len(self.service.letters), 1)
        self.service.delay_after = 0
        self.service.keys.clear()  # the service forgets them after a day
        for number in range(4):  # more letters than one page shows
            self.service.take({}, f"other {number}")
        self.service.letters.reverse()
        letter.action_retry()
        self._cron()
        self._assert(letter, "done", "accepted")
        self.assertEqual(letter.posting_reference, "L1")
        self.assertEqual(len(self.service.posts()), 1)

    def test_too_slow_to_be_taken(self):
        self.service.delay_before = 1.5
        letter = self._decide()
        self.service.take = lambda *args: {}  # gives up
        self._cron()
        self._assert_failed(letter, "posting_unanswered", "The service has not answered in time.")
        self.service.delay_before = 0
        del self.service.take
        letter.action_post()
        self._cron()
        self._assert(letter, "done", "accepted")
        self.assertEqual(len(self.service.letters), 1)
        first, second = (headers["Idempotency-Key"] for _method, _path, headers in self.service.posts())
        self.assertEqual(first, second)

    def test_not_posted_again_if_the_service_does_not_show_all(self):
        self.service.delay_after = 1.5
        letter = self._decide()
        self._cron()
        self.service.delay_after = 0
        self.service.hidden = 1
        letter.action_retry()
        self._cron()
        self._assert_failed(letter, "posting_unanswered", "The service does not show all of its letters.")
        self.assertEqual(len(self.service.posts()), 1)

    def test_an_error_after_posting(self):
        """The transaction of a letter that is on its way fails: the carrier is asked for it first."""
        followups = type(self.env["account.escalation.followup"])
        set_posted, failures = followups._set_posted, [ZeroDivisionError("lost")]

        def break_once(letter, posting, today):
            set_posted(letter, posting, today)
            while failures:
                raise failures.pop()

        self.patch(followups, "_set_posted", break_once)
        letter = self._decide()
        with self.assertLogs("odoo.addons.account_escalation", "WARNING"):
            self._cron()
        self.assertRecordValues(letter, [{"state": "failed", "posting_reference": False, "is_posting_uncertain": True}])
        letter.action_retry()
        self._cron()
        self._assert(letter, "done", "accepted")
        self.assertEqual(len(self.service.posts()), 1)

    def test_paid_before_it_is_posted(self):
        letter = self._decide()
        self._pay(self.move)
        self._cron()
        self._assert(letter, "skipped", False, "paid")
        self.assertFalse(self.service.requests)

    def test_partly_paid_before_it_is_posted(self):
        letter = self._decide()
        before = letter.attachment_ids.raw
        self._pay(self.move, 40.0)
        self._cron()
        self._assert(letter, "done", "accepted")
        self.assertNotEqual(self.service.letters[0]["fields"]["source_file"], before)
        self.assertEqual(letter.amount_residual, 60.0)

    def test_skipped_before_it_is_posted(self):
        letter = self._decide()
        letter.action_skip()
        self._cron()
        self._assert(letter, "skipped", False, "by_person", letter.reason_detail)
        self.assertFalse(self.service.requests)

    def test_carrier_given_up_before_it_is_posted(self):
        letter = self._decide()
        self.company.escalation_carrier = "print"
        self._cron()
        self._assert(letter, "todo", False)
        self.assertFalse(self.service.requests)


class TestCarrierStatus(CarrierCase):
    def setUp(self):
        super().setUp()
        self.letter = self._decide()
        self._cron()

    def _later(self, *events, hours=7, **values):
        self.service.happen(self.service.letters[-1], *events, **values)
        self.clock.tick(timedelta(hours=hours))
        self._cron()

    def test_on_its_way_and_delivered(self):
        self._later("letter.filing_proof", "letter.accepted", tracking_number="1A2B")
        self._assert(self.letter, "done", "sent", detail="Tracking number 1A2B")
        asked = len(self.service.requests)
        self._later("letter.distributed", hours=1)
        self.assertEqual(len(self.service.requests), asked)  # not every hour
        self._later()
        self._assert(self.letter, "done", "delivered", detail="Tracking number 1A2B")
        asked = len(self.service.requests)
        self._later()
        self.assertEqual(len(self.service.requests), asked)  # settled

    def test_lost_then_posted_again(self):
        self._later("letter.sent", "letter.lost")
        self._assert(self.letter, "failed", "failed", "posting_lost", "Description of letter.lost")
        self.assertFalse(self.move.escalation_last_date)
        self.letter.action_retry()
        self._cron()
        self._assert(self.letter, "done", "accepted")
        self.assertEqual(self.letter.posting_reference, "L2")

    def test_wrong_address(self):
        self._later("letter.sent", wrong_address=True)
        self._assert(self.letter, "failed", "failed", "posting_lost", "Wrong address")

    def test_no_news_is_no_failure(self):
        self.service.answer = (500, {"error": {"message": "Oops"}})
        with self.assertLogs("odoo.addons.account_escalation", "WARNING"):
            self._later()
        self._assert(self.letter, "done", "accepted")
        self.service.answer = None
        self._later("letter.sent")
        self._assert(self.letter, "done", "sent")


class TestCarrierCallsBack(CarrierCase):
    """A carrier that gives back what it has not posted yet, as Snailmail's queue does."""

    def setUp(self):
        super().setUp()
        self.cancelled = []
        carrier = self.env.registry["account.escalation.carrier.mysendingbox"]
        for name, method in (
            ("_filter_recallable", lambda _carrier, letters: letters if self.is_recallable else letters.browse()),
            ("_cancel_letter", lambda _carrier, letter: self.cancelled.append(letter.posting_reference)),
        ):
            patcher = patch.object(carrier, name, method)
            patcher.start()
            self.addCleanup(patcher.stop)
        self.is_recallable = True
        self.letter = self._decide()
        self._cron()
        self._assert(self.letter, "done", "accepted")

    def test_paid_before_the_carrier_has_posted_it(self):
        self._pay(self.move)
        self.assertEqual(self.cancelled, ["L1"])
        self._assert(self.letter, "skipped", False, "paid")
        self.assertFalse(self.move.escalation_last_date)
        self._cron()
        self.assertEqual(len(self.service.posts()), 1)

    def test_partly_paid_is_posted_anew(self):
        self._pay(self.move, 40.0)
        self._assert(self.letter, "queued", "waiting")
        self.assertFalse(self.move.escalation_last_date)
        self._cron()
        self._assert(self.letter, "done", "accepted")
        self.assertEqual((self.cancelled, self.letter.posting_reference), (["L1"], "L2"))
        self.assertEqual(self.letter.amount_residual, 60.0)

    def test_what_is_posted_stays_so(self):
        self.is_recallable = False
        self._pay(self.move)
        self.assertFalse(self.cancelled)
        self._assert(self.letter, "done", "accepted")
        self.assertTrue(self.move.escalation_last_date)


class TestCarrierAccess(CarrierCase):
    def test_who_reads_the_key_and_who_posts(self):
        company = {"company_id": self.company.id, "company_ids": [Command.set(self.company.ids)]}
        biller = new_test_user(self.env, "biller", "account.group_account_invoice", **company)
        reader = new_test_user(self.env, "reader", "account.group_account_readonly", **company)
        manager = new_test_user(self.env, "manager", "account.group_account_manager", **company)
        self.assertEqual(self.company.with_user(manager).escalation_carrier_key, "test_key")
        for user in (biller, reader):
            with self.assertRaises(AccessError):
                self.company.with_user(user).read(["escalation_carrier_key"])
        self.plan.posts_letters = False
        letter = self._decide()
        with self.assertRaises(AccessError):
            letter.with_user(reader).action_post()
        for values in ({"posting_reference": "L7"}, {"posting_status": "delivered"}):
            with self.assertRaises(AccessError):
                letter.with_user(biller).write(values)
        letter.with_user(biller).action_post()
        self._cron()
        self._assert(letter, "done", "accepted")
