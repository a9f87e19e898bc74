"""Run all plans for today and show what was done and what was not, each with its reason. Fed to `odoo shell`.

environment: ONCE   fail if nothing was done today
"""

import os
import sys
from textwrap import wrap

from odoo import fields

WIDTH = 44  # of a cell, at most


def label(record, name):
    return dict(record._fields[name]._description_selection(record.env)).get(record[name], "")


def show(title, header, rows):
    """A table, whose long cells go on in the next line."""
    print(f"\n{title}\n")
    rows = [[wrap(str(cell or ""), WIDTH) or [""] for cell in row] for row in rows]
    cells = [[[name] for name in header], *rows]
    widths = [max(len(line) for cell in column for line in cell) for column in zip(*cells, strict=True)]
    for row in [cells[0], [["-" * width] for width in widths], *rows]:
        for number in range(max(map(len, row))):
            line = (cell[number] if number < len(cell) else "" for cell in row)
            print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def followup_about(followup):
    """The invoices; of a whole customer, how much it is asked for."""
    if followup.level == "invoice":
        return followup.invoice_names
    return f"{len(followup.line_ids)} items, {followup.total_due}"


def followup_row(followup):
    return [
        followup.partner_id.display_name,
        followup_about(followup),
        followup.step_id.display_name,
        label(followup, "channel"),
        label(followup, "state"),
        followup.state != "done" and f"{label(followup, 'reason')} {followup.reason_detail or ''}".strip(),
    ]


def move_row(move):
    return [move.partner_id.display_name, move.name, move.escalation_next_date, move.escalation_reason]


def customer_row(partner):
    return [
        partner.display_name,
        f"{len(partner.escalation_line_ids)} items",
        partner.escalation_next_date,
        partner.escalation_reason or partner.escalation_summary_reason,
    ]


env = globals()["env"]  # from `odoo shell`
Followup = env["account.escalation.followup"]
Partner = env["res.partner"]
today = fields.Date.context_today(env.user)

made = env["account.escalation.plan"].search([])._run()
env.cr.commit()

followups = made or Followup.search([("date", "=", today)])
title = f"{len(made)} follow-ups made today, {today}"
if not made:
    title = f"Nothing new to do today, {today}. {len(followups)} follow-ups made earlier today"
print(f"\n{title}")
header = ["Customer", "About", "Step", "Channel", "State", "Why not done yet"]
for level, name in Followup._fields["level"]._description_selection(env):
    of_level = followups.filtered(lambda followup, level=level: followup.level == level)
    if of_level:
        show(name, header, map(followup_row, of_level))

told = Followup.search([("date", "=", today)])
moves = env["account.move"].search(
    [
        ("escalation_plan_id", "!=", False),
        ("state", "=", "posted"),
        ("payment_state", "in", ["not_paid", "partial", "in_payment", "blocked"]),
        ("id", "not in", told.filtered(lambda followup: followup.level == "invoice").line_ids.move_id.ids),
    ],
    order="invoice_date_due",
)
customers = Partner.search([("escalation_plan_id", "!=", False)]) - told.partner_id
rows = [*map(customer_row, customers), *map(move_row, moves)]
if rows:
    show("Under a plan, but not followed up today", ["Customer", "About", "Next", "Why not today"], rows)
if not followups and os.environ.get("ONCE"):
    sys.exit("The run made no follow-up.")
