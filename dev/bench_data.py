"""Many open invoices, quickly: copies in SQL of a few that Odoo made, checked against Odoo on a sample."""

import random
from datetime import timedelta

from psycopg2.extras import execute_values

import odoo.init  # noqa: F401 fills the package
from odoo import Command, fields
from odoo.tools import SQL

REAL_TODAY = fields.Date.today()
TODAY = REAL_TODAY - timedelta(days=42 + REAL_TODAY.weekday())  # a Monday; later ones have passed too
STEP_DAYS = (5, 15, 30, 45, 60)  # after the due date
TONES = ("first", "first", "second", "second", "final")
INVOICES_PER_CUSTOMER = 10
SHARE_OWING_NOTHING = 0.3  # not due, or late by less than the first step
SAMPLE = 20


def make(env, number, customers=None):
    """A plan of five emails, and ``number`` open invoices under it.

    Each customer pays late in two ways of its own, so that grouping by step leaves about 1.8 emails per customer.
    """
    chance = random.Random(number)
    plan = make_plan(env, channel="email")
    originals = make_originals(env, plan)
    env.flush_all()
    customers = customers or max(1, number // INVOICES_PER_CUSTOMER)
    partner_ids = copy_partner(env, originals[0].partner_id, customers)
    copies = []
    for index in range(number):
        original = chance.choice(originals)
        partner_id = partner_ids[index * customers // number]
        first_due = min(original.line_ids.filtered("date_maturity").mapped("date_maturity"))
        due = TODAY - timedelta(days=draw_lateness(partner_id, chance))
        issued = original.invoice_date + (due - first_due)
        prefix = f"BENCH/{issued.year}/"
        copies.append(
            (original.id, index + 1, partner_id, issued - original.invoice_date, prefix, f"{prefix}{index + 1:06d}")
        )
    copy_moves(env, copies)
    originals.escalation_plan_id = False
    env.flush_all()
    env.invalidate_all()
    env.cr.commit()
    env.cr.execute("ANALYZE")
    env.cr.commit()
    check(env, plan, number, chance)
    env.cr.rollback()
    return plan


def draw_lateness(partner_id, chance):
    if chance.random() < SHARE_OWING_NOTHING:
        return chance.randint(-25, STEP_DAYS[0] - 1)
    habits = random.Random(partner_id).choices(range(len(STEP_DAYS)), k=2)
    step = chance.choice(habits)
    return chance.randint(STEP_DAYS[step], (*STEP_DAYS[1:], 80)[step] - 1)


def make_plan(env, channel, **values):
    steps = []
    for days, tone in zip(STEP_DAYS, TONES, strict=True):
        step = {"days": days, "tone": tone, "channel": channel}
        if channel != "call":
            template = env.ref(f"account_escalation.mail_template_{tone}", False)
            step["template_id"] = (template or env.ref("account_escalation.mail_template_first")).id
        steps.append(Command.create(step))
    return env["account.escalation.plan"].create(
        {
            "name": f"Benchmark: {channel}",
            "company_id": env.company.id,
            "logic": "contextual",
            "responsible_id": env.ref("base.user_admin").id,
            "step_ids": steps,
            **values,
        }
    )


def follow_customers(env, plan):
    """Put the customers of these invoices under a plan of the same steps, which looks at them today."""
    values = {"level": "customer", "interval_number": 1, "interval_type": "weeks", "next_run_date": TODAY}
    customer_plan = make_plan(env, "email", **values)
    env.flush_all()
    env.cr.execute(
        "UPDATE res_partner SET escalation_plan_id = jsonb_build_object(%s, %s) WHERE id IN"
        " (SELECT commercial_partner_id FROM account_move WHERE escalation_plan_id = %s)",
        [str(env.company.id), customer_plan.id, plan.id],
    )
    env.cr.execute("UPDATE account_move SET escalation_plan_id = NULL WHERE escalation_plan_id = %s", [plan.id])
    env.cr.commit()
    env.cr.execute("ANALYZE res_partner, account_move")
    env.cr.commit()
    env.invalidate_all()
    return customer_plan


def make_originals(env, plan):
    """Invoices made and posted by Odoo: one line, several lines with taxes, two instalments."""
    values = {"is_company": True, "email": "original@example.com", "street": "Main Street 1", "city": "Berlin"}
    partner = env["res.partner"].create({"name": "Original", **values})
    days = {"value": "percent", "value_amount": 50, "delay_type": "days_after"}
    terms = env["account.payment.term"].create(
        [
            {"name": "Benchmark: 14 days", "line_ids": [Command.create({**days, "value_amount": 100, "nb_days": 14})]},
            {"name": "Benchmark: twice", "line_ids": [Command.create({**days, "nb_days": n}) for n in (14, 44)]},
        ]
    )
    moves = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "invoice_date": TODAY,
                "invoice_payment_term_id": term.id,
                "invoice_line_ids": [
                    Command.create({"name": f"Item {price}", "price_unit": price, "tax_ids": taxes}) for price in prices
                ],
            }
            for term, prices, taxes in [
                (terms[0], [120.0], []),
                (terms[0], [99.5, 20.25, 7.0], [Command.set(env.company.account_sale_tax_id.ids)]),
                (terms[0], [1450.0], []),
                (terms[1], [800.0, 64.0], []),
            ]
        ]
    )
    moves.action_post()
    moves.escalation_plan_id = plan
    return moves


# --- copies -----------------------------------------------------------------------------------------------------------


def copy_rows(cr, table, source, overrides):
    """Insert a copy of each row of ``o`` in ``source``, some columns taken from SQL expressions."""
    cr.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'", [table]
    )
    columns = [name for [name] in cr.fetchall()]
    values = [SQL(overrides[name]) if name in overrides else SQL("o.%s", SQL.identifier(name)) for name in columns]
    cr.execute(
        SQL(
            "INSERT INTO %s (%s) SELECT %s FROM %s",
            SQL.identifier(table),
            SQL(", ").join(map(SQL.identifier, columns)),
            SQL(", ").join(values),
            SQL(source),
        )
    )


def copy_partner(env, partner, number):
    env.cr.execute("SELECT nextval('res_partner_id_seq') FROM generate_series(1, %s)", [number])
    ids = [row_id for [row_id] in env.cr.fetchall()]
    env.cr.execute("CREATE TEMP TABLE bench_partner AS SELECT unnest(%s) AS id", [ids])
    name, email = "'Customer ' || c.id", "'customer' || c.id || '@example.com'"
    copy_rows(
        env.cr,
        "res_partner",
        f"bench_partner c, res_partner o WHERE o.id = {partner.id}",
        {
            "id": "c.id",
            "commercial_partner_id": "c.id",
            "name": name,
            "complete_name": name,
            "email": email,
            "email_normalized": email,
        },
    )
    return ids


def copy_moves(env, copies):
    cr = env.cr
    cr.execute(
        "CREATE TEMP TABLE bench_move (original integer, number integer, partner_id integer, shift interval,"
        " prefix text, name text, id integer DEFAULT nextval('account_move_id_seq'))"
    )
    execute_values(
        cr._obj,
        "INSERT INTO bench_move (original, number, partner_id, shift, prefix, name) VALUES %s",
        copies,
        page_size=1000,
    )
    cr.execute("ANALYZE bench_move")

    def shifted(*columns):
        return {column: f"(o.{column} + c.shift)::date" for column in columns}

    copy_rows(
        cr,
        "account_move",
        "account_move o JOIN bench_move c ON c.original = o.id ORDER BY c.id",
        {
            **shifted("date", "invoice_date", "invoice_date_due"),
            **dict.fromkeys(("partner_id", "commercial_partner_id", "partner_shipping_id"), "c.partner_id"),
            **dict.fromkeys(("name", "payment_reference"), "c.name"),
            "id": "c.id",
            "sequence_prefix": "c.prefix",
            "sequence_number": "c.number",
            "invoice_partner_display_name": "'Customer ' || c.partner_id",
            "access_token": "NULL",
        },
    )
    cr.execute(
        "CREATE TEMP TABLE bench_line AS"
        " SELECT o.id AS original, c.id AS move_id, nextval('account_move_line_id_seq') AS id"
        "  FROM account_move_line o JOIN bench_move c ON c.original = o.move_id ORDER BY c.id, o.id"
    )
    cr.execute("ANALYZE bench_line")
    copy_rows(
        cr,
        "account_move_line",
        "bench_line l JOIN account_move_line o ON o.id = l.original JOIN bench_move c ON c.id = l.move_id"
        " ORDER BY l.id",
        {
            **shifted("date", "invoice_date", "date_maturity"),
            "id": "l.id",
            "move_id": "c.id",
            "move_name": "c.name",
            "partner_id": "c.partner_id",
            "name": "CASE WHEN o.display_type = 'payment_term' THEN c.name ELSE o.name END",
        },
    )
    for field in ("tax_ids", "tax_tag_ids"):
        relation = env["account.move.line"]._fields[field]
        copy_rows(
            cr,
            relation.relation,
            f"{relation.relation} o JOIN bench_line l ON l.original = o.{relation.column1}",
            {relation.column1: "l.id"},
        )
    cr.execute("DROP TABLE bench_move, bench_line, bench_partner")


# --- the check --------------------------------------------------------------------------------------------------------


def check(env, plan, number, chance):
    """The copies are as Odoo would have them, and the plan reads them as Odoo does."""
    moves = env["account.move"].search([("escalation_plan_id", "=", plan.id)], order="id")
    expect(len(moves), number, "invoices")
    expect(len(set(moves.mapped("name"))), number, "names")
    sample = moves.browse(sorted(chance.sample(moves.ids, min(SAMPLE, number))))
    sample._validate_fields(sample._fields)
    sample.line_ids._validate_fields(sample.line_ids._fields)
    for model, names in (
        (sample, ("payment_state", "amount_residual", "amount_total", "commercial_partner_id", "invoice_date_due")),
        (sample.line_ids, ("amount_residual", "amount_residual_currency", "reconciled", "move_name", "partner_id")),
    ):
        for name in names:
            before = model.mapped(lambda record, name=name: record[name] and str(record[name]))
            env.add_to_compute(model._fields[name], model)
            expect(model.mapped(lambda record, name=name: record[name] and str(record[name])), before, name)
    expect(env["account.move"]._get_unbalanced_moves({"records": sample}), [], "unbalanced")
    found = plan._read_facts(SQL("m.id IN %s", tuple(sample.ids)))
    facts = {fact.move_id: fact for customer in found for fact in customer}
    for move in sample:
        lines = move.line_ids.filtered(lambda line: line.display_type == "payment_term").sorted("date_maturity")
        expect(
            [
                (item.key.move_line_id, item.issue, item.due, float(item.amount))
                for item in facts[move.id].subject.items
            ],
            [(line.id, move.invoice_date, line.date_maturity, line.amount_residual) for line in lines],
            move.name,
        )
        expect(facts[move.id].partner_id, move.commercial_partner_id.id, f"customer of {move.name}")


def expect(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: {found!r} instead of {expected!r}")
