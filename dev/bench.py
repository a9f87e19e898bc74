"""What the addon costs: time, statements and memory, beside what Odoo and PostgreSQL themselves cost on the same rows.

usage: bench.py ODOO_CONF DATABASE DATABASE_WITHOUT_ADDON [NUMBER OF INVOICES ...]
       bench.py ODOO_CONF DATABASE DATABASE_WITHOUT_ADDON --core | --assign NUMBER
       bench.py ODOO_CONF DATABASE --profile decide|record|customer|email|pdf|call|letter NUMBER

Each measurement runs in a process of its own. The database is a prepared one; for each number it is copied.
"""

import sys
import time
from functools import partial

import bench_core
import bench_data
import bench_profile
import db
from bench_data import TODAY
from bench_measure import (
    check_kills,
    measure_bare,
    measure_calls,
    measure_cheapest_calls,
    measure_cheapest_mail,
    measure_decide,
    measure_email_with_pdf,
    measure_letters,
    measure_nothing_due,
    measure_process,
    measure_record,
    warm_up,
)
from bench_meter import count_named_cursors, environment, in_process

from odoo import sql_db, tools
from odoo.modules.registry import Registry

CUSTOMERS_SHARE = 1820 / 10193  # customers for each invoice, where they are followed up as a whole
CUSTOMERS_NUMBER = 10_193
FEW = 10_000  # invoices: with fewer, what each run takes once, and batches that are not full, count more than the rest
REPEATED_UP_TO = 20_000  # invoices; other work on the machine falls on one of three runs rather than on all


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


def best(function, *args, times=3):
    """The fastest of several: other work on the machine only makes it slower."""
    return min((in_process(function, *args) for _i in range(times)), key=lambda cost: cost["seconds"])


def best_run(database, plan_id, number):
    """RECORD and DO, as the fastest of three runs: two in copies, one in the database itself."""
    runs = [run_in_copy(database, plan_id) for _time in range(2)] if number <= REPEATED_UP_TO else []
    runs.append(run_whole(database, plan_id))
    return min(runs, key=lambda costs: sum(cost["seconds"] for cost in costs))


def run_in_copy(database, plan_id):
    copy = f"{database}_copy"
    sql_db.close_all()
    db.copy(database, copy)
    try:
        warm_up(copy, plan_id)
        return run_whole(copy, plan_id)
    finally:
        Registry.delete(copy)
        sql_db.close_all()
        db.drop(copy)


def run_whole(database, plan_id):
    return in_process(measure_record, database, plan_id, TODAY), in_process(measure_process, database)


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
    record, email = best_run(database, plan_id, number)
    report.row("READ + DECIDE + RECORD", record, "follow-up", f"follow-up; {record['lines']:,} lines listed")
    mail = best(measure_cheapest_mail, database, plan_id, record["units"], times=2)
    report.row("(b) Odoo's cheapest queued email", mail, "email")
    per_mail = email["seconds"] / mail["seconds"]
    report.row("DO: emails queued, committed by 100", email, "email", f"email; {per_mail:.1f} x (b)")
    again = in_process(measure_nothing_due, database, plan_id, TODAY)
    report.row("second run: nothing due", again, "", f"{again['more']} statements more than READ")

    costs = {"READ+DECIDE": decide, "RECORD": record, "DO": email}
    at = f"at {number:,}"
    if number >= FEW:
        report.check("1", ratio <= 6, f"READ+DECIDE {ratio:.1f} x the bare selection {at} (6)")
    if number >= 100_000:
        report.check("1", decide["seconds"] <= 1.5, f"READ+DECIDE {decide['seconds']:.2f} s {at} (1.5)")
    report.check("1", decide["named"] <= 3, f"READ reads the items in {decide['named']} statement {at} (3)")
    each = email["queries"] / email["units"]
    if number >= FEW:
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
        record, email = best_run(database, plan_id, number)
        report.row("READ + DECIDE + RECORD", record, "follow-up", f"follow-up; {record['lines']:,} lines listed")
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
    cheapest = in_process(measure_cheapest_calls, database, plan_id)
    report.row("(c) Odoo's own creation of these activities", cheapest, "call")
    own = cheapest["queries"] / cheapest["units"]
    report.check_each(f"a call, of which {own:.2f} are (c)", calls, 0.1)


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


def bench_assignment_alone(report, prepared, number):
    """An assignment of so many invoices that it takes too long beside all else."""
    database = f"{prepared}_run"
    db.copy(prepared, database)
    try:
        with environment(database, commit=True) as env:
            plan_id = bench_data.make(env, number).id
        report.head(f"{number:,} invoices are put under another plan")
        bench_assignment(report, database, plan_id, number)
    finally:
        Registry.delete(database)
        sql_db.close_all()
        db.drop(database)


def get_customer_numbers(numbers):
    return sorted({CUSTOMERS_NUMBER} | {number for number in numbers if number > CUSTOMERS_NUMBER})


def main(conf, prepared, base, *args):
    tools.config.parse_config(["-c", conf, "--log-level=error", "--no-http"])
    count_named_cursors()
    if args[:1] == ("--profile",):
        return bench_profile.profile(prepared, args[1], int(args[2]))
    report = Report()
    if args == ("--core",):
        bench_others(report, prepared, base)
        return report.print_verdicts()
    if args[:1] == ("--assign",):
        bench_assignment_alone(report, prepared, int(args[1]))
        return report.print_verdicts()
    numbers = sorted(int(arg.replace("_", "")) for arg in args if arg != "--customers") or [1000, 10_000]
    results = (
        {}
        if "--customers" in args
        else {
            number: bench(report, prepared, number, channels=number == numbers[0], kills=number == numbers[-1] >= FEW)
            for number in numbers
        }
    )
    if results:
        compare_sizes(report, results)
    by_customer = {number: bench_customers(report, prepared, number) for number in get_customer_numbers(numbers)}
    small, large = min(by_customer), max(by_customer)
    if small < large:
        growth = by_customer[large] / by_customer[small]
        report.check("4", growth <= 1.2, f"customer plan, time for each email at {large:,}: {growth:.2f} x (1.2)")
    report.print_verdicts()
    return min(1, report.errors)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
