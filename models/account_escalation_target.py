from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

# who see what is decided on customers; read-only ones do not decide
ACCOUNTANTS = "account.group_account_invoice,account.group_account_readonly"
HOLDS = [("pause", "Paused"), ("promise", "Promised to pay"), ("dispute", "Disputed")]
EXCLUSIONS = [
    ("settled", "Settled otherwise"),
    ("factored", "Factored"),
    ("lawyer", "Lawyer or collection agency"),
    ("insolvency", "Insolvency"),
    ("other", "Other"),
]
DISPUTES = [
    ("quality", "Goods or service"),
    ("quantity", "Quantity or delivery"),
    ("price", "Price or terms"),
    ("unknown", "Not ordered, or invoiced twice"),
    ("other", "Other"),
]
ORIGINS = {  # of a plan: who has chosen it
    "escalation_plan_id": "escalation_plan_origin",
    "escalation_summary_plan_id": "escalation_summary_plan_origin",
}
NOTE_BATCH = 1000


class AccountEscalationTarget(models.AbstractModel):
    """What is put under a plan, held or excluded, and tells it in its own notes: an invoice or a customer."""

    _name = "account.escalation.target"
    _description = "Held or Excluded from Follow-ups"
    _escalation_holds = frozenset({"escalation_hold", "escalation_hold_until"})
    _escalation_stops = _escalation_holds  # may end the reason of what waits
    _escalation_switch = "no_followup"  # what excludes for good

    # --- changes ------------------------------------------------------------------------------------------------------

    @api.model
    def _escalation_mark_choice(self, vals, origin="manual"):
        """Whoever sets a plan has chosen it, unless they say otherwise."""
        return {**{ORIGINS[name]: origin for name in vals if name in ORIGINS}, **vals}

    @api.model
    def _escalation_mark_first_choice(self, vals):
        """What a form leaves empty on something new is nobody's choice."""
        return {**self._escalation_mark_choice({name: value for name, value in vals.items() if value}), **vals}

    @api.model
    def _escalation_complete_exclusion(self, vals):
        """A reason excludes; what is followed up again has none."""
        if self._escalation_switch in vals and not vals[self._escalation_switch]:
            return {**vals, "escalation_exclusion": False}
        return {**vals, self._escalation_switch: True} if vals.get("escalation_exclusion") else vals

    def _escalation_assign(self, values, origin):
        """Put these under a plan, or none, in a batch."""
        values = self._escalation_mark_choice(values, origin)
        self._escalation_write(values)
        self._escalation_react(values)

    def _escalation_write(self, vals):
        """Write plain fields past what core checks and synchronizes record by record, which they do not touch."""
        return models.BaseModel.write(self, vals)

    def _escalation_react(self, vals):
        """What follows from a change of these values: notes, a fresh start, what waits is let go."""
        if self._escalation_switch in vals:
            self._escalation_log_exclusion(vals)
        if self._escalation_holds & vals.keys():
            self._escalation_outdate_summaries()
        if self._escalation_stops & vals.keys():
            self._escalation_recheck()

    def _escalation_outdate_summaries(self):
        """A summary shows what is promised or disputed, and does not ask for it: what waits is written again."""
        waiting = self._escalation_get_open_followups()
        waiting.filtered(lambda followup: followup.level == "summary").is_outdated = True

    def _escalation_recheck(self):
        """After a payment, a hold...: let go at once of follow-ups and queued emails that lost their reason."""
        if not self:
            return
        # whatever is odd about a follow-up, a payment is registered
        self._escalation_get_open_followups()._attempt(lambda batch: batch._recheck_all())
        self.env["account.move"]._escalation_invalidate_next()

    # --- holds --------------------------------------------------------------------------------------------------------

    def _escalation_hold(self, hold, until, note=""):
        """Pause, or mark as promised or disputed.

        :param date until: the last day; empty until somebody lifts it
        :raise UserError: for a day before today, or for what cannot be held; nothing is written then
        """
        today = self.env.company._escalation_today()
        if until and until < today:
            raise UserError(self.env._("The last day of a hold cannot lie in the past."))
        self._escalation_check_holdable()
        # what is disputed stays so until somebody resolves it, whatever is promised meanwhile
        held = self.filtered(lambda record: hold == "dispute" or record.escalation_hold != "dispute")
        held.write({"escalation_hold": hold, "escalation_hold_until": until})
        held._escalation_log(self._escalation_describe_hold(hold, until, note))
        (self - held)._escalation_log(self.env._("Still disputed. %s", note or "").strip())

    def _escalation_describe_hold(self, hold, until, note):
        name, end = self._escalation_get_hold_words(hold, until)
        return self.env._("Follow-ups: %(hold)s %(end)s. %(note)s", hold=name, end=end, note=note or "").strip()

    def _escalation_get_hold_words(self, hold, until):
        """(“Paused”, “until 11/30/2026”)"""
        name = dict(self._fields["escalation_hold"]._description_selection(self.env))[hold]
        end = self.env._("until %s", format_date(self.env, until)) if until else self.env._("until somebody lifts it")
        return name, end

    def _escalation_check_holdable(self):
        """Raise if one of these cannot be held; customers always can."""

    def action_escalation_hold(self):
        return self._escalation_open_wizard("account_escalation.account_escalation_hold_action")

    def action_escalation_dispute(self):
        action = self._escalation_open_wizard("account_escalation.account_escalation_hold_action")
        action["context"]["default_hold"] = "dispute"
        return action

    def action_escalation_lift(self):
        """End the hold: follow-ups go on."""
        held = self.filtered("escalation_hold")
        held.write({"escalation_hold": False, "escalation_hold_until": False})
        held._escalation_log(self.env._("Follow-ups: the hold was lifted."))

    def _escalation_lift_expired(self, today):
        """End what has run out, so that lists and filters say so."""
        expired = self.search(
            [*self._escalation_get_held_domain(), ("escalation_hold_until", "<", fields.Date.to_string(today))]
        )
        expired.write({"escalation_hold": False, "escalation_hold_until": False})
        expired._escalation_log(self.env._("Follow-ups: the hold has ended."))

    def _escalation_get_held_domain(self):
        return [("escalation_hold", "!=", False), ("escalation_hold_until", "!=", False)]

    def action_escalation_goto(self):
        return self._escalation_open_wizard("account_escalation.account_escalation_goto_action")

    def _escalation_open_wizard(self, xmlid):
        action = self.env["ir.actions.act_window"]._for_xml_id(xmlid)
        return {**action, "context": {"active_model": self._name, "active_ids": self.ids, "active_id": self[:1].id}}

    # --- notes --------------------------------------------------------------------------------------------------------

    def _escalation_log(self, text):
        """An internal note on each, that no customer sees."""
        for start in range(0, len(self), NOTE_BATCH):
            batch = self[start : start + NOTE_BATCH]
            batch._message_log_batch(bodies=dict.fromkeys(batch.ids, text))

    def _escalation_log_plan(self, plan_id, label=""):
        plan = self.env["account.escalation.plan"].sudo().browse(plan_id)  # sudo: only its name is told
        text = self.env._(
            "%(label)s: %(plan)s", label=label or self.env._("Escalation plan"), plan=plan.name or self.env._("none")
        )
        self._escalation_log(text)

    def _escalation_log_exclusion(self, vals):
        names = dict(self._fields["escalation_exclusion"]._description_selection(self.env))
        reason = names.get(vals.get("escalation_exclusion"), "")
        excluded = self.env._("Excluded from follow-ups. %s", reason).strip()
        self._escalation_log(excluded if vals[self._escalation_switch] else self.env._("Followed up again."))
