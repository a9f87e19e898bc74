from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools.pdf import merge_pdf

from ..tools.reasons import FOLLOWUP
from .account_escalation_step import FOLLOWUP_MODEL

SKIPPED = ("by_person", "auto_skip", "activity_removed")  # the step counts as taken, and may be taken up again
SENT_AT_ONCE = 20  # so many emails does a click send; more of them leave in the background
# what the follow-up reads, cancels or sends in the name of the company, and what history is told by
MACHINE_FIELDS = frozenset(
    [
        *("channel", "date", "date_done", "is_contact", "is_informed", "is_manual", "is_reviewed"),
        *("known_holds", "level", "reason", "reason_detail", "state"),
        *("activity_id", "attachment_ids", "company_id", "line_ids", "mail_message_id", "partner_id"),
        *("plan_id", "step_id", "merged_from"),
        *("posting_status", "posting_carrier", "posting_reference", "posting_attempt", "is_posting_uncertain"),
    ]
)


class AccountEscalationFollowup(models.Model):
    """One step taken for one customer: outbox row until it is carried out, then history and thread of the answers."""

    _name = FOLLOWUP_MODEL
    _description = "Follow-up"
    _inherit = ["mail.thread"]
    _order = "date desc, id desc"
    _rec_names_search = ["partner_id"]
    _mail_post_access = "read"  # internal contacts note what they hear

    plan_id = fields.Many2one("account.escalation.plan", required=True, ondelete="restrict", index=True, readonly=True)
    step_id = fields.Many2one("account.escalation.step", required=True, ondelete="restrict", readonly=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, ondelete="restrict", index=True, readonly=True
    )
    merged_from = fields.Integer(readonly=True, help="The number of the customer that was merged into this one.")
    line_ids = fields.One2many("account.escalation.followup.line", "followup_id", string="Items", readonly=True)
    move_ids = fields.Many2many(
        "account.move", string="Invoices", compute="_compute_moves", search="_search_move_ids", compute_sudo=True
    )
    move_line_ids = fields.Many2many(
        "account.move.line", compute="_compute_moves", search="_search_move_line_ids", compute_sudo=True
    )
    channel = fields.Selection(
        [("email", "Email"), ("call", "Call"), ("letter", "Letter")], required=True, readonly=True
    )
    tone = fields.Selection(related="step_id.tone")
    level = fields.Selection("_selection_level", required=True, readonly=True)
    is_manual = fields.Boolean(string="By Hand", readonly=True, help="A person's own reminder: no plan asked for it.")
    is_reviewed = fields.Boolean(readonly=True, help="The email waits for a person.")
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("queued", "Queued"),
            ("todo", "To do"),
            ("done", "Done"),
            ("failed", "Failed"),
            ("skipped", "Skipped"),
        ],
        string="Status",
        default="queued",
        required=True,
        readonly=True,
        help="Draft: a reminder by hand that its writer has opened and not sent, nobody's to-do.",
    )
    reason = fields.Selection("_selection_reason", string="Why", required=True, default="due", readonly=True)
    reason_detail = fields.Char(string="Detail", readonly=True)
    date = fields.Date(required=True, index=True, readonly=True, help="The day on which the plan asked for it.")
    date_done = fields.Date(string="Done On", readonly=True)
    is_contact = fields.Boolean(readonly=True, help="The customer was asked to pay by it, not only colleagues told.")
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        index="btree_not_null",
        domain=[("share", "=", False)],
        check_company=True,
    )
    activity_id = fields.Many2one("mail.activity", readonly=True, index="btree_not_null")
    attachment_ids = fields.Many2many("ir.attachment", string="Attachments", readonly=True)
    is_outdated = fields.Boolean(help="What was written or printed lists something that has changed since.")
    can_reopen = fields.Boolean(compute="_compute_can_reopen")

    _one_summary = models.UniqueIndex(
        "(plan_id, step_id, partner_id, date, COALESCE(merged_from, 0)) WHERE level = 'summary' AND state != 'skipped'",
        "This summary was already made today.",
    )
    _open_idx = models.Index("(plan_id, state) WHERE state IN ('queued', 'todo', 'failed')")

    @api.model
    def _selection_reason(self):
        return [(key, self.env._(sentence)) for key, sentence in FOLLOWUP.items()]

    @api.model
    def _selection_level(self):
        return self.env["account.escalation.plan"]._fields["level"]._description_selection(self.env)

    @api.model
    def _get_open_states(self):
        return ("queued", "todo", "failed")

    @api.model
    def _search_stoppable(self, domain):
        """Those that could still reach the customer: open, or with an email that waits in the queue."""
        unsent = [("state", "=", "done"), ("mail_message_id.mail_ids.state", "=", "outgoing")]
        return self.search(domain & (Domain("state", "in", self._get_open_states()) | Domain(unsent)))

    @api.depends("step_id", "partner_id")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for followup in self:
            step = followup.sudo().step_id  # sudo: internal contacts have no access to plans
            # first whom it is about: a calendar or a breadcrumb has room for the beginning only
            followup.display_name = f"{followup.partner_id.display_name} – {step.display_name}"

    @api.depends("line_ids.move_id", "line_ids.move_line_id")
    def _compute_moves(self):
        for followup in self:
            followup.move_ids = followup.line_ids.move_id
            followup.move_line_ids = followup.line_ids.move_line_id

    def _search_move_ids(self, operator, value):
        return [("line_ids.move_id", operator, value)]

    def _search_move_line_ids(self, operator, value):
        return [("line_ids.move_line_id", operator, value)]

    def write(self, vals):
        if not self.env.su and MACHINE_FIELDS & vals.keys():
            raise AccessError(self.env._("What a follow-up is about, and what became of it, is not changed by hand."))
        if not self.env.su and "recipient_ids" in vals:
            vals = {**vals, "is_addressed_by_hand": True}
        res = super().write(vals)
        if "user_id" in vals and not self.env.su:
            self._check_company(["user_id"])
        if "state" in vals:
            # what comes next on the invoices is another question now
            self.env["account.move"]._escalation_invalidate_next()
        if "user_id" in vals:
            calls = self.filtered(lambda followup: followup.activity_id.user_id != followup.user_id)
            for user, followups in calls.grouped("user_id").items():
                followups.activity_id.user_id = user
        return res

    # --- what a person can do -----------------------------------------------------------------------------------------

    def action_send(self):
        """Open one email in the composer; send several as their templates say, unless something has changed since.

        Of several, reminders by hand of which one must know something wait until they are read.
        """
        emails = self._to_act().filtered(lambda f: f.channel == "email" and f.state in ("todo", "failed"))
        valid = emails._recheck_all()
        if len(self) == 1 and valid:
            return valid._get_composer()
        ready = valid.filtered(lambda followup: not followup.warning)
        if len(ready) > SENT_AT_ONCE:  # PDFs that must be made first take longer than a click may
            ready._release()
        else:
            ready._send_checked()
        return emails._notify_result()

    def _release(self):
        """Have the scheduled action send these as their texts say, without being read once more."""
        released = self._to_act()
        released._cancel_unsent()  # of an earlier try
        released.write({"state": "queued", "reason": "released", "reason_detail": False, "date_done": False})
        self.env.ref("account_escalation.ir_cron_process")._trigger()

    def _send_checked(self):
        for company, followups in self._check_reachable(by_person=True).grouped("company_id").items():
            today = company._escalation_today()
            followups._attempt(lambda batch, today=today: batch._send(today))

    def _to_act(self):
        """These, to be acted on in the name of the company by somebody who may."""
        self.check_access("write")
        return self.sudo()  # sudo: queueing emails, ending activities and writing history is the addon's, see write()

    def action_mark_sent(self):
        """Letters are posted, calls are made."""
        todo = self._to_act().filtered(lambda followup: followup.state == "todo" and followup.channel != "email")
        todo._end(False)
        return True

    def _end(self, text):
        """The calls were made, the letters posted: done, with their activity if they have one.

        :param str text: what was said
        """
        self.activity_id._action_done(feedback=text)
        for company, calls in self.filtered(lambda call: call.state == "todo").grouped("company_id").items():
            calls._set_done(company._escalation_today(), text)

    def action_open_result(self):
        """What came of the call."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "account_escalation.account_escalation_call_result_action"
        )
        return {**action, "context": {"default_followup_id": self.id}}

    def action_take(self):
        """Take over what stands in the list of a whole team, or of nobody."""
        self._to_act().filtered(lambda followup: not followup.user_id).user_id = self.env.user
        return True

    def action_skip(self):
        """Go on with the plan without this step."""
        self._to_act().filtered(lambda followup: followup.state in self._get_open_states())._skip("by_person")
        return True

    def action_retry(self):
        """Try again what failed; take up again what was skipped, or marked as done by mistake.

        :raise UserError: if a later step was taken since
        """
        acting = self._to_act()
        closed = acting.filtered("can_reopen")
        if closed._get_overtaken():
            raise UserError(self.env._("A later step was taken since: this one stays as it is."))
        again = closed | acting.filtered(lambda followup: followup.state == "failed")
        again._cancel_unsent()
        again.write({"state": "queued", "reason": "due", "reason_detail": False, "date_done": False})
        again.filtered(lambda followup: followup.channel != "call")._refresh_recipients()
        again._process()
        return again._notify_result()

    @api.depends("state", "reason", "channel", "posting_reference")
    def _compute_can_reopen(self):
        """What a person, or nobody, has ended; an email that is sent, or a letter that a carrier has, is sent."""
        for followup in self:
            was_skipped = followup.state == "skipped" and followup.reason in SKIPPED
            is_gone = followup.channel == "email" or followup.posting_reference
            followup.can_reopen = was_skipped or (followup.state == "done" and not is_gone)

    def _get_overtaken(self):
        """Those after which one of their receivables took another step."""
        overtaken = self.browse()
        for line in self.line_ids.filtered("counts"):
            same = [("move_id", "=", line.move_id.id), ("instalment", "=", line.instalment), ("counts", "=", True)]
            later = [("plan_id", "=", line.plan_id.id), ("followup_id", ">", line.followup_id.id)]
            if line.search_count(same + later, limit=1):
                overtaken |= line.followup_id
        return overtaken

    def action_print(self):
        """The selected letters as one PDF, as they were made; made anew if an open amount has changed since."""
        letters = self.filtered(lambda followup: followup.channel == "letter")
        todo = letters.filtered(lambda followup: followup.state == "todo")
        if todo and todo.has_access("write"):
            todo = todo._to_act()
            outdated = todo._recheck_all().filtered(lambda letter: letter._refresh_amounts() or letter._is_of_before())
            outdated._attempt(lambda batch: batch._make_letters())
        printed = letters.filtered(lambda f: f.state in ("todo", "done") and f.attachment_ids)
        if not printed:
            return letters._notify_result()  # no error: what was withdrawn just now stays so
        files = printed.attachment_ids
        url = f"/account_escalation/letters/{','.join(map(str, printed.ids))}"
        if len(files) == 1:
            url = f"/web/content/{files.id}?download=true"
        return {"type": "ir.actions.act_url", "url": url, "target": "download"}

    def _get_letters_pdf(self):
        """The letters as one document, in this order."""
        self.attachment_ids.check_access("read")
        return merge_pdf([file.raw for letter in self for file in letter.attachment_ids])

    def _is_of_before(self):
        """Whether the letter bears the date of an earlier day."""
        self.ensure_one()
        made = self.attachment_ids[:1].create_date
        return not made or self.company_id._escalation_today(made) < self.company_id._escalation_today()

    def action_open_move(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("account.action_move_out_invoice_type")
        if len(self.move_ids) == 1:
            return {**action, "views": [(False, "form")], "res_id": self.move_ids.id}
        return {**action, "domain": [("id", "in", self.move_ids.ids)], "context": {"default_move_type": "out_invoice"}}

    def _notify_result(self):
        """What became of the follow-ups that a person acted on, in one notification."""
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if set(self.mapped("state")) == {"done"} else "warning",
                "message": self._get_result_text(),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _get_result_text(self):
        """“3 sent. 1 withdrawn: Paid.”"""
        if not self:
            return self.env._("None of the selected follow-ups can be handled in this way.")
        sentences = {
            "done": self.env._("%s sent."),
            "queued": self.env._("%s queued."),
            "todo": self.env._("%s still to do."),
            "failed": self.env._("%s failed:"),
            "skipped": self.env._("%s not sent:"),
        }
        parts = []
        for state, followups in self.grouped("state").items():
            parts.append(sentences[state] % len(followups))
            if state in ("failed", "skipped"):
                parts += sorted({followup._get_reason_text() for followup in followups})
        return " ".join(parts)

    def _get_reason_text(self):
        self.ensure_one()
        return f"{self._get_reason_sentence(self.reason)} {self.reason_detail or ''}".strip()

    @api.model
    def _get_reason_sentence(self, key):
        return self.env._(FOLLOWUP[key])
