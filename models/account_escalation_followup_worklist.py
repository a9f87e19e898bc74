from odoo import api, fields, models
from odoo.tools import SQL

from .account_escalation_step import FOLLOWUP_MODEL


class AccountEscalationFollowup(models.Model):
    """How much and how old: by these a person sorts what is to do.

    Open amounts change with each payment: stored, they would slow down paying.
    """

    _inherit = FOLLOWUP_MODEL

    amount_residual = fields.Monetary(
        string="Open Amount",
        compute="_compute_worklist",
        compute_sudo=True,
        help="What is open now, in company currency; once nobody asks for it any more, what was asked for.",
    )
    date_oldest_due = fields.Date(
        string="Due Since", compute="_compute_worklist", compute_sudo=True, help="Of what is still open."
    )

    @api.depends("state", "line_ids.counts", "line_ids.amount_residual", "line_ids.move_line_id.amount_residual")
    def _compute_worklist(self):
        """As the database sorts and sums them up: there is one definition."""
        groups = self._read_group([("id", "in", self.ids)], ["id"], ["amount_residual:sum", "date_oldest_due:min"])
        values = {record: (amount, oldest) for record, amount, oldest in groups}
        for followup in self:
            followup.amount_residual, followup.date_oldest_due = values.get(followup._origin, (0.0, False))

    def _field_to_sql(self, alias, field_expr, query=None):
        if field_expr not in ("amount_residual", "date_oldest_due"):
            return super()._field_to_sql(alias, field_expr, query)
        lines, items = self.env["account.escalation.followup.line"], self.env["account.move.line"].sudo()
        is_open = SQL("%s IN %s", self._field_to_sql(alias, "state", query), tuple(self._get_open_states()))
        counts, asked = (lines._field_to_sql("fl", name) for name in ("counts", "amount_residual"))
        residual, due = (items._field_to_sql("item", name) for name in ("amount_residual", "date_maturity"))
        values = {
            "amount_residual": SQL(
                "CASE WHEN %(is_open)s THEN sum(%(residual)s) FILTER (WHERE %(counts)s)"
                " ELSE COALESCE(sum(%(asked)s) FILTER (WHERE %(counts)s), sum(%(asked)s)) END",
                is_open=is_open,
                residual=residual,
                counts=counts,
                asked=asked,
            ),
            "date_oldest_due": SQL("min(%s) FILTER (WHERE %s AND %s <> 0)", due, counts, residual),
        }
        return SQL(
            "(SELECT %s FROM account_escalation_followup_line fl"
            " LEFT JOIN account_move_line item ON item.id = fl.move_line_id WHERE %s = %s)",
            values[field_expr],
            lines._field_to_sql("fl", "followup_id"),
            SQL.identifier(alias, "id"),
        )
