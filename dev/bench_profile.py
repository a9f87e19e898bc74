"""Where the time of one phase of the run goes: bench.py --profile."""

import cProfile
import pstats
import time
from collections import Counter
from contextlib import contextmanager
from unittest.mock import patch

import bench_data
import db
from bench_data import TODAY
from bench_measure import FOLLOWUP, make_pdfs, record_other, warm_up
from bench_meter import environment

from odoo import sql_db, tools


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
    for text, times in found.most_common(60):
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
