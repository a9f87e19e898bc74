"""The single measurements of bench.py, each in a process of its own."""

import random
import time
from datetime import timedelta
from unittest.mock import patch

import bench_data
import psycopg2
from bench_data import TODAY
from bench_meter import Meter, environment, in_process, start

from odoo import Command, tools

FOLLOWUP = "account.escalation.followup"
LETTERS, LETTERS_ONE_BY_ONE = 50, 3
KILLS = 3
LATER = TODAY + timedelta(days=35)  # another Monday: further steps are due then
DONE = "SELECT count(*) FROM account_escalation_followup WHERE state != 'queued' AND plan_id = %s AND date = %s"


def warm_up(database, plan_id):
    """Fill Odoo's caches (views, templates, rights), as those of a worker are."""
    with environment(database) as env:
        plan = env["account.escalation.plan"].browse(plan_id)
        env["account.escalation.plan"].browse(plan_id)._record(TODAY)[:2]._process(TODAY)
        for _pair in plan._decide(TODAY):
            pass


def measure_bare(database, plan_id):
    """(a) The rows that READ needs, selected and fetched without anything else."""
    with environment(database) as env, Meter() as cost, env.cr._cnx.cursor(name="bare") as cursor:
        cursor.itersize = 5000
        cursor.execute(
            "SELECT m.commercial_partner_id, m.id, l.id, l.date_maturity, l.amount_residual"
            "  FROM account_move m JOIN account_move_line l ON l.move_id = m.id AND l.display_type = 'payment_term'"
            " WHERE m.escalation_plan_id = %s AND m.state = 'posted' AND m.payment_state IN ('not_paid', 'partial')",
            [plan_id],
        )
        rows = sum(1 for _row in cursor)
    return cost.values(units=rows)


def measure_decide(database, plan_id):
    """READ and DECIDE, in a transaction that cannot write."""
    with environment(database) as env:
        env.cr.execute("SET TRANSACTION READ ONLY")
        plan = env["account.escalation.plan"].browse(plan_id)
        with Meter() as cost:
            items = sum(len(facts.subject.items) for facts, _decision in plan._decide(TODAY))
    return cost.values(units=items, named=cost.named)


def measure_record(database, plan_id, today):
    """READ, DECIDE and RECORD, committed."""
    with environment(database, commit=True) as env:
        plan = env["account.escalation.plan"].browse(plan_id)
        with Meter() as cost:
            followups = plan._record(today)
            env.cr.commit()
        env.cr.execute(
            "SELECT count(*) FROM account_escalation_followup_line WHERE followup_id IN %s",
            [tuple(followups.ids or [0])],
        )
        [lines] = env.cr.fetchone()
    return cost.values(units=len(followups), lines=lines)


def measure_process(database):
    """DO: everything that is queued, as the scheduled action does it, with its commits."""
    with environment(database, commit=True) as env:
        followups = env[FOLLOWUP]
        total = followups.search_count([("state", "=", "queued")])
        with Meter() as cost:
            followups._cron_process()
    return cost.values(units=total)


def measure_nothing_due(database, plan_id, today):
    """A second run on the same day: everything is done already."""
    with environment(database, commit=True) as env:
        plan = env["account.escalation.plan"].browse(plan_id)
        with Meter() as read:
            for _pair in plan._decide(today):
                pass
        env.invalidate_all()
        with Meter() as cost:
            made = plan._run(today)
            env.flush_all()
    return cost.values(units=len(made), more=cost.queries - read.queries)


def measure_cheapest_mail(database, plan_id, number):
    """(b) Odoo's own cheapest way to queue a rendered email: a plain template, mail.mail created in batches."""
    with environment(database) as env:
        template = env["mail.template"].create(
            {
                "name": "Benchmark",
                "model_id": env["ir.model"]._get_id("res.partner"),
                "subject": "Hello {{ object.name }}",
                "body_html": '<p>Dear <t t-out="object.name"/></p>',
            }
        )
        partners = env["account.move"].search([("escalation_plan_id", "=", plan_id)]).partner_id
        partners = partners.browse((partners.ids * (number // len(partners) + 1))[:number])
        env.flush_all()
        env.invalidate_all()
        with Meter() as cost:
            for ids in tools.split_every(100, partners.ids):
                batch = partners.browse(dict.fromkeys(ids))
                subjects, bodies = (template._render_field(field, batch.ids) for field in ("subject", "body_html"))
                env["mail.mail"].create(
                    [
                        {
                            "subject": subjects[partner.id],
                            "body_html": bodies[partner.id],
                            "email_from": "me@example.com",
                            "recipient_ids": [Command.set(partner.ids)],
                        }
                        for partner in partners.browse(ids)
                    ]
                )
                env.flush_all()
                env.invalidate_all()
    return cost.values(units=number)


def measure_email_with_pdf(database, plan_id):
    """One batch of 100 emails, with the existing PDF of each invoice attached."""
    with environment(database) as env:
        plan = env["account.escalation.plan"].browse(plan_id)
        plan.attach_invoices = True
        make_pdfs(env, plan_id)
        return measure_batch(env, plan._record(TODAY)[:100])


def make_pdfs(env, plan_id):
    """One PDF stored by Odoo, the others as copies of its row."""
    original, *others = env["account.move"].search([("escalation_plan_id", "=", plan_id)])
    original.invoice_pdf_report_file = b"JVBERi0xLjQK"
    env.flush_all()
    env.cr.execute("CREATE TEMP TABLE bench_pdf AS SELECT unnest(%s) AS move_id", [[move.id for move in others]])
    bench_data.copy_rows(
        env.cr,
        "ir_attachment",
        f"bench_pdf c, ir_attachment o WHERE o.res_model = 'account.move' AND o.res_id = {original.id}"
        " AND o.res_field = 'invoice_pdf_report_file'",
        {"id": "nextval('ir_attachment_id_seq')", "res_id": "c.move_id", "access_token": "NULL"},
    )
    env.invalidate_all()


def measure_calls(database, plan_id):
    """One batch of 100 calls, after another one."""
    with environment(database) as env:
        calls = record_other(env, plan_id, "call")
        calls[100:200]._process(TODAY)
        return measure_batch(env, calls[:100])


def measure_cheapest_calls(database, plan_id):
    """(c) Odoo's own creation of the same activities: the floor of a call, whatever is checked before it."""
    with environment(database) as env:
        calls = record_other(env, plan_id, "call")
        activities = env["mail.activity"].with_context(mail_activity_quick_update=True)
        values = [[call._prepare_activity_values() for call in batch] for batch in (calls[100:200], calls[:100])]
        activities.create(values[0])
        env.flush_all()
        env.invalidate_all()
        for documents in (calls[:100].move_ids, calls[:100].partner_id):
            documents.mapped("display_name")  # else each activity reads its own
        with Meter() as cost:
            created = activities.create(values[1])
            env.flush_all()
    return cost.values(units=len(created))


def record_other(env, plan_id, channel):
    """The follow-ups of the same invoices under a plan of another channel."""
    other = bench_data.make_plan(env, channel)
    env.flush_all()
    env.cr.execute("UPDATE account_move SET escalation_plan_id = %s WHERE escalation_plan_id = %s", [other.id, plan_id])
    env.invalidate_all()
    return other._record(TODAY)


def measure_batch(env, followups, *, together=True):
    env.flush_all()
    env.invalidate_all()
    with Meter() as cost:
        for batch in [followups] if together else followups:
            batch._process(TODAY)
            env.flush_all()
    states = set(followups.mapped("state"))
    bench_data.expect(states <= {"todo", "done"}, True, f"states {states}")
    return cost.values(units=len(followups))


def measure_letters(database, plan_id, *, one_by_one):
    """Letters, all in one batch or one by one, with the calls of wkhtmltopdf and the documents in them."""
    from odoo.addons.base.models import ir_actions_report as core

    with environment(database) as env, patch.object(core, "_run_wkhtmltopdf", wraps=core._run_wkhtmltopdf) as run:
        letters = record_other(env, plan_id, "letter")[: LETTERS_ONE_BY_ONE if one_by_one else LETTERS]
        with patch.object(core.IrActionsReport, "_run_wkhtmltopdf", return_value=b""):
            env.ref("account_escalation.action_report_letter")._escalation_render(letters[0])  # compiles the templates
        cost = measure_batch(env, letters, together=not one_by_one)
        documents = [sum("report.body" in arg for arg in call.args[0]) for call in run.call_args_list]
    return {**cost, "calls": run.call_count, "documents": documents}


# --- killed ---------------------------------------------------------------------------------------------------------


def check_kills(database, plan_id):
    """Kill the worker several times between or inside batches, then let another one finish; count the emails."""
    in_process(measure_record, database, plan_id, LATER)
    chance = random.Random(1)
    done_at_kill = []
    for number in range(1, KILLS + 1):
        process, _receiver = start(measure_process, database)
        wait_for_done(database, process, plan_id, number * 100)
        time.sleep(chance.random() / 10)
        process.kill()
        process.join()
        done_at_kill.append(query(database, DONE, plan_id, LATER))
    in_process(measure_process, database)
    return {
        "killed": [done for [[done]] in done_at_kill],
        "states": dict(
            query(
                database,
                "SELECT state, count(*) FROM account_escalation_followup WHERE plan_id = %s AND date = %s GROUP BY 1",
                plan_id,
                LATER,
            )
        ),
        "wrong": query(
            database,
            "SELECT count(*) FROM (SELECT f.id FROM account_escalation_followup f"
            "  LEFT JOIN mail_message mm ON mm.model = 'account.escalation.followup' AND mm.res_id = f.id"
            "  LEFT JOIN mail_mail mail ON mail.mail_message_id = mm.id"
            "  WHERE f.plan_id = %s AND f.date = %s GROUP BY f.id HAVING count(mail.id) != 1) x",
            plan_id,
            LATER,
        )[0][0],
    }


def wait_for_done(database, process, plan_id, number):
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    with connection.cursor() as cr:
        while process.is_alive():
            cr.execute(DONE, [plan_id, LATER])
            if cr.fetchone()[0] >= number:
                break
            time.sleep(0.005)
    connection.close()


def query(database, statement, *params):
    connection = psycopg2.connect(dbname=database)
    with connection.cursor() as cr:
        cr.execute(statement, params)
        rows = cr.fetchall()
    connection.close()
    return rows
