import logging
from contextlib import suppress
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from ..tools.posting import CarrierRefusedError, CarrierSilentError
from .account_escalation_step import FOLLOWUP_MODEL

_logger = logging.getLogger(__name__)

STATUS_HOURS = 6  # between two looks at what became of a letter
STATUS_DAYS = 60  # after which nobody looks any more
STATUS_BATCH = 200


class AccountEscalationFollowup(models.Model):
    """Letters that a carrier posts: one after the other, by a scheduled action only, none of them twice.

    A letter that is posted cannot be rolled back. So no carrier is spoken to while a person waits, nor in a batch:
    whatever rolls back there (an error in another letter, a serialization failure that makes Odoo repeat the request)
    would forget that this letter is on its way. What is certain before the carrier is asked is committed, and what it
    answered is committed before the next letter. If that answer is lost all the same, the carrier is asked first.
    """

    _inherit = FOLLOWUP_MODEL

    posting_status = fields.Selection(
        [
            ("waiting", "To be posted"),
            ("accepted", "Taken over"),
            ("sent", "Posted"),
            ("delivered", "Delivered"),
            ("failed", "Failed"),
        ],
        string="Posting",
        readonly=True,
        copy=False,
    )
    posting_carrier = fields.Char(string="Carrier", readonly=True, copy=False)
    posting_reference = fields.Char(string="Carrier's Number", readonly=True, copy=False)
    posting_attempt = fields.Integer(readonly=True, copy=False, help="How often it was refused or lost until now.")
    posting_checked = fields.Datetime(readonly=True, copy=False)
    is_posting_uncertain = fields.Boolean(
        readonly=True, copy=False, help="A carrier was asked to post it, and what came of that is not known."
    )
    can_post = fields.Boolean(compute="_compute_can_post")

    _posting_idx = models.Index("(posting_checked) WHERE posting_status IN ('waiting', 'accepted', 'sent')")

    @api.depends("channel", "state", "company_id.escalation_carrier")
    def _compute_can_post(self):
        for followup in self:
            is_open = followup.channel == "letter" and followup.state in ("todo", "failed")
            followup.can_post = is_open and followup.company_id.escalation_carrier != "print"

    # --- what a person can do -----------------------------------------------------------------------------------------

    def action_post(self):
        """Release the letters: the scheduled action hands them to the carrier."""
        letters = self._to_act().filtered("can_post")
        failed = letters.filtered(lambda letter: letter.state == "failed")
        failed._give_up_posting()
        failed._refresh_recipients()
        failed.is_outdated = True  # the address may have been put right
        letters._queue_posting()
        return letters._notify_result()

    def action_retry(self):
        failed = self._to_act().filtered(lambda letter: letter.state == "failed")
        failed._give_up_posting()
        return super().action_retry()

    def _give_up_posting(self):
        """Those that the carrier has lost may be posted again; where it has not answered, it is asked first."""
        for letter in self.filtered("posting_reference"):
            with suppress(CarrierRefusedError):  # uninstalled: it posts nothing any more
                letter._get_carrier()._cancel_letter(letter)
            letter._renew_posting()
        self.filtered("posting_status").posting_status = False

    def _renew_posting(self):
        """Another attempt is another letter, under another key."""
        self.ensure_one()
        self.write(
            {
                "posting_attempt": self.posting_attempt + 1,
                "posting_reference": False,
                "posting_carrier": False,
                "is_posting_uncertain": False,
            }
        )

    def _close(self, state, reason, day=False):
        """What is skipped or withdrawn is not posted any more."""
        self.filtered(lambda followup: followup.posting_status == "waiting").posting_status = False
        self._filter_recallable()._call_back()
        return super()._close(state, reason, day)

    # --- calling back -------------------------------------------------------------------------------------------------

    @api.model
    def _search_stoppable(self, domain):
        """Also letters that a carrier has taken over, and can still keep from the post."""
        handed_over = Domain("state", "=", "done") & Domain("posting_status", "=", "accepted")
        return super()._search_stoppable(domain) | self.search(domain & handed_over)._filter_recallable()

    def _filter_recallable(self):
        recallable = self.browse()
        handed_over = self.filtered(lambda letter: letter.posting_status == "accepted" and letter.posting_reference)
        for name, letters in handed_over.grouped("posting_carrier").items():
            with suppress(CarrierRefusedError):  # uninstalled: nobody to call it back from
                recallable |= self.env["account.escalation.carrier"]._get(name)._filter_recallable(letters)
        return recallable

    def _call_back(self):
        for letter in self:
            letter._get_carrier()._cancel_letter(letter)
            letter._renew_posting()
        self.posting_status = False

    def _recheck(self, today):
        """A letter that can be called back, and asks for an amount that has changed, is posted anew."""
        valid = super()._recheck(today)
        handed_over = valid.filtered(lambda letter: letter.state == "done")._filter_recallable()
        changed = handed_over.filtered(lambda letter: letter._refresh_amounts())
        changed._call_back()
        changed.write({"is_outdated": True, "date_done": False})
        changed._queue_posting()
        return valid

    # --- DO -----------------------------------------------------------------------------------------------------------

    def _queue_automatic_posting(self):
        self.filtered(lambda letter: letter.plan_id.posts_letters and letter.can_post)._queue_posting()

    def _queue_posting(self):
        """Have the scheduled action post them."""
        if self:
            self.write({"state": "queued", "reason": "due", "reason_detail": False, "posting_status": "waiting"})
            self.env.ref("account_escalation.ir_cron_post")._trigger()

    def _get_posting_key(self):
        """The same for every attempt at the same letter, in this database and no other."""
        self.ensure_one()
        # sudo: whoever posts
        database = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        return f"{database}-{self.id}-{self.posting_attempt}"

    def _get_carrier(self):
        """Who has, or will get, the letter.

        :raise CarrierRefusedError: if it was uninstalled
        """
        self.ensure_one()
        return self.env["account.escalation.carrier"]._get(self.posting_carrier or self.company_id.escalation_carrier)

    @api.model
    def _cron_post(self):
        """Post what waits, then see what became of earlier letters; a commit after each, see the class."""
        commit_progress = self.env["ir.cron"]._commit_progress
        waiting = self.search([("posting_status", "=", "waiting"), ("state", "=", "queued")], order="id")
        time_left = commit_progress(remaining=len(waiting))
        for letter in waiting:
            if not time_left:
                return
            was_asked = letter.is_posting_uncertain
            if letter._claim_posting():
                commit_progress()  # if anything breaks off from here on, the carrier is asked before it is posted again
            if letter._is_to_post():  # the commit has let go of the lock
                letter._attempt(lambda one, was_asked=was_asked: one._post(was_asked))
            time_left = commit_progress(1)
        for letter in self.search(self._get_unsettled_domain(), order="posting_checked, id", limit=STATUS_BATCH):
            if not time_left:
                return
            if letter.try_lock_for_update(allow_referencing=True):
                letter._refresh_posting()
            time_left = commit_progress()

    def _is_to_post(self):
        """Lock it; whether it still is to be posted, now that nobody else can take it."""
        locked = self.try_lock_for_update(allow_referencing=True)
        return (
            bool(locked) and self.state == "queued" and self.posting_status == "waiting" and not self.posting_reference
        )

    def _claim_posting(self):
        """Note that a carrier is about to be asked; whether there is one to ask."""
        if not self._is_to_post():
            return False
        name = self.posting_carrier or self.company_id.escalation_carrier
        if name == "print":  # chosen since: a person posts it
            self.write({"posting_status": False, "state": "todo"})
            return False
        self.write({"posting_carrier": name, "is_posting_uncertain": True})
        return True

    def _post(self, was_asked):
        """Hand one letter to its carrier, unless an earlier attempt already has.

        :param was_asked: there was such an attempt, and its outcome is not known
        """
        today = self.company_id._escalation_today()
        try:
            carrier = self._get_carrier()
            posting = (was_asked and carrier._find_letter(self)) or self._post_anew(carrier, today)
        except CarrierRefusedError as refusal:
            self._fail_posting("posting", str(refusal))
        except CarrierSilentError as silence:
            self._fail_posting("posting_unanswered", str(silence))
        else:
            if posting:
                self._set_posted(posting, today)

    def _post_anew(self, carrier, today):
        """None if it is not posted, since it has lost its reason or cannot be made."""
        if not self._recheck(today):
            return None
        is_outdated = self._refresh_amounts() or self._is_of_before()
        if is_outdated and not self._make_letters():  # failed: nobody to write to
            self.posting_status = "failed"
            return None
        try:
            return carrier._post_letter(self, self.attachment_ids.raw)
        except CarrierRefusedError:
            self._renew_posting()
            raise

    def _set_posted(self, posting, today):
        """The carrier has it: that is the contact."""
        self.write(
            {
                "posting_reference": posting.reference,
                "is_posting_uncertain": False,
                "posting_status": posting.status,
                "posting_checked": fields.Datetime.now(),
            }
        )
        if posting.status == "failed":
            self._fail_posting("posting_lost", posting.detail)
        else:
            self._set_done(today, posting.detail or False)

    def _fail_posting(self, reason, words):
        self.posting_status = "failed"
        self._fail(reason, words)

    # --- what became of them ------------------------------------------------------------------------------------------

    @api.model
    def _get_unsettled_domain(self):
        now = fields.Datetime.now()
        return Domain(
            [
                ("posting_status", "in", ("accepted", "sent")),
                ("state", "=", "done"),
                ("date_done", ">=", now.date() - timedelta(days=STATUS_DAYS)),
                ("posting_checked", "<=", now - timedelta(hours=STATUS_HOURS)),
            ]
        )

    def _refresh_posting(self):
        """Ask the carrier what became of a letter; if it does not say, ask again later."""
        self.ensure_one()
        self.posting_checked = fields.Datetime.now()
        try:
            posting = self._get_carrier()._get_status(self)
        except (CarrierRefusedError, CarrierSilentError) as error:
            _logger.warning("No status of letter %s from its carrier: %s", self.posting_reference, error)
            return
        if posting.status == "failed":
            self._fail_posting("posting_lost", posting.detail)
        else:
            self.write({"posting_status": posting.status, "reason_detail": posting.detail or False})
