import logging
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.tools import groupby, plaintext2html

from .account_escalation_plan_run import Planned
from .account_escalation_step import FOLLOWUP_MODEL

_logger = logging.getLogger(__name__)

UNSENT_DAYS = 7  # so long does a reminder that somebody began wait in To Do


class AccountEscalationFollowup(models.Model):
    """A person's own reminders: of the invoices they chose, read and sent by them; no plan moves by it."""

    _inherit = FOLLOWUP_MODEL

    known_holds = fields.Char(
        readonly=True, help="What was on hold when a person began this reminder: that alone does not stop it."
    )
    warning = fields.Text(compute="_compute_warning", help="What a person should know before reminding by hand.")

    @api.depends("is_manual", "line_ids.counts")
    def _compute_warning(self):
        manual = self.filtered("is_manual")
        (self - manual).warning = False
        all_moves = manual.line_ids.filtered("counts").move_id
        warnings = all_moves._escalation_get_warnings(manual)
        for followup in manual:
            moves = followup.line_ids.filtered("counts").move_id
            followup.warning = all_moves._escalation_describe_warnings(warnings[move] for move in moves) or False

    @api.model
    def _remind_by_hand(self, ready, state):
        """One reminder for each customer, which a person reads and sends; the plan does not move.

        :param ready: {manual plan: [Facts]}, as READ finds the invoices that were chosen
        """
        begun = self._get_begun([facts.move_id for found in ready.values() for facts in found])
        waiting = begun.filtered(lambda reminder: reminder.state == "todo").partner_id
        begun.unlink()
        reminders = self.browse()
        for plan, found in ready.items():
            reminders |= self._record_by_hand(plan, plan.step_ids[:1], found)
        reminders.state = state
        for reminder in reminders:
            reminder.known_holds = " ".join(reminder._get_holds())
        # what has waited in To Do goes on to do so if it is opened anew and not sent
        reminders.filtered(lambda reminder: reminder.partner_id in waiting).state = "todo"
        return reminders

    @api.model
    def _log_call(self, ready, text):
        """A call with each customer that no plan asked for: done, and a contact; the plan does not move.

        :param ready: as for :meth:`_remind_by_hand`
        :param str text: what was said
        """
        for plan, found in ready.items():
            calls = self._record_by_hand(plan, self._get_call_step(plan), found)
            calls._set_done(plan.company_id._escalation_today(), text)

    @api.model
    def _get_call_step(self, plan):
        """What the calls belong to that a person notes; made when it is first needed."""
        call = plan.step_ids.filtered(lambda step: step.channel == "call")
        values = {"name": self.env._("Unplanned call"), "channel": "call", "sequence": 20}  # after the reminder
        return call or call.create({**values, "plan_id": plan.id})

    @api.model
    def _record_by_hand(self, plan, step, found):
        """RECORD of what a person asks for: one for each customer."""
        today = plan.company_id._escalation_today()
        groups = groupby(found, key=lambda facts: facts.partner_id)
        planned = [Planned(step, 1, today, group) for _partner_id, group in groups]
        return self._record(plan, planned, today, plan.company_id._escalation_get_is_free(today))

    @api.model
    def _get_begun(self, move_ids):
        """What the same person began for these invoices and did not send: it gives way to what they begin now."""
        mine = [("is_manual", "=", True), ("create_uid", "=", self.env.uid), ("user_id", "=", self.env.uid)]
        unsent = [("state", "in", ("draft", "todo")), ("channel", "=", "email"), ("mail_message_id", "=", False)]
        reminders = self.search([*mine, *unsent, ("line_ids.move_id", "in", move_ids)])
        return reminders.filtered(
            lambda reminder: (
                not reminder.message_ids and set(move_ids).issuperset(reminder.line_ids.move_id._ids)  # no notes
            )
        )

    @api.model
    def _prepare_values(self, plan, step, group, partner, day):
        values = super()._prepare_values(plan, step, group, partner, day)
        if plan.is_manual:
            values |= {"is_manual": True, "user_id": self.env.uid}
        return values

    def _prepare_lines(self, entry, others, today, is_free):
        """A person asks for all that is open on the invoices they chose; none of it triggers a step."""
        if not self.is_manual:
            return super()._prepare_lines(entry, others, today, is_free)
        common = self._prepare_line_values(self.plan_id, entry.step)
        items = (item for facts in entry.group for item in facts.subject.items)
        return [{**common, **self._prepare_item_line(item, False, 1)} for item in items]

    def _get_holds(self):
        """What is on hold among the invoices and their customer; each other hold makes another word."""
        self.ensure_one()
        held = [*self.line_ids.move_id, self.partner_id.with_company(self.company_id)]
        return [f"{r._name},{r.id},{r.escalation_hold},{r.escalation_hold_until}" for r in held if r.escalation_hold]

    def _is_hold_known(self):
        """Whether a person has begun this reminder in spite of all that is on hold now."""
        self.ensure_one()
        return bool(self.known_holds) and set(self._get_holds()).issubset(self.known_holds.split())

    def _get_template(self):
        """Of what is not due yet, a person reminds with the courtesy text."""
        template = super()._get_template()
        if not self.is_manual:
            return template
        today = self._get_items_day()
        if any(move._escalation_is_overdue(today) for move in self.line_ids.filtered("counts").move_id):
            return template
        return self.env.ref("account_escalation.mail_template_reminder", raise_if_not_found=False) or template

    def _execute_email(self, today):
        """What a person should know of by now is not sent unread after all."""
        manual = self.filtered("is_manual")
        manual.invalidate_recordset(["warning"])
        kept = manual.filtered(lambda reminder: reminder.warning and reminder.reason == "released")
        kept.reason = "due"
        for reminder in kept:
            reminder._tell_kept()
        return super()._execute_email(today)

    def _tell_kept(self):
        """Who was told that the reminder leaves within a minute must hear that it does not."""
        self.message_notify(
            partner_ids=self.user_id.partner_id.ids,
            subject=self.env._("Waits in To Do: %s", self.display_name),
            body=plaintext2html(self.warning),
        )

    def _get_unreachable_reason(self, by_person=False):
        """Also if it leaves later, a person has chosen to write to an address that has bounced."""
        return super()._get_unreachable_reason(by_person or self.is_manual)

    def _review_one_by_one(self):
        """The composer of the first; sending it opens that of the next. Until then they wait in To Do."""
        action = self[0]._get_composer()
        action["context"]["default_escalation_next_ids"] = self[1:].ids
        return action

    def _review_one_by_one_safely(self):
        """:meth:`_review_one_by_one`; what goes wrong with these must not keep another, just written, from leaving.

        :return: an action; None if none opens: they go on waiting
        """
        if not self:
            return None
        try:
            with self.env.cr.savepoint():
                return self._review_one_by_one()
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except Exception:  # a text, a PDF...
            _logger.warning("Reminders %s cannot be opened", self.ids, exc_info=True)
            return None

    @api.autovacuum
    def _gc_unsent_reminders(self):
        """What somebody began and did not send does not stay for ever."""
        yesterday = fields.Date.today() - timedelta(days=1)  # somewhere it is still the day before
        self.search([("state", "=", "draft"), ("date", "<", yesterday)]).unlink()
        old = fields.Date.today() - timedelta(days=UNSENT_DAYS)
        self.search([("is_manual", "=", True), ("state", "=", "todo"), ("date", "<", old)])._skip("auto_skip")

    def _get_composer(self):
        action = super()._get_composer()
        if self.is_manual:
            action["context"]["default_escalation_last_contact"] = self._get_last_contact()
        return action

    def _lock_others(self):
        """Keep colleagues, and the scheduled action, from writing about the same invoices in the same moment.

        :raise UserError: if they are about to
        """
        self.ensure_one()
        moves = self.line_ids.filtered("counts").move_id
        states = ("draft", *self._get_open_states())
        # sudo: whoever has begun them
        others = self.sudo().search([("state", "in", states), ("line_ids.move_id", "in", moves.ids)])
        try:
            others.lock_for_update(allow_referencing=True)
        except LockError as error:
            raise UserError(
                self.env._("Nothing was sent: somebody is writing to the customer at this moment. Please try again.")
            ) from error

    def _get_last_contact(self):
        """The id of the latest email to the customer about these invoices, beside this one."""
        self.ensure_one()
        domain = [
            ("id", "!=", self.id),
            ("state", "=", "done"),
            ("is_contact", "=", True),
            ("mail_message_id", "!=", False),
            ("line_ids.move_id", "in", self.line_ids.filtered("counts").move_id.ids),
        ]
        # sudo: whether there is another one is no secret to who reminds
        return self.sudo().search(domain, order="mail_message_id.id desc", limit=1).mail_message_id.id

    # --- what the composer adds ---------------------------------------------------------------------------------------

    def _send_copy(self, message):
        """Queue for the user what the customer gets: an email of its own, of which the customer sees nothing."""
        self.ensure_one()
        message = message.sudo()  # sudo: users have no right on the mail queue
        sent = message.mail_ids.filtered("recipient_ids")[:1]  # none for who reads messages in Odoo
        copied = ("subject", "email_from", "reply_to")
        self.env["mail.mail"].sudo().create(
            {
                **{name: message[name] for name in copied},
                "body_html": sent.body_html or message.body,
                "author_id": message.author_id.id,
                "model": self._name,
                "res_id": self.id,
                "message_type": "email_outgoing",
                "is_internal": True,
                "is_notification": True,
                "subtype_id": self.env["ir.model.data"]._xmlid_to_res_id("mail.mt_note"),
                "recipient_ids": [fields.Command.set(self.env.user.partner_id.ids)],
                "attachment_ids": [fields.Command.set(message.attachment_ids.ids)],
                "auto_delete": False,
            }
        )

    def _get_template_texts(self):
        """What a text says of this customer only, and the placeholder that says it of any: {text: expression}."""
        self.ensure_one()
        localized = self.with_context(lang=self.lang)
        paths = (
            *("date_in_7_days", "date_in_10_days", "invoice_names", "oldest_due_date", "partner_id.name"),
            *("payment_link", "previous_reminders", "total_due"),
        )
        return {text: f"object.{path}" for path in paths for text in localized.mapped(path) if text}
