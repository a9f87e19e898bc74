from odoo import api, models

from ..tools.posting import CarrierRefusedError

PREFIX = "account.escalation.carrier."


class AccountEscalationCarrier(models.AbstractModel):
    """What posts letters for us. A carrier is one class, ``account.escalation.carrier.<name>``, that inherits this one.

    Its ``_description`` is what the settings offer, as long as it is available.
    """

    _name = "account.escalation.carrier"
    _description = "Carrier of Letters"

    @api.model
    def _selection(self):
        """The carriers that can be chosen: [(name, label)]."""
        carriers = [self.env[name] for name in sorted(self.env) if name.startswith(PREFIX)]
        return [
            (carrier._name.removeprefix(PREFIX), carrier._description)
            for carrier in carriers
            if carrier._is_available()
        ]

    @api.model
    def _get(self, name):
        """The carrier of that name.

        :raise CarrierRefusedError: if it was uninstalled
        """
        carrier = self.env.get(PREFIX + name)
        if carrier is None or not carrier._is_available():
            raise CarrierRefusedError(self.env._("The carrier “%s” is not installed any more.", name))
        return carrier

    @api.model
    def _is_available(self):
        return True

    @api.model
    def _post_letter(self, followup, pdf):
        """Have one letter printed and posted.

        :param bytes pdf: the letter
        :rtype: Posting
        :raise CarrierRefusedError: it is certainly not posted
        :raise CarrierSilentError: nobody knows; :meth:`_find_letter` is asked before it is posted again
        """
        raise NotImplementedError

    @api.model
    def _find_letter(self, followup):
        """What an earlier attempt that had no answer has left with the carrier.

        :return: a Posting; None only if it is certain that there is no such letter
        :raise CarrierRefusedError, CarrierSilentError: if that cannot be told
        """
        raise NotImplementedError

    @api.model
    def _get_status(self, followup):
        """What became of a letter that was posted.

        :rtype: Posting
        """
        raise NotImplementedError

    @api.model
    def _cancel_letter(self, followup):
        """Give up a letter that failed, before another is posted instead of it."""

    @api.model
    def _filter_recallable(self, followups):
        """Those of these letters, already taken over, that :meth:`_cancel_letter` would surely keep from the post."""
        return followups.browse()
