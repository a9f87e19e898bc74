"""Two connections at once, and a crash: real commits on a database of their own making."""

import threading
from unittest.mock import patch

import psycopg2
from freezegun import freeze_time

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.modules.registry import Registry
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from odoo.addons.account_escalation.tests.common import MONDAY, day


@tagged("post_install", "-at_install")
class TestConcurrency(BaseCase):
    """Commits for real, so it makes its records with the builders of the others, and takes them away again."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = Registry(get_db_name())

    def setUp(self):
        super().setUp()
        with self._connect() as env:
            self.plan_id, self.move_ids = self._make(env)
        self.addCleanup(self._remove)

    def _connect(self):
        return _Connection(self.registry)

    def _make(self, env):
        company = env.ref("base.main_company")
        customers = env["res.partner"].create(
            [{"name": f"Concurrent {n}", "email": f"c{n}@example.com", "is_company": True} for n in range(3)]
        )
        template = env["mail.template"].create(
            {
                "name": "Concurrent",
                "model_id": env["ir.model"]._get_id("account.escalation.followup"),
                "subject": "Reminder",
                "body_html": "<p>Please pay</p>",
            }
        )
        step = (0, 0, {"days": 1, "template_id": template.id})
        plan = env["account.escalation.plan"].create(
            {"name": "Concurrent", "company_id": company.id, "step_ids": [step], "min_contact_days": 0}
        )
        moves = env["account.move"].create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": customer.id,
                    "company_id": company.id,
                    "invoice_date": day("10-01"),
                    "invoice_date_due": day("10-16"),
                    "invoice_line_ids": [(0, 0, {"name": "Chairs", "price_unit": 100.0, "tax_ids": []})],
                }
                for customer in customers
            ]
        )
        moves.action_post()
        moves.escalation_plan_id = plan
        return plan.id, moves.ids

    def _remove(self):
        with self._connect() as env:
            plan = env["account.escalation.plan"].browse(self.plan_id)
            moves = env["account.move"].browse(self.move_ids)
            followups = env["account.escalation.followup"].search([("line_ids.move_id", "in", moves.ids)])
            env["mail.mail"].search([("mail_message_id", "in", followups.mail_message_id.ids)]).unlink()
            followups.unlink()
            moves.button_draft()
            moves.with_context(force_delete=True).unlink()
            template = plan.step_ids.template_id
            partners = env["res.partner"].search([("name", "like", "Concurrent _")])
            plan.unlink()
            template.unlink()
            partners.unlink()

    def _followups(self, env):
        return env["account.escalation.followup"].search([("plan_id", "=", self.plan_id)])

    def _record(self, env):
        return env["account.escalation.plan"].browse(self.plan_id)._record(MONDAY)

    def test_the_second_of_two_runs_finds_the_plan_taken(self):
        with self._connect() as one, self._connect() as two:
            self.assertEqual(len(self._record(one)), 3)
            self.assertFalse(self._record(two))
        with self._connect() as env:
            self.assertEqual(len(self._followups(env)), 3)

    def test_a_run_that_began_before_the_other_ended_is_told_to_try_again(self):
        with self._connect() as one:
            one["account.escalation.plan"].browse(self.plan_id).name  # noqa: B018 opens the snapshot
            with self._connect() as two:
                self._record(two)
            with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.errors.SerializationFailure):
                self._record(one)
            one.cr.rollback()
            one.invalidate_all()
            self.assertFalse(self._record(one), "tried again, it finds nothing to do")
        with self._connect() as env:
            self.assertEqual(len(self._followups(env)), 3)

    def test_two_workers_share_the_rows(self):
        with self._connect() as env:
            self._record(env)
        with self._connect() as one, self._connect() as two:
            mine = self._followups(one)[:2].try_lock_for_update(allow_referencing=True)
            self._followups(two)._process(MONDAY)
            self.assertEqual(len(self._followups(two).filtered(lambda f: f.state == "done")), 1)
            two.cr.commit()  # pylint: disable=invalid-commit; the connection is the test's own
            mine._process(MONDAY)
        with self._connect() as env:
            followups = self._followups(env)
            self.assertEqual(followups.mapped("state"), ["done"] * 3)
            self.assertEqual(
                env["mail.mail"].search_count([("res_id", "in", followups.ids), ("model", "=", followups._name)]), 3
            )

    @freeze_time("2026-11-02 12:00:00")
    def test_a_person_and_the_scheduled_action_do_not_both_write(self):
        with self._connect() as env:
            moves = env["account.move"].browse(self.move_ids)
            moves.is_move_sent = True
            self.assertEqual(len(self._record(env)), 3)
            action = moves[0].action_escalation_remind()
            composer_id = env[action["res_model"]].with_context(**action["context"]).create({}).id
        with self._connect() as machine, self._connect() as person:
            self._followups(machine)._process(MONDAY)  # and is not committed yet
            composer = person["mail.compose.message"].browse(composer_id)
            with self.assertRaisesRegex(UserError, "at this moment"):
                composer._action_send_mail()
            person.cr.rollback()
            machine.cr.commit()  # pylint: disable=invalid-commit; the connection is the test's own
            composer = person["mail.compose.message"].browse(composer_id)
            with self.assertRaisesRegex(UserError, "written to about this since you began"):
                composer._action_send_mail()
            person.cr.rollback()
        with self._connect() as env:
            lines = env["account.escalation.followup.line"].search([("move_id", "=", self.move_ids[0])])
            self.assertEqual(len(lines.followup_id.filtered(lambda followup: followup.state == "done")), 1)

    def test_two_people_do_not_both_write(self):
        composer_ids = []
        with self._connect() as env:
            for user in (env.user, env.ref("base.user_admin")):
                moves = env["account.move"].with_user(user).browse(self.move_ids)
                moves.is_move_sent = True
                action = moves[0].action_escalation_remind()
                composer = moves.env[action["res_model"]].with_context(**action["context"]).create({})
                composer_ids.append(composer.id)
        with self._connect() as one, self._connect() as two:
            one["mail.compose.message"].browse(composer_ids[0])._action_send_mail()
            other = two(user=two.ref("base.user_admin").id)
            with self.assertRaisesRegex(UserError, "at this moment"):
                other["mail.compose.message"].browse(composer_ids[1])._action_send_mail()
            two.cr.rollback()

    def test_what_somebody_holds_is_looked_at_again_soon(self):
        with self._connect() as env:
            self._record(env)
        with self._connect() as holder, self._connect() as worker, freeze_time("2026-11-02 12:00:00"):
            self._followups(holder)[:1].try_lock_for_update(allow_referencing=True)
            triggers = [("cron_id", "=", worker.ref("account_escalation.ir_cron_process").id)]
            before = worker["ir.cron.trigger"].search_count(triggers)
            with patch.object(worker.cr, "commit", worker.cr.flush):
                worker["account.escalation.followup"]._cron_process()
            self.assertEqual(worker["ir.cron.trigger"].search_count(triggers), before + 1)
            worker.cr.rollback()

    def test_many_workers_at_once_send_nothing_twice(self):
        with self._connect() as env:
            self._record(env)
        errors = []

        def work():
            try:
                with self._connect() as env:
                    self._followups(env)._process(MONDAY)
            except psycopg2.OperationalError:
                return  # the loser's batch is done again by a later one
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        threads = [threading.Thread(target=work) for _number in range(4)]
        with mute_logger("odoo.sql_db"):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        work()
        self.assertFalse(errors)
        with self._connect() as env:
            followups = self._followups(env)
            self.assertEqual(followups.mapped("state"), ["done"] * 3)
            mails = env["mail.mail"].search([("res_id", "in", followups.ids), ("model", "=", followups._name)])
            self.assertEqual(len(mails), 3)

    def test_assigning_while_the_run_works_loses_neither(self):
        with self._connect() as env:
            other = env["account.escalation.plan"].browse(self.plan_id).copy().id
            self.addCleanup(self._remove_plan, other)
        with self._connect() as run:
            self._record(run)  # the run works, and is not committed yet
            with self._connect() as person:
                self._assign(person, other)
        with self._connect() as env:
            followups = self._followups(env)
            self.assertEqual(len(followups), 3, "the run's work is not lost")
            followups._process(MONDAY)
            self.assertEqual(set(followups.mapped("state")), {"skipped"}, "but checked again before it leaves")
            moves = env["account.move"].browse(self.move_ids)
            self.assertEqual(moves.escalation_plan_id.id, other)
            followups = env["account.escalation.plan"].browse(other)._run(MONDAY)
            self.assertEqual(followups.move_ids, moves)
            env.cr.rollback()

    def test_a_run_that_began_before_the_assignment_fails_nothing(self):
        with self._connect() as env:
            other = env["account.escalation.plan"].browse(self.plan_id).copy().id
            self.addCleanup(self._remove_plan, other)
        with self._connect() as run:
            run["account.move"].browse(self.move_ids).mapped("state")  # opens the snapshot
            with self._connect() as person:
                self._assign(person, other)
            self.assertEqual(len(self._record(run)), 3, "it does not know better yet")
        with self._connect() as env:
            self._followups(env)._process(MONDAY)
            self.assertEqual(set(self._followups(env).mapped("state")), {"skipped"})

    def test_a_job_that_collides_with_a_worker_goes_on_afterwards(self):
        with self._connect() as env:
            self._record(env)
            plan = env["account.escalation.plan"].browse(self.plan_id)
            values = {
                "company_id": plan.company_id.id,
                "user_id": SUPERUSER_ID,
                "res_model": "account.move",
                "field_names": {"escalation_plan_id": True},
                "res_ids": self.move_ids,
                "total": 3,
            }
            job_id = env["account.escalation.job"].create(values).id
        with self._connect() as background:
            job = background["account.escalation.job"].browse(job_id)
            self.assertFalse(job.is_done)  # opens the snapshot
            with self._connect() as worker:
                followups = self._followups(worker)
                followups._process(MONDAY)  # writes the last contact on the same invoices
                worker["mail.mail"].search([("mail_message_id", "in", followups.mail_message_id.ids)]).state = "sent"
            with mute_logger("odoo.sql_db"):
                job._run_batch()
            self.assertEqual(job.done, 0)
            background.cr.commit()  # pylint: disable=invalid-commit; as the scheduled action does
            job._run_batch()
            self.assertTrue(job.is_done)
        with self._connect() as env:
            moves = env["account.move"].browse(self.move_ids)
            self.assertFalse(moves.escalation_plan_id)
            self.assertEqual(moves.mapped("escalation_last_date"), [MONDAY] * 3)
            env["account.escalation.job"].browse(job_id).unlink()

    def _assign(self, env, plan_id):
        moves = env["account.move"].browse(self.move_ids)
        wizard = env["account.escalation.assign"].with_context(active_model=moves._name, active_ids=moves.ids)
        wizard.create({"plan_id": plan_id}).action_assign()

    def _remove_plan(self, plan_id):
        with self._connect() as env:
            plan = env["account.escalation.plan"].browse(plan_id)
            env["account.move"].browse(self.move_ids).exists().escalation_plan_id = False
            env["account.escalation.job"].search([("plan_id", "=", plan_id)]).unlink()
            plan.unlink()

    def test_a_crash_before_the_commit_loses_nothing(self):
        with self._connect() as env:
            self._record(env)
        with self._connect() as env:
            self._followups(env)._process(MONDAY)
            env.cr.rollback()  # killed
        with self._connect() as env:
            self.assertEqual(self._followups(env).mapped("state"), ["queued"] * 3)
            self._followups(env)._process(MONDAY)
        with self._connect() as env:
            followups = self._followups(env)
            mails = env["mail.mail"].search([("res_id", "in", followups.ids), ("model", "=", followups._name)])
            self.assertEqual(len(mails), 3)

    def test_the_database_itself_refuses_a_step_twice(self):
        with self._connect() as env:
            line = self._record(env).line_ids[0]
            with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.errors.UniqueViolation), env.cr.savepoint():
                line.copy({"followup_id": line.followup_id.id})
            line.counts = False
            env.flush_all()
            self.assertTrue(line.copy({"followup_id": line.followup_id.id, "counts": True}))


class _Connection:
    """A transaction of its own, committed at the end."""

    def __init__(self, registry):
        self.cr = registry.cursor()

    def __enter__(self):
        return api.Environment(self.cr, SUPERUSER_ID, {})

    def __exit__(self, kind, _value, _traceback):
        if kind is None:
            self.cr.commit()  # pylint: disable=invalid-commit; the connection is the test's own
        else:
            self.cr.rollback()
        self.cr.close()
