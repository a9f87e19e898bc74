from odoo import api, models
from odoo.tools import html2plaintext

from ..tools.posting import CarrierRefusedError, Posting

STATUS = {"pending": "accepted", "sent": "sent", "error": "failed", "canceled": "failed"}


class AccountEscalationCarrierSnailmail(models.AbstractModel):
    """Odoo's own service, where its module is installed: the letter is queued there, and its scheduled action posts it.

    Queueing is a record of this database: it is rolled back with ours, and needs no key. It knows one kind of postage.
    """

    _name = "account.escalation.carrier.snailmail"
    _inherit = ["account.escalation.carrier"]
    _description = "Snailmail"

    @api.model
    def _is_available(self):
        return "snailmail.letter" in self.env

    @api.model
    def _post_letter(self, followup, pdf):
        if followup.step_id.posting_kind != "ordinary":
            raise CarrierRefusedError(self.env._("Snailmail posts ordinary letters only."))
        # sudo: users post letters through their follow-ups, with no right on the queue
        letter = self.env["snailmail.letter"].sudo().create(self._prepare_letter_values(followup))
        return self._read_letter(letter)

    @api.model
    def _find_letter(self, followup):
        known = [("model", "=", followup._name), ("res_id", "=", followup.id), ("state", "!=", "canceled")]
        letter = self.env["snailmail.letter"].sudo().search(known, order="id desc", limit=1)  # sudo: as above
        return self._read_letter(letter) if letter else None

    @api.model
    def _get_status(self, followup):
        letter = self._get_letter(followup)
        gone = Posting(followup.posting_reference, "failed", self.env._("Deleted in Snailmail."))
        return self._read_letter(letter) if letter else gone

    @api.model
    def _cancel_letter(self, followup):
        """Snailmail tries some errors again by itself."""
        self._get_letter(followup).filtered(lambda letter: letter.state != "sent").cancel()

    @api.model
    def _filter_recallable(self, followups):
        """What still waits in the queue; nothing while its scheduled action posts, which does not look again."""
        cron = self.env.ref("snailmail.snailmail_print", raise_if_not_found=False)
        if cron and not cron.sudo().try_lock_for_update(allow_referencing=True):  # sudo: as above
            return followups.browse()
        numbers = {int(followup.posting_reference): followup for followup in followups}
        letters = self.env["snailmail.letter"].sudo().browse(numbers).exists()  # sudo: as above
        waiting = letters.filtered(lambda letter: letter.state == "pending")
        return followups.concat(*(numbers[letter.id] for letter in waiting))

    @api.model
    def _get_letter(self, followup):
        # sudo: as above
        return self.env["snailmail.letter"].sudo().browse(int(followup.posting_reference or 0)).exists()

    @api.model
    def _prepare_letter_values(self, followup):
        return {
            "model": followup._name,
            "res_id": followup.id,
            "partner_id": followup.recipient_ids[:1].id,
            "company_id": followup.company_id.id,
            "user_id": followup.user_id.id or self.env.uid,
            "attachment_id": followup.attachment_ids[:1].id,
        }

    @api.model
    def _read_letter(self, letter):
        detail = html2plaintext(letter.info_msg or "").strip()[:500]
        return Posting(str(letter.id), STATUS[letter.state], detail)
