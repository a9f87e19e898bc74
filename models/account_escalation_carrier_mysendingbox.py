import requests

from odoo import api, models

from ..tools.posting import CarrierRefusedError, CarrierSilentError, Posting

URL = "https://api.mysendingbox.fr"
TIMEOUT = 30  # seconds without a byte from the service
PAGE = 100
POSTAGE = {"ordinary": "prioritaire", "tracked": "lr", "registered": "lrar"}
FAILED = ("letter.error", "letter.canceled", "letter.lost", "letter.wrong_address", "letter.returned_to_sender")
DELIVERED = ("letter.distributed", "letter.delivery_proof")
SENT = ("letter.sent", "letter.filing_proof", "letter.in_transit", "letter.waiting_to_be_withdrawn")


class AccountEscalationCarrierMysendingbox(models.AbstractModel):
    """MySendingBox, a service that prints in France and posts world-wide, by its HTTP API.

    As its documentation and its own client libraries have it: HTTP basic authentication with the API key as user name
    and no password; ``POST /letters`` as a multipart form, objects flattened as ``to[name]``; errors as
    ``{"error": {"message": ...}}``; no status of a letter, but unordered ``events``, each with a name.

    What we assume beyond it, or decide:

    * It knows no drafts: what is posted is printed. A letter that a person must release is therefore the follow-up
      in *To Do*, and the service hears of it when *Post by Carrier* is pressed. No undocumented flag is relied on.
    * The header ``Idempotency-Key`` is kept for a day. Hence the key is also stored as ``metadata[idempotency_key]``,
      and looked for among all letters (``limit``, ``offset``, ``total``) after an attempt that had no answer.
    * Of its kinds of postage, *registered without receipt* (lr) is the one with a tracking number.
    * It adds a page with the address: our own address zones follow the customer's country, not its envelopes.
    """

    _name = "account.escalation.carrier.mysendingbox"
    _inherit = ["account.escalation.carrier"]
    _description = "MySendingBox"

    @api.model
    def _post_letter(self, followup, pdf):
        key = followup._get_posting_key()
        letter = self._call(
            followup,
            "POST",
            "/letters",
            data=self._prepare_letter_values(followup, key),
            files={"source_file": (f"{followup.reference}.pdf", pdf, "application/pdf")},
            headers={"Idempotency-Key": key},
        )
        return self._read_letter(letter)

    @api.model
    def _find_letter(self, followup):
        key = followup._get_posting_key()
        seen, total = set(), 1
        while len(seen) < total:
            page = self._call(followup, "GET", "/letters", params={"limit": PAGE, "offset": len(seen)})
            letters, total = page.get("letters") or [], page.get("total", 0)
            for letter in letters:
                if (letter.get("metadata") or {}).get("idempotency_key") == key:
                    return self._read_letter(letter)
            new = {letter.get("_id") for letter in letters} - seen
            if not new and len(seen) < total:
                raise CarrierSilentError(self.env._("The service does not show all of its letters."))
            seen |= new
        return None

    @api.model
    def _get_status(self, followup):
        return self._read_letter(self._call(followup, "GET", f"/letters/{followup.posting_reference}"))

    # --- what the service gets ----------------------------------------------------------------------------------------

    @api.model
    def _prepare_letter_values(self, followup, key):
        return {
            **self._prepare_address_values("to", followup.recipient_ids[:1]),
            **self._prepare_address_values("from", followup.company_id.partner_id),
            "description": followup.reference,
            "source_file_type": "file",
            "postage_type": self._get_postage_type(followup),
            "color": "bw",
            "both_sides": "true",
            "address_placement": "insert_blank_page",
            "manage_returned_mail": "true",  # else nobody tells us of a wrong address
            "metadata[idempotency_key]": key,
        }

    @api.model
    def _prepare_address_values(self, side, partner):
        office = partner.commercial_partner_id
        values = {
            "name": partner.name or office.name,
            "company": office.name if office.is_company and partner != office else "",
            "address_line1": partner.street or partner.street2,
            "address_line2": partner.street and partner.street2,
            "address_city": partner.city,
            "address_postalcode": partner.zip,
            "address_country": (partner.country_id or self.env.company.country_id).code,
        }
        return {f"{side}[{name}]": value for name, value in values.items() if value}

    @api.model
    def _get_postage_type(self, followup):
        return POSTAGE[followup.step_id.posting_kind]

    # --- what the service answers -------------------------------------------------------------------------------------

    @api.model
    def _read_letter(self, letter):
        """:raise CarrierSilentError: if this is no letter"""
        reference = letter.get("_id")
        if not reference:
            raise CarrierSilentError(self.env._("The service has answered without the number of a letter."))
        events = {event.get("name"): event for event in letter.get("events") or []}
        tracking = letter.get("tracking_number")
        detail = self.env._("Tracking number %s", tracking) if tracking else ""
        failure = next((events[name] for name in FAILED if name in events), None)
        if failure or letter.get("wrong_address"):
            return Posting(reference, "failed", self._get_failure_text(failure, letter))
        if any(name in events for name in DELIVERED):
            return Posting(reference, "delivered", detail)
        return Posting(reference, "sent" if any(name in events for name in SENT) else "accepted", detail)

    @api.model
    def _get_failure_text(self, event, letter):
        if not event:
            return self.env._("Wrong address")
        return event.get("description") or letter.get("return_to_sender_reason") or event["name"]

    # --- HTTP ---------------------------------------------------------------------------------------------------------

    @api.model
    def _call(self, followup, method, path, headers=None, **arguments):
        """What the service answers, as a dictionary. It is asked once, and no redirection is followed.

        :raise CarrierRefusedError: if it says no (4xx)
        :raise CarrierSilentError: if it does not answer, or with an error of its own (5xx)
        """
        company = followup.company_id.sudo()  # sudo: users post letters, only managers may read the key
        if not company.escalation_carrier_key:
            raise CarrierRefusedError(self.env._("There is no API key in the settings."))
        # sudo: where the service is, is no secret
        get_param = self.env["ir.config_parameter"].sudo().get_param
        url = get_param("account_escalation.mysendingbox_url", URL).rstrip("/") + path
        try:
            answer = requests.request(
                method,
                url,
                auth=(company.escalation_carrier_key, ""),
                headers={"Accept": "application/json", **(headers or {})},
                timeout=float(get_param("account_escalation.carrier_timeout", TIMEOUT)),
                allow_redirects=False,
                **arguments,
            )
        except requests.Timeout as error:
            raise CarrierSilentError(self.env._("The service has not answered in time.")) from error
        except requests.RequestException as error:
            raise CarrierSilentError(self.env._("The service cannot be reached: %s", type(error).__name__)) from error
        return self._read_answer(answer)

    @api.model
    def _read_answer(self, answer):
        try:
            content = answer.json()
        except ValueError:
            content = None
        if answer.ok and isinstance(content, dict) and answer.status_code < 300:
            return content
        words = self._get_error_text(content) or f"{answer.status_code} {answer.reason}"
        # 409: this key is being dealt with just now; of that letter nothing is certain yet
        is_refusal = 400 <= answer.status_code < 500 and answer.status_code not in (408, 409)
        raise CarrierRefusedError(words) if is_refusal else CarrierSilentError(words)

    @api.model
    def _get_error_text(self, content):
        error = content.get("error") if isinstance(content, dict) else None
        text = error.get("message") if isinstance(error, dict) else error
        return str(text or "").strip()[:500]
