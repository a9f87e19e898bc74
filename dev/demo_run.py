"""Run all plans for today and show what was done and what was not, each with its reason. Fed to `odoo shell`."""

import sys

from odoo import fields


def label(record, name):
    return dict(record._fields[name]._description_selection(record.env)).get(record[name], "")


def show(title, header, rows):
    print(f"\n{title}\n")
    rows = [[str(cell or "") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in [header, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def followup_row(followup):
    return [
        followup.partner_id.display_name,
        ", ".join(followup.line_ids.move_id.mapped("name")),
        followup.step_id.display_name,
        label(followup, "channel"),
        label(followup, "state"),
        followup.state != "done" and f"{label(followup, 'reason')} {followup.reason_detail or ''}".strip(),
    ]


def waiting_row(move):
    return [move.partner_id.display_name, move.name, move.escalation_next_date, move.escalation_reason]


env = globals()["env"]  # from `odoo shell`
Followup = env["account.escalation.followup"]
today = fields.Date.context_today(env.user)

made = env["account.escalation.plan"].search([])._run()
env.cr.commit()

followups = made or Followup.search([("date", "=", today)])
if not followups:
    sys.exit("The run made no follow-up.")
title = f"{len(made)} follow-ups made today, {today}"
if not made:
    title = f"Nothing new to do today, {today}. {len(followups)} follow-ups made before"
show(title, ["Customer", "Invoices", "Step", "Channel", "State", "Why not done yet"], map(followup_row, followups))

waiting = env["account.move"].search(
    [
        ("escalation_plan_id", "!=", False),
        ("state", "=", "posted"),
        ("payment_state", "in", ["not_paid", "partial", "in_payment", "blocked"]),
        ("id", "not in", Followup.search([("date", "=", today)]).line_ids.move_id.ids),
    ],
    order="invoice_date_due",
)
if waiting:
    show(
        f"{len(waiting)} open invoices under a plan not followed up today",
        ["Customer", "Invoice", "Next", "Why not today"],
        map(waiting_row, waiting),
    )
