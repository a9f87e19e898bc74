from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL, format_amount, format_date

from ..tools.invoices import FOLLOWED_PAYMENT_STATES

RESULTS = frozenset({"state", "amount_paid", "date_paid", "days_late"})  # read off the ledger


class AccountEscalationPromise(models.Model):
    """A dated commitment of a customer to pay. What became of it is read off the reconciliations."""

    _name = "account.escalation.promise"
    _description = "Promise to Pay"
    _order = "date desc, id desc"

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, index=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    move_ids = fields.Many2many(
        "account.move",
        "account_escalation_promise_move_rel",
        string="Invoices",
        required=True,
        domain="[('commercial_partner_id', '=', partner_id), ('state', '=', 'posted'),"
        " ('payment_state', 'in', ('not_paid', 'partial')), ('move_type', 'in', ('out_invoice', 'out_receipt'))]",
        default=lambda self: self._default_move_ids(),
    )
    currency_id = fields.Many2one("res.currency", required=True)
    open_amount = fields.Monetary(compute="_compute_open_amount", help="What is open on these invoices now.")
    amount = fields.Monetary(string="Promised", required=True)
    date = fields.Date(string="To Be Paid By", required=True)
    is_held = fields.Boolean(
        string="Pause These Invoices",
        default=True,
        help="Until the date and the company's days of grace have passed.",
    )
    contact_id = fields.Many2one(
        "res.partner", string="Promised By", domain="[('commercial_partner_id', '=', partner_id)]"
    )
    note = fields.Char()
    user_id = fields.Many2one(
        "res.users", string="Responsible", default=lambda self: self.env.user, domain=[("share", "=", False)]
    )
    state = fields.Selection(
        [
            ("open", "Open"),
            ("kept", "Kept"),
            ("partial", "Partly kept"),
            ("broken", "Broken"),
            ("cancelled", "Cancelled"),
        ],
        string="Status",
        default="open",
        required=True,
        index=True,
        readonly=True,
    )
    amount_paid = fields.Monetary(string="Paid", readonly=True, help="On these invoices, since the promise.")
    date_paid = fields.Date(string="Paid On", readonly=True, help="When the last of it was paid.")
    days_late = fields.Integer(readonly=True, aggregator="avg", help="Days between the promised and the real date.")

    @api.model
    def _default_move_ids(self):
        context = self.env.context
        moves = self.env["account.move"]
        return moves.browse(context.get("active_ids", ()) if context.get("active_model") == moves._name else ())

    @api.depends("partner_id", "amount", "currency_id", "date", "state")
    @api.depends_context("escalation_of_customer", "lang")
    def _compute_display_name(self):
        """When, and how much; whose it is goes without saying on the customer's own screens."""
        for promise in self:
            amount = format_amount(self.env, promise.amount, promise.currency_id) if promise.currency_id else ""
            date = format_date(self.env, promise.date) if promise.date else ""
            promise.display_name = f"{date}: {amount}{promise._get_name_end()}"

    def _get_name_end(self):
        """Whose it is; among the customer's own promises, what became of it."""
        self.ensure_one()
        if not self.env.context.get("escalation_of_customer"):
            return f", {self.partner_id.display_name}"
        states = dict(self._fields["state"]._description_selection(self.env))
        return "" if self.state == "open" else f" ({states[self.state]})"

    @api.depends("move_ids.amount_residual", "currency_id")
    def _compute_open_amount(self):
        for promise in self:
            promise.open_amount = sum(promise.move_ids.mapped("amount_residual"))

    @api.onchange("move_ids")
    def _onchange_move_ids(self):
        self.partner_id = self.move_ids.commercial_partner_id[:1]
        self.company_id = self.move_ids.company_id[:1] or self.env.company
        self.currency_id = self.move_ids.currency_id[:1] or self.company_id.currency_id
        self.amount = self.open_amount

    @api.constrains("move_ids", "partner_id", "company_id", "currency_id")
    def _check_move_ids(self):
        for promise in self:
            moves = promise.move_ids
            if not moves:
                raise ValidationError(self.env._("A promise is about one invoice at least."))
            if moves.commercial_partner_id != promise.partner_id or moves.company_id != promise.company_id:
                raise ValidationError(self.env._("A promise is about invoices of one customer and one company."))
            if moves.currency_id != promise.currency_id:
                raise ValidationError(self.env._("A promise is about invoices in one currency."))

    @api.constrains("amount", "date")
    def _check_amount(self):
        for promise in self.filtered(lambda promise: promise.state == "open" and not promise.amount_paid):
            if promise.date < promise.company_id._escalation_today():
                raise ValidationError(self.env._("A promise cannot be for a day in the past."))
            compare = promise.currency_id.compare_amounts
            if compare(promise.amount, 0) <= 0 or compare(promise.amount, promise.open_amount) > 0:
                raise ValidationError(
                    self.env._(
                        "Promise more than nothing, and no more than what is open: %s.",
                        format_amount(self.env, promise.open_amount, promise.currency_id),
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        self._check_results_by_hand(*vals_list)
        promises = super().create([self._complete(vals) for vals in vals_list])
        for promise in promises:
            promise.move_ids._escalation_check_holdable()
            promise._hold_moves()
        return promises

    def write(self, vals):
        self._check_results_by_hand(vals)
        res = super().write(vals)
        if "date" in vals:
            self.filtered(lambda promise: promise.state == "open" and promise.is_held)._move_hold_ends()
        return res

    @api.model
    def _check_results_by_hand(self, *vals_list):
        if not self.env.su and any(RESULTS & vals.keys() for vals in vals_list):
            raise AccessError(self.env._("What became of a promise is read off the payments, not written by hand."))

    @api.model
    def _complete(self, vals):
        """Customer, company and currency are those of the invoices."""
        moves = self.env["account.move"].browse(
            self._fields["move_ids"].convert_to_cache(vals.get("move_ids") or [], self.new())
        )
        found = {
            "partner_id": moves.commercial_partner_id[:1].id,
            "company_id": moves.company_id[:1].id,
            "currency_id": moves.currency_id[:1].id,
        }
        return {**{name: value for name, value in found.items() if value}, **vals}

    def _get_deadline(self):
        """The last day on which a payment still keeps the promise."""
        self.ensure_one()
        return self.date + timedelta(days=self.company_id.escalation_grace_days)

    def _get_hold_end(self, move):
        """The last day of the pause of an invoice: what is promised in two parts has two days, in any order."""
        held = (self | move.escalation_promise_ids).filtered(
            lambda promise: promise.state == "open" and promise.is_held and move in promise.move_ids
        )
        return max(promise._get_deadline() for promise in held or self)

    def _move_hold_ends(self):
        """The pause of the invoices ends when the last open promise on them does."""
        held = self.move_ids.filtered(lambda move: move.escalation_hold == "promise")
        for until, moves in held.grouped(self._get_hold_end).items():
            moves.escalation_hold_until = until

    def _hold_moves(self):
        self.ensure_one()
        text = self.env._(
            "Promised to pay %(amount)s by %(date)s. %(note)s",
            amount=format_amount(self.env, self.amount, self.currency_id),
            date=format_date(self.env, self.date),
            note=self.note or "",
        )
        if self.is_held:
            for until, moves in self.move_ids.grouped(self._get_hold_end).items():
                moves._escalation_hold("promise", until, text)
        else:
            self.move_ids._escalation_log(text)

    # --- what becomes of it -------------------------------------------------------------------------------------------

    def _get_payments(self):
        """What was reconciled with these invoices since the promise: (day, amount in the promise's currency)."""
        self.ensure_one()
        lines = self.move_ids.line_ids.filtered(lambda line: line.display_type == "payment_term")
        return [
            (partial.max_date, partial.debit_amount_currency)
            for partial in lines.matched_credit_ids
            if partial.create_date >= self.create_date
        ]

    def _update_state(self, today):
        """Read off the ledger what became of open promises; one that is broken comes onto somebody's list."""
        for promise in self.filtered(lambda promise: promise.state != "cancelled"):
            payments = promise._get_payments()
            in_time = sum(amount for day, amount in payments if day <= promise._get_deadline())
            state = promise._get_state(in_time, today)
            last = max((day for day, _amount in payments), default=False)
            values = {"amount_paid": sum(amount for _day, amount in payments), "date_paid": last, "state": state}
            values["days_late"] = (last - promise.date).days if last else 0
            was_well = promise.state in ("open", "kept")
            promise.sudo().write(values)  # sudo: whoever pays in need not be one who may write on promises
            if was_well and state in ("broken", "partial"):
                promise._remind()

    def _update_states(self):
        """:meth:`_update_state`, each on its own company's today."""
        for company, promises in self.grouped("company_id").items():
            promises._update_state(company._escalation_today())

    def _get_state(self, paid, today):
        self.ensure_one()
        if self.currency_id.compare_amounts(paid, self.amount) >= 0:
            return "kept"
        if today <= self._get_deadline():
            return "open"
        return "partial" if paid else "broken"

    def _remind(self):
        """Put it on the list of the responsible: the plan goes on by itself, but a person should know."""
        self.ensure_one()
        state = dict(self._fields["state"]._description_selection(self.env))[self.state]
        text = self.env._("Promise to pay: %(state)s. %(promise)s", state=state, promise=self.display_name)
        open_moves = self.move_ids.filtered(lambda move: move.payment_state in FOLLOWED_PAYMENT_STATES)
        for move in open_moves[:1]:
            users = self.user_id | move.invoice_user_id | self.company_id.escalation_user_id | self.env.user
            move.activity_schedule(
                "mail.mail_activity_data_todo",
                self.company_id._escalation_today(),
                summary=text,
                user_id=users.filtered("active")[:1].id,  # who has left has no list
            )
        self.move_ids._escalation_log(text)

    def action_cancel(self):
        """The promise was withdrawn: the invoices go on in their plan."""
        self.check_access("write")
        promises = self.filtered(lambda promise: promise.state == "open")
        promises.sudo().state = "cancelled"  # sudo: see write()
        held = promises.move_ids.filtered(lambda move: move.escalation_hold == "promise")
        others = self.search([("move_ids", "in", held.ids), ("state", "=", "open"), ("is_held", "=", True)])
        (held - others.move_ids).action_escalation_lift()
        others._move_hold_ends()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_told(self):
        if self.filtered(lambda promise: promise.state != "cancelled"):
            raise UserError(self.env._("A promise is part of the customer's history: cancel it instead."))

    @api.model
    def _update_open(self, today):
        """Once a day: every open promise of the company, and what was not updated when payments came or went."""
        opened = self.search([("state", "=", "open"), ("company_id", "=", self.env.company.id)])
        (opened | self._get_outdated())._update_state(today)

    @api.model
    def _get_outdated(self):
        """Those of the company that have ended, and on whose invoices other amounts are reconciled by now."""
        self.env.flush_all()
        query = SQL(
            """
            SELECT promise.id
              FROM account_escalation_promise promise
         LEFT JOIN (account_escalation_promise_move_rel rel
                    JOIN account_move_line l ON l.move_id = rel.account_move_id AND l.display_type = 'payment_term'
                    JOIN account_partial_reconcile part ON part.debit_move_id = l.id)
                   ON rel.account_escalation_promise_id = promise.id AND part.create_date >= promise.create_date
             WHERE promise.company_id = %s AND promise.state IN ('kept', 'partial', 'broken')
          GROUP BY promise.id
            HAVING COALESCE(SUM(part.debit_amount_currency), 0) != COALESCE(promise.amount_paid, 0)
            """,
            self.env.company.id,
        )
        return self.browse(promise_id for [promise_id] in self.env.execute_query(query))
