from odoo import http
from odoo.http import request
from odoo.tools import consteq


class EscalationPortal(http.Controller):
    """One page with all that a customer owes, for whoever holds the link of a message: signed, and for some weeks."""

    @http.route("/my/follow-up/<int:followup_id>/<int:expires>/<string:token>", type="http", auth="public")
    def open_items(self, followup_id, expires, token, **_kwargs):
        # sudo: the link is the right to read; it is of one customer of one company
        followup = request.env["account.escalation.followup"].sudo().browse(followup_id).exists()
        if not followup or not consteq(followup._get_link_token(expires), token) or followup._is_link_over(expires):
            return request.render("account_escalation.portal_link_over", status=404)
        request.update_context(lang=followup.lang)
        localized = followup.with_context(lang=followup.lang)
        return request.render(
            "account_escalation.portal_open_items", {"followup": localized, "moves": localized._get_payable_moves()}
        )
