import logging

import psycopg2

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

SETTLED = "account_escalation.settled"  # where the invoices that a transaction has settled are kept


class AccountMove(models.Model):
    """An invoice: what was done about it, and what stops at once when it changes."""

    _name = "account.move"
    _inherit = ["account.move", "account.escalation.target"]

    escalation_last_date = fields.Date(
        string="Last Follow-up",
        compute="_compute_escalation_last_date",
        search="_search_escalation_last_date",
        groups="base.group_user",
    )
    escalation_followup_ids = fields.Many2many(
        "account.escalation.followup",
        string="Follow-ups",
        compute="_compute_escalation_followup_ids",
        compute_sudo=True,
        search="_search_escalation_followup_ids",
        groups="base.group_user",
    )

    def _compute_escalation_last_date(self):
        """Read from the history: to write it down would change each invoice, with all its indexes, at each message."""
        dates = dict(
            self.env.execute_query(self._get_last_dates(SQL("fl.move_id IN %s", tuple(self._origin.ids) or (0,))))
        )
        for move in self:
            move.escalation_last_date = dates.get(move._origin.id)

    def _search_escalation_last_date(self, operator, value):
        contacted = self._get_last_dates(SQL("TRUE"))
        dated = SQL("SELECT move_id FROM (%s) contact WHERE last_date", contacted)
        if operator in ("<", "<=", ">", ">="):
            return [("id", "in", SQL("(%s %s %s)", dated, SQL(operator), value))]  # pylint: disable=sql-injection
        if operator != "in":
            return NotImplemented
        days = tuple(filter(None, value))
        found = Domain("id", "in", SQL("(%s IN %s)", dated, days)) if days else Domain.FALSE
        return found if all(value) else found | Domain("id", "not in", SQL("(%s IS NOT NULL)", dated))

    def _get_last_dates(self, condition):
        """The query of invoices, and the day of their last contact.

        :param SQL condition: on ``fl``, the follow-up line
        """
        followups = self.env["account.escalation.followup"]
        followups.flush_model()
        followups.line_ids.flush_model()
        return SQL(
            """
            SELECT fl.move_id, max(f.date_done) AS last_date
              FROM account_escalation_followup_line fl
              JOIN account_escalation_followup f ON f.id = fl.followup_id
             WHERE %s AND %s
          GROUP BY fl.move_id
            """,
            condition,
            followups._get_contact_condition(),
        )

    def _compute_escalation_followup_ids(self):
        followups = self.env["account.escalation.followup"]
        lines = self.env["account.escalation.followup.line"]._read_group(
            [("move_id", "in", self.ids), ("followup_id.state", "!=", "draft")], ["move_id"], ["followup_id:recordset"]
        )
        by_move = dict(lines)
        for move in self:
            move.escalation_followup_ids = by_move.get(move, followups).sorted()

    def _search_escalation_followup_ids(self, operator, value):
        if operator != "in":
            return NotImplemented
        lines = self.env["account.escalation.followup.line"]
        return [("id", "in", lines._search([("followup_id", "in", value)]).subselect("move_id"))]

    def write(self, vals):
        res = super().write(vals)
        if "matched_payment_ids" in vals:  # without an entry, nothing else tells of the payment
            self._escalation_recheck_before_commit()
        self._escalation_react(vals)
        return res

    def button_draft(self):
        res = super().button_draft()
        self._escalation_recheck()
        return res

    def action_toggle_block_payment(self):
        res = super().action_toggle_block_payment()
        self._escalation_recheck()
        return res

    def _escalation_get_open_followups(self):
        # sudo: whoever pays in must be able to stop them
        followups = self.env["account.escalation.followup"].sudo()
        return followups._search_stoppable(Domain("line_ids.move_id", "in", self.ids))

    def _escalation_recheck_before_commit(self):
        """Follow-ups and promises, once for all that one transaction settles: core reconciles one by one."""
        data = self.env.cr.precommit.data
        if SETTLED not in data:
            data[SETTLED] = set()
            self.env.cr.precommit.add(self.browse()._escalation_recheck_settled)
        data[SETTLED].update(self.ids)

    @api.model
    def _escalation_recheck_settled(self):
        moves = self.browse(self.env.cr.precommit.data.pop(SETTLED, ())).exists()
        # sudo: whoever registers a payment keeps a promise, without access to promises
        self._escalation_attempt(moves.sudo().escalation_promise_ids._update_states)
        self._escalation_attempt(moves._escalation_recheck)
        self._escalation_attempt(moves.sudo()._escalation_end_settled_disputes)  # sudo: whoever registers a payment

    @api.model
    def _escalation_attempt(self, work):
        """Do what follows from a payment without stopping it: the scheduled actions look at all of that again.

        Serialization failures, deadlocks and lost connections propagate: Odoo does the whole request again.
        """
        self.env.cr.flush()  # what fails in here is not ours, and must stop the request
        try:
            with self.env.cr.savepoint():
                work()
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except Exception:
            _logger.exception("After a payment, promises and follow-ups could not be looked at again")
