from odoo import http
from odoo.http import request
from odoo.tools import consteq

LINK = "/my/follow-up/<int:followup_id>/<int:expires>/<string:token>"
# pages with the layout of the portal, which Website, where it is installed, fills only on routes of its own; in the
# customer's language, not in that of the browser
PAGE = {"type": "http", "auth": "public", "website": True, "multilang": False, "sitemap": False}


class EscalationPortal(http.Controller):
    """What a customer owes, for whoever holds the link of a message: signed, and for some weeks."""

    @http.route(LINK, **PAGE)
    def open_items(self, followup_id, expires, token, **_kwargs):
        """One page with all open invoices of the customer."""
        followup = self._get_followup(followup_id, expires, token)
        if not followup:
            return self._refuse()
        request.update_context(lang=followup.lang)
        # by the same link, which ends when it does; core's own would be written on each invoice beforehand
        link = f"/my/follow-up/{followup_id}/{expires}/{token}"
        return request.render(
            "account_escalation.portal_open_items",
            {
                "followup": followup,
                "blocks": followup._get_open_blocks(),
                "balances": followup._get_balances(),
                "is_paid_online": followup._is_paid_online(),
                "link": link,
            },
        )

    @http.route(f"{LINK}/<int:move_id>", **PAGE)
    def open_invoice(self, followup_id, expires, token, move_id, **_kwargs):
        """Core's page of one invoice of the same customer, open or paid meanwhile."""
        move = self._get_followup(followup_id, expires, token)._get_portal_move(move_id)
        return request.redirect(move.get_portal_url()) if move else self._refuse()

    def _get_followup(self, followup_id, expires, token):
        """The follow-up whose link this is, in its language; empty if it is none, or ended."""
        # sudo: the link is the right to read; it is of one customer of one company
        followup = request.env["account.escalation.followup"].sudo().browse(followup_id).exists()
        is_link = followup and consteq(followup._get_link_token(expires).encode(), token.encode())
        if not is_link or followup._is_link_over(expires):
            return followup.browse()
        return followup.with_context(lang=followup.lang)

    def _refuse(self):
        return request.render("account_escalation.portal_link_over", status=404)
