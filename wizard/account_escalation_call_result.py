from datetime import date, timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_amount, format_date

from ..models.account_escalation_target import DISPUTES

DAYS_TO_CHECK = 5  # calendar days that are proposed for a payment to arrive, or an invoice to be read


class AccountEscalationCallResult(models.TransientModel):
    """What came of a call to a customer, in one click."""

    _name = "account.escalation.call.result"
    _description = "Result of a Call"

    followup_id = fields.Many2one("account.escalation.followup", readonly=True)
    is_call = fields.Boolean(
        string="By Phone",
        help="The call is noted in the history, and counts as a contact: the minimum delay to the next follow-up"
        " begins anew. Not for what the customer wrote.",
    )
    move_ids = fields.Many2many(
        "account.move",
        string="Invoices",
        compute="_compute_move_ids",
        precompute=True,  # while the context tells what it was opened from
        store=True,
        readonly=False,
        help="The answer applies to these. Take out those that the customer said nothing of.",
    )
    partner_id = fields.Many2one("res.partner", compute="_compute_partner_id")
    company_id = fields.Many2one("res.company", compute="_compute_partner_id")
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id")
    result = fields.Selection(
        [
            ("promised", "Promised to pay"),
            ("paid", "Says it is paid"),
            ("dispute", "Disputes it"),
            ("not_received", "Never received the invoice"),
            ("wrong_person", "Wrong person"),
            ("no_answer", "No answer"),
            ("other", "Other, or nothing agreed"),
        ],
        default="promised",
        required=True,
    )
    date = fields.Date(string="To Be Paid By", default=lambda _self: fields.Date.add(fields.Date.today(), days=7))
    amount = fields.Monetary(
        string="Promised",
        compute="_compute_amount",
        store=True,
        readonly=False,
        help="All that is open on these invoices, or the part of it that the customer has promised.",
    )
    paid_date = fields.Date(string="Paid On")
    reference = fields.Char(string="Payment Reference")
    days = fields.Integer(default=DAYS_TO_CHECK, help="Days until it is looked at again.")
    dispute_reason = fields.Selection(DISPUTES, string="About")
    again_days = fields.Integer(
        string="Call Again In", help="Days until a call is put on your list. 0: none, the plan goes on by itself."
    )
    recipient_ids = fields.Many2many(related="followup_id.recipient_ids")
    is_to_several = fields.Boolean(string="Several Recipients", compute="_compute_is_to_several")
    called_contact_id = fields.Many2one(
        "res.partner",
        string="Wrong Person",
        compute="_compute_called_contact_id",
        store=True,
        readonly=False,
        help="Who was called, of those who were addressed: only this one gets nothing more.",
    )
    contact_id = fields.Many2one("res.partner", string="Right Person")
    note = fields.Char()

    @api.depends("followup_id")
    def _compute_move_ids(self):
        """All that the call is about, as far as it is still open; without a call, what it was opened from."""
        context = self.env.context
        active_ids = context.get("active_ids", ()) if context.get("active_model") == "account.move" else ()
        for wizard in self:
            lines = wizard.followup_id.line_ids.filtered("counts")
            moves = lines.move_id if wizard.followup_id else wizard.move_ids.browse(active_ids)
            wizard.move_ids = moves._escalation_get_holdable()

    def _compute_partner_id(self):
        for wizard in self:
            wizard.partner_id = wizard.followup_id.partner_id or wizard.move_ids.commercial_partner_id[:1]
            wizard.company_id = wizard.followup_id.company_id or wizard.move_ids.company_id[:1]

    @api.depends("move_ids")
    def _compute_currency_id(self):
        """Of several currencies none: then all that is open is promised in each."""
        for wizard in self:
            currencies = wizard.move_ids.currency_id
            wizard.currency_id = currencies if len(currencies) == 1 else False

    @api.depends("move_ids")
    def _compute_amount(self):
        for wizard in self:
            is_one = len(wizard.move_ids.currency_id) == 1
            wizard.amount = sum(wizard.move_ids.mapped("amount_residual")) if is_one else 0.0

    @api.depends("recipient_ids")
    def _compute_is_to_several(self):
        for wizard in self:
            wizard.is_to_several = len(wizard.recipient_ids) > 1

    @api.depends("followup_id")
    def _compute_called_contact_id(self):
        """Whoever has the number that the call shows."""
        for wizard in self:
            recipients = wizard.recipient_ids
            wizard.called_contact_id = recipients.filtered("phone")[:1] or recipients[:1]

    def action_apply(self):
        """Do what the result asks for, then end the call; without an answer it comes again.

        :raise UserError: if nothing is left to talk about; nothing is written
        """
        if self.days < 1:
            raise UserError(self.env._("Look at it again in one day at least."))
        self._check_call()
        self._get_moves().check_access("write")
        action = getattr(self, f"_apply_{self.result}")()
        return action or {"type": "ir.actions.act_window_close"}

    def _check_call(self):
        """A call is made once, and about something that can be promised, disputed..."""
        followup = self.followup_id
        followup.check_access("write")
        if followup and (followup.channel != "call" or followup.state != "todo"):
            raise UserError(self.env._("Somebody has dealt with this call already."))
        needs_call = self.result in ("wrong_person", "no_answer")
        if needs_call and not followup:
            raise UserError(self.env._("This is the result of a call: open the call."))
        is_about_others = followup and self.result == "other"  # a call about opening balances has no invoice
        if not needs_call and not is_about_others and not self._get_moves():
            raise UserError(self.env._("Choose an invoice on which something is open."))

    def _get_moves(self):
        """The invoices that the answer applies to, as far as they are still open."""
        return self.move_ids._escalation_get_holdable()

    def _get_until(self):
        return self.company_id._escalation_today() + timedelta(days=self.days)

    def _end_call(self, text):
        """The call was made; one that nobody planned is noted. Before anything is held, which would withdraw it."""
        if self.is_call and not self.followup_id:
            self._get_moves()._escalation_log_call(text)
        calls = self.followup_id.filtered(lambda followup: followup.state == "todo" and followup.channel == "call")
        calls._to_act()._end(text)

    def _apply_promised(self):
        values = [self._prepare_promise(moves) for moves in self._get_moves().grouped("currency_id").values()]
        self._end_call(self._describe_promises(values))
        self.env["account.escalation.promise"].create(values)

    def _prepare_promise(self, moves):
        """All that is open on these invoices of one currency, or the part of it that a person has entered."""
        is_all = not self.currency_id
        return {
            "move_ids": [fields.Command.set(moves.ids)],
            "currency_id": moves.currency_id.id,
            "amount": sum(moves.mapped("amount_residual")) if is_all else self.amount,
            "date": self.date,
            "contact_id": self.contact_id.id,
            "note": self.note,
        }

    def _describe_promises(self, values):
        currencies = self.env["res.currency"]
        amounts = [format_amount(self.env, vals["amount"], currencies.browse(vals["currency_id"])) for vals in values]
        return self.env._(
            "Promised to pay %(amount)s by %(date)s. %(note)s",
            amount=" + ".join(amounts),
            date=format_date(self.env, self.date),
            note=self.note or "",
        ).strip()

    def _apply_paid(self):
        day = format_date(self.env, self.paid_date) if self.paid_date else "–"
        text = self.env._(
            "Says it is paid: %(date)s, %(reference)s. %(note)s",
            date=day,
            reference=self.reference or "–",
            note=self.note or "",
        )
        moves = self._get_moves()
        self._end_call(text)
        self._pause(moves, text)
        self._check_later(moves, self.env._("Has the payment arrived? %s", text))

    def _pause(self, moves, text):
        """What is on hold for longer, for a promise or a dispute, stays so."""
        until = self._get_until()
        longer = moves.filtered(lambda move: move.escalation_hold and (move.escalation_hold_until or date.max) >= until)
        longer._escalation_log(self.env._("On hold already. %s", text))
        (moves - longer)._escalation_hold("pause", until, text)

    def _check_later(self, moves, text):
        """Put it on somebody's list for the day on which the hold has ended."""
        for move in moves[:1]:
            user = self.followup_id.user_id or move.invoice_user_id or self.env.user
            move.activity_schedule("mail.mail_activity_data_todo", self._get_until(), summary=text, user_id=user.id)

    def _apply_dispute(self):
        wizard = self.env["account.escalation.hold"].create(
            {
                "hold": "dispute",
                "move_ids": [fields.Command.set(self._get_moves().ids)],
                "partner_ids": False,  # whatever list the call was opened from
                "dispute_reason": self.dispute_reason or "other",
                "note": self.note,
            }
        )
        self._end_call(self.env._("Disputes it. %s", wizard._get_note()))
        wizard.action_hold()

    def _apply_not_received(self):
        """Send the invoices again with core's own dialog; meanwhile they are paused."""
        moves = self._get_moves()
        text = self.env._("Never received the invoice: it is to be sent again. %s", self.note or "")
        self._end_call(text)
        self._pause(moves, text)
        return moves.action_invoice_sent() if len(moves) == 1 else moves.action_send_and_print()

    def _apply_wrong_person(self):
        """The right one gets what follows; the call is still to be made."""
        if not self.contact_id:
            raise UserError(self.env._("Choose the right person, or make a new contact."))
        offices = self.partner_id | self.partner_id.escalation_contact_partner_id.commercial_partner_id
        if self.contact_id.commercial_partner_id not in offices:
            raise UserError(self.env._("Choose somebody of %s.", self.partner_id.display_name))
        wrong = self._get_wrong_person()
        wrong.escalation_is_contact = False
        self.contact_id.escalation_is_contact = True
        call = self.followup_id._to_act()
        call.recipient_ids = (call.recipient_ids - wrong) | self.contact_id
        names = ", ".join(call.recipient_ids.filtered("escalation_is_contact").mapped("display_name"))
        self.partner_id._escalation_log(self.env._("Follow-ups go to %s from now on.", names))

    def _get_wrong_person(self):
        """Who was called; if several were addressed, the others remain.

        :raise UserError: if nobody was chosen, or the right person
        """
        recipients = self.followup_id.recipient_ids
        wrong = recipients & self.called_contact_id if len(recipients) > 1 else recipients
        if recipients and not wrong:
            raise UserError(self.env._("Choose who was called, of those who were addressed."))
        if self.contact_id in wrong:
            raise UserError(self.env._("The person who was called cannot be the right one, too."))
        return wrong

    def _apply_no_answer(self):
        """The same call again in some days; the plan does not move, and nobody was contacted."""
        call = self.followup_id._to_act()
        call.activity_id.date_deadline = self._get_until()
        call.date = self._get_until()  # it is given up, if at all, that many days later
        self._get_moves()._escalation_log(
            self.env._("Called without an answer; again on %s.", format_date(self.env, self._get_until()))
        )

    def _apply_other(self):
        """What was said is kept; the plan goes on by itself."""
        moves = self._get_moves()
        self._end_call(self.note)
        documents = moves or self.partner_id
        documents._escalation_log(self.env._("Spoken to the customer. %s", self.note or "").strip())
        if self.again_days:
            self._call_again(documents[:1])

    def _call_again(self, document):
        document.activity_schedule(
            "mail.mail_activity_data_call",
            self.company_id._escalation_today() + timedelta(days=self.again_days),
            summary=self.note,
            user_id=self.env.user.id,
        )
