"""What the addon costs Odoo's own work, and what an assignment of many invoices costs."""

import time

import bench_data
from bench_data import TODAY
from bench_meter import Meter, environment

from odoo import Command

NUMBER = 1000  # invoices posted and paid


def measure_core(database):
    """Post 1,000 invoices, which take the default plan if there is one, then register a payment for each."""
    with environment(database) as env:
        if "account.escalation.plan" in env:
            bench_data.make_plan(env, "email", is_default=True)
        partner = env["res.partner"].create({"name": "Original", "email": "original@example.com"})
        product = {"name": "Item", "price_unit": 120.0, "tax_ids": []}
        moves = env["account.move"].create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": partner.id,
                    "invoice_date": TODAY,
                    "invoice_line_ids": [Command.create(product)],
                }
                for _number in range(NUMBER)
            ]
        )
        env.flush_all()
        with Meter() as posting:
            moves.action_post()
            env.flush_all()
        register = env["account.payment.register"].with_context(active_model="account.move", active_ids=moves.ids)
        with Meter() as paying:
            register.create({"group_payment": False, "payment_date": TODAY})._create_payments()
            env.cr.flush()  # with what waits for the commit
    return posting.values(units=NUMBER), paying.values(units=NUMBER)


def measure_assignment(database, plan_id):
    """Put all invoices of the plan under another one, as the background job does it, with its commits."""
    with environment(database, commit=True) as env:
        plan = bench_data.make_plan(env, "email")
        ids = env["account.move"].search([("escalation_plan_id", "=", plan_id)]).ids
        values = {
            "company_id": plan.company_id.id,
            "plan_id": plan.id,
            "res_model": "account.move",
            "field_names": {"escalation_plan_id": True},
            "res_ids": ids,
            "total": len(ids),
        }
        jobs = env["account.escalation.job"]
        jobs.create(values)
        env.cr.commit()
        start = time.perf_counter()
        with Meter() as cost:
            jobs._cron_run()
    return cost.values(units=len(ids), rate=len(ids) / (time.perf_counter() - start))
