from odoo.http import Controller, content_disposition, request, route


class EscalationLetters(Controller):
    """Several letters to print at once: one document, which is not kept."""

    @route(
        '/account_escalation/letters/<models("account.escalation.followup"):letters>',
        type="http",
        auth="user",
        readonly=True,
    )
    def download(self, letters):
        headers = [
            ("Content-Type", "application/pdf"),
            ("Content-Disposition", content_disposition(request.env._("Letters.pdf"))),
        ]
        return request.make_response(letters._get_letters_pdf(), headers)
