"""What the addon costs: time, statements and memory, beside what Odoo and PostgreSQL themselves cost on the same rows.

usage: bench.py ODOO_CONF DATABASE DATABASE_WITHOUT_ADDON [NUMBER OF INVOICES ...]
       bench.py ODOO_CONF DATABASE --profile decide|record|customer|email|pdf|call|letter NUMBER

Each measurement runs in a process of its own. The database is a prepared one; for each number it is copied.
"""

import cProfile
import pstats
import random
import sys
import time
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from unittest.mock import patch

import bench_core
import bench_data
import db
import psycopg2
from bench_data import TODAY
from bench_meter import Meter, count_named_cursors, environment, in_process, start

from odoo import Command, sql_db, tools
from odoo.modules.registry import Registry

FOLLOWUP = "account.escalation.followup"
LETTERS, LETTERS_ONE_BY_ONE = 50, 3
KILLS = 3
CUSTOMERS_SHARE = 1820 / 10193  # customers for each invoice, where they are followed up as a whole
CUSTOMERS_NUMBER = 10_193
LATER = TODAY + timedelta(days=35)  # another Monday: further steps are due then


# --- measurements: each in a process of its own -----------------------------------------------------------------------


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
    """One batch of 100 calls."""
    with environment(database) as env:
        return measure_batch(env, record_other(env, plan_id, "call")[:100])


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
        wait_for_done(database, process, number * 100)
        time.sleep(chance.random() / 10)
        process.kill()
        process.join()
        done_at_kill.append(
            query(
                database,
                "SELECT count(*) FROM account_escalation_followup WHERE state != 'queued' AND date = %s",
                LATER,
            )
        )
    in_process(measure_process, database)
    return {
        "killed": [done for [[done]] in done_at_kill],
        "states": dict(
            query(database, "SELECT state, count(*) FROM account_escalation_followup WHERE date = %s GROUP BY 1", LATER)
        ),
        "wrong": query(
            database,
            "SELECT count(*) FROM (SELECT f.id FROM account_escalation_followup f"
            "  LEFT JOIN mail_message mm ON mm.model = 'account.escalation.followup' AND mm.res_id = f.id"
            "  LEFT JOIN mail_mail mail ON mail.mail_message_id = mm.id"
            "  WHERE f.date = %s GROUP BY f.id HAVING count(mail.id) != 1) x",
            LATER,
        )[0][0],
    }


def wait_for_done(database, process, number):
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    with connection.cursor() as cr:
        while process.is_alive():
            cr.execute(
                "SELECT count(*) FROM account_escalation_followup WHERE state != 'queued' AND date = %s", [LATER]
            )
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


# --- the report -------------------------------------------------------------------------------------------------------


class Report:
    """Prints each result as it comes, and what the targets say of it at the end."""

    def __init__(self):
        self.verdicts = []
        self.errors = 0

    def attempt(self, part, *args):
        """One part of the report; if it breaks, the others go on."""
        try:
            part(self, *args)
        except RuntimeError as error:
            self.errors += 1
            print(f"  ERROR in {part.__name__}: {' '.join(str(error).split())[:300]}")

    def head(self, title):
        print(f"\n{title}\n{'':42}{'time':>9} {'statements':>11} {'peak memory':>12}   {'for each':>22}   compared")

    def row(self, what, cost, unit, compared=""):
        each = (
            f"{1000 * cost['seconds'] / cost['units']:.3f} ms, {cost['queries'] / cost['units']:.3f}"
            if cost["units"]
            else ""
        )
        print(
            f"  {what:40}{cost['seconds']:7.2f} s {cost['queries']:11,} {cost['megabytes']:+9.0f} MB"
            f"   {each:>22}   {compared or unit}",
            flush=True,
        )

    def check(self, target, passed, text):
        self.verdicts.append((target, passed, text))

    def check_each(self, what, cost, limit):
        each = cost["queries"] / cost["units"]
        self.check("2", each <= limit, f"{each:.2f} statements for {what}, {cost['units']} in a batch ({limit})")

    def print_verdicts(self):
        print("\nTargets")
        for target, passed, text in sorted(self.verdicts, key=lambda verdict: verdict[0]):
            print(f"  {'PASS' if passed else 'FAIL'}  {target}  {text}")


def bench(report, prepared, number, *, channels, kills):
    """All measurements on ``number`` invoices; return what those of different sizes are compared by."""
    database = f"{prepared}_run"
    db.copy(prepared, database)
    try:
        began = time.perf_counter()
        with environment(database, commit=True) as env:
            plan_id = bench_data.make(env, number).id
        made_in = time.perf_counter() - began
        warm_up(database, plan_id)
        report.head(f"{number:,} invoices of {number // 10:,} customers (made and checked in {made_in:.0f} s)")
        for part in (bench_calls, bench_pdfs, bench_letters) if channels else ():
            report.attempt(part, database, plan_id)
        result = bench_main(report, database, plan_id, number)
        if kills:
            report.attempt(bench_kills, database, plan_id)
        report.attempt(bench_assignment, database, plan_id, number)
    finally:
        Registry.delete(database)
        sql_db.close_all()
        db.drop(database)
    return result


def warm_up(database, plan_id):
    """Fill Odoo's caches (views, templates, rights), as those of a worker are."""
    with environment(database) as env:
        plan = env["account.escalation.plan"].browse(plan_id)
        env["account.escalation.plan"].browse(plan_id)._record(TODAY)[:2]._process(TODAY)
        for _pair in plan._decide(TODAY):
            pass


def best(function, *args, times=3):
    """The fastest of several: other work on the machine only makes it slower."""
    return min((in_process(function, *args) for _i in range(times)), key=lambda cost: cost["seconds"])


def bench_main(report, database, plan_id, number):
    bare = best(measure_bare, database, plan_id)
    report.row("(a) bare selection of the rows", bare, "receivable")
    decide = best(measure_decide, database, plan_id)
    ratio = decide["seconds"] / bare["seconds"]
    report.row(
        "READ + DECIDE",
        decide,
        "receivable",
        f"receivable; {ratio:.1f} x (a); {decide['named']} of the statements reads the items",
    )
    record = in_process(measure_record, database, plan_id, TODAY)
    report.row("READ + DECIDE + RECORD", record, "follow-up", f"follow-up; {record['lines']:,} lines listed")
    mail = best(measure_cheapest_mail, database, plan_id, record["units"], times=2)
    report.row("(b) Odoo's cheapest queued email", mail, "email")
    email = in_process(measure_process, database)
    per_mail = email["seconds"] / mail["seconds"]
    report.row("DO: emails queued, committed by 100", email, "email", f"email; {per_mail:.1f} x (b)")
    again = in_process(measure_nothing_due, database, plan_id, TODAY)
    report.row("second run: nothing due", again, "", f"{again['more']} statements more than READ")

    costs = {"READ+DECIDE": decide, "RECORD": record, "DO": email}
    at = f"at {number:,}"
    report.check("1", ratio <= 6, f"READ+DECIDE {ratio:.1f} x the bare selection {at} (6)")
    if number >= 100_000:
        report.check("1", decide["seconds"] <= 1.5, f"READ+DECIDE {decide['seconds']:.2f} s {at} (1.5)")
    report.check("1", decide["named"] <= 3, f"READ reads the items in {decide['named']} statement {at} (3)")
    each = email["queries"] / email["units"]
    report.check("2", each <= 0.3, f"{each:.2f} statements for each email {at} (0.3)")
    milliseconds = 1000 * email["seconds"] / email["units"]
    report.check("2", milliseconds <= 2, f"{milliseconds:.2f} ms for each email {at} (2)")
    if number == 10_000:
        seconds, queries = record["seconds"] + email["seconds"], record["queries"] + email["queries"]
        report.check("3", seconds <= 5, f"whole run {at}, {email['units']:,} emails: {seconds:.1f} s (5)")
        report.check("3", queries <= 1000, f"whole run {at}: {queries:,} statements (1,000)")
    for name, cost in costs.items():
        report.check("5", cost["megabytes"] <= 50, f"{name} takes {cost['megabytes']:.0f} MB {at} (50)")
    report.check("8", again["more"] <= 10, f"nothing due: {again['more']} statements more than READ {at} (10)")
    return {"each": each, "reminder": (record["seconds"] + email["seconds"]) / email["units"]}


def bench_customers(report, prepared, number):
    """The same by customer: one email for all that it owes."""
    database = f"{prepared}_run"
    db.copy(prepared, database)
    try:
        with environment(database, commit=True) as env:
            plan = bench_data.make(env, number, round(number * CUSTOMERS_SHARE))
            plan_id = bench_data.follow_customers(env, plan).id
        in_process(warm_up, database, plan_id)
        report.head(f"{number:,} invoices of {round(number * CUSTOMERS_SHARE):,} customers under a customer plan")
        decide = best(measure_decide, database, plan_id)
        report.row("READ + DECIDE", decide, "receivable", f"receivable; {decide['named']} statement reads the items")
        record = in_process(measure_record, database, plan_id, TODAY)
        report.row("READ + DECIDE + RECORD", record, "follow-up", f"follow-up; {record['lines']:,} lines listed")
        email = in_process(measure_process, database)
        report.row("DO: emails queued, committed by 100", email, "email")
    finally:
        Registry.delete(database)
        sql_db.close_all()
        db.drop(database)
    seconds, queries = record["seconds"] + email["seconds"], record["queries"] + email["queries"]
    what = f"customer plan at {number:,}, {email['units']:,} emails"
    if number <= 20_000:
        report.check("3", seconds <= 5, f"{what}: {seconds:.1f} s (5)")
        report.check("3", queries <= 1000, f"{what}: {queries:,} statements (1,000)")
    return 1000 * seconds / email["units"]


def bench_calls(report, database, plan_id):
    calls = in_process(measure_calls, database, plan_id)
    report.row("DO: a batch of calls", calls, "call")
    report.check_each("a call", calls, 0.1)


def bench_pdfs(report, database, plan_id):
    pdf = in_process(measure_email_with_pdf, database, plan_id)
    report.row("DO: a batch of emails with invoice PDFs", pdf, "email")
    report.check_each("an email with invoice PDFs", pdf, 1.5)


def bench_letters(report, database, plan_id):
    single = in_process(partial(measure_letters, database, plan_id, one_by_one=True))
    report.row("DO: letters one by one", single, "letter", f"letter; {single['calls']} calls of wkhtmltopdf")
    batch = in_process(partial(measure_letters, database, plan_id, one_by_one=False))
    report.row("DO: a batch of letters", batch, "letter", f"letter; {batch['calls']} call of wkhtmltopdf")
    faster = single["seconds"] / single["units"] * batch["units"] / batch["seconds"]
    report.check("6", batch["calls"] == 1, f"{batch['calls']} call of wkhtmltopdf for {batch['units']} letters (1)")
    report.check("6", batch["documents"] == [1], "one document in each call, as unpatched builds need")
    report.check("6", faster >= 5, f"a letter in a batch is {faster:.0f} x faster than alone (5)")


def bench_kills(report, database, plan_id):
    kills = check_kills(database, plan_id)
    print(f"  killed -9 after {', '.join(map(str, kills['killed']))} follow-ups, then resumed: {kills['states']}")
    report.check("7", all(done % 100 == 0 for done in kills["killed"]), "a commit after every 100 follow-ups")
    report.check("7", set(kills["states"]) == {"done"}, "nothing lost by kill -9")
    report.check(
        "7", not kills["wrong"], f"{kills['wrong']} follow-ups without email or with several after kill -9 (0)"
    )


def compare_sizes(report, results):
    """What must not grow faster than the number of invoices."""
    smallest, largest = min(results), max(results)
    if smallest < largest:
        growth = results[largest]["each"] / results[smallest]["each"]
        report.check("2", growth <= 1.1, f"statements for each email: {growth:.2f} x those at {smallest:,} (1.1)")
    if {10_000, largest} <= set(results) and largest >= 50_000:
        growth = results[largest]["reminder"] / results[10_000]["reminder"]
        report.check("4", growth <= 1.2, f"time for each reminder at {largest:,}: {growth:.2f} x that at 10,000 (1.2)")


def profile(prepared, phase, number):
    """Print where one phase spends its time."""
    database = f"{prepared}_run"
    db.copy(prepared, database)
    with environment(database, commit=True) as env:
        plan = bench_data.make(env, number)
        if phase == "customer":
            plan = bench_data.follow_customers(env, plan)
        plan_id = plan.id
    warm_up(database, plan_id)
    with environment(database) as env:
        plan = env["account.escalation.plan"].browse(plan_id)
        if phase == "pdf":
            plan.attach_invoices = True
            make_pdfs(env, plan_id)
        followups = env[FOLLOWUP]
        if phase in ("email", "pdf"):
            followups = plan._record(TODAY)
        elif phase in ("call", "letter"):
            followups = record_other(env, plan_id, phase)[:100]
        env.flush_all()
        env.invalidate_all()
        work = {
            "decide": lambda: sum(1 for _pair in plan._decide(TODAY)),
            **dict.fromkeys(("record", "customer"), lambda: (plan._record(TODAY), env.flush_all())),
        }.get(phase, lambda: process_as_cron(env, followups))
        profiler = cProfile.Profile()
        with statements() as (found, seconds):
            profiler.runcall(work)
    print(f"\n{found.total():,} statements, the most frequent ones first:")
    for text, times in found.most_common(25):
        print(f"{times:7,}  {seconds[text]:6.2f} s  {text[:200]}")
    for order in ("cumulative", "tottime"):
        pstats.Stats(profiler).sort_stats(order).print_stats(45)


def process_as_cron(env, followups):
    """Batches, after each of which the caches are empty, as a commit leaves them."""
    for ids in tools.split_every(100, followups.ids):
        followups.browse(ids)._process(TODAY)
        env.flush_all()
        env.invalidate_all()


@contextmanager
def statements():
    """Collect the statements that are executed, without their values."""
    found, seconds, plain = Counter(), Counter(), sql_db.Cursor.execute

    def execute(self, query, params=None, log_exceptions=True):
        text = query.code if isinstance(query, tools.SQL) else str(query)
        text = " ".join(text.split())
        found[text] += 1
        start_time = time.perf_counter()
        try:
            return plain(self, query, params, log_exceptions)
        finally:
            seconds[text] += time.perf_counter() - start_time

    with patch.object(sql_db.Cursor, "execute", execute):
        yield found, seconds


def bench_others(report, prepared, base):
    """What the addon costs Odoo's own work: in two databases, with it and without, one after the other."""
    report.head(f"{bench_core.NUMBER:,} invoices posted and paid, without the addon and with it")
    found = {}
    for name, origin in (("without", base), ("with", prepared)):
        database = f"{prepared}_run"
        db.copy(origin, database)
        runs = [in_process(bench_core.measure_core, database) for _time in range(2)]
        found[name] = [min(costs, key=lambda cost: cost["seconds"]) for costs in zip(*runs, strict=True)]
        Registry.delete(database)
        sql_db.close_all()
        db.drop(database)
        for what, cost in zip(("posting", "paying"), found[name], strict=True):
            report.row(f"{what}, {name} the addon", cost, "invoice")
    for what, before, after in zip(("posting", "paying"), *found.values(), strict=True):
        more = 100 * (after["seconds"] / before["seconds"] - 1)
        report.check("9", more <= 5, f"{what} takes {more:+.1f} % time with the addon (5)")
        queries = after["queries"] - before["queries"]
        report.check("9", queries <= 100, f"{what}: {queries:+} statements for {bench_core.NUMBER:,} (100)")


def bench_assignment(report, database, plan_id, number):
    cost = in_process(bench_core.measure_assignment, database, plan_id)
    report.row("assigning another plan, in the background", cost, "invoice", f"invoice; {cost['rate']:,.0f} a second")
    report.check("5", cost["megabytes"] <= 50, f"assigning {number:,} takes {cost['megabytes']:.0f} MB (50)")


def get_customer_numbers(numbers):
    return sorted({CUSTOMERS_NUMBER} | {number for number in numbers if number > CUSTOMERS_NUMBER})


def main(conf, prepared, base, *args):
    tools.config.parse_config(["-c", conf, "--log-level=error", "--no-http"])
    count_named_cursors()
    if args[:1] == ("--profile",):
        return profile(prepared, args[1], int(args[2]))
    numbers = sorted(int(arg.replace("_", "")) for arg in args if arg != "--customers") or [1000, 10_000]
    report = Report()
    results = (
        {}
        if "--customers" in args
        else {
            number: bench(report, prepared, number, channels=number == numbers[0], kills=number == numbers[-1])
            for number in numbers
        }
    )
    if results:
        compare_sizes(report, results)
        bench_others(report, prepared, base)
    by_customer = {number: bench_customers(report, prepared, number) for number in get_customer_numbers(numbers)}
    small, large = min(by_customer), max(by_customer)
    if small < large:
        growth = by_customer[large] / by_customer[small]
        report.check("4", growth <= 1.2, f"customer plan, time for each email at {large:,}: {growth:.2f} x (1.2)")
    report.print_verdicts()
    return min(1, report.errors)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
