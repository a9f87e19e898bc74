import io
import re

from odoo import api, models
from odoo.tools.pdf import OdooPdfFileReader, OdooPdfFileWriter

from odoo.addons.base.models.ir_actions_report import _wkhtml

REFERENCE = re.compile(r"FU-\d{6,}")
UNPATCHED_ZOOM = 1.3  # so much smaller than asked for do builds with an unpatched Qt print, whatever their options say


class IrActionsReport(models.Model):
    """Letters by the hundred: one call of wkhtmltopdf, then one PDF each."""

    _inherit = "ir.actions.report"

    def _get_layout(self):
        """Letters bring their own style: they look the same whether or not wkhtmltopdf can fetch Odoo's."""
        if self.report_name == "account_escalation.report_letter":
            return self.env.ref("account_escalation.letter_layout")
        return super()._get_layout()

    @api.model
    def _escalation_get_zoom(self):
        return 1 if _wkhtml().is_patched_qt else UNPATCHED_ZOOM

    def _escalation_render_each(self, followups):
        """The letter of each follow-up as a PDF of its own.

        All are one document, which every build of wkhtmltopdf can print (several in one call need a patched Qt). It is
        cut where a letter's reference begins a new page; if that is not certain, each letter is printed by itself.

        :return: {follow-up id: bytes}
        """
        self.ensure_one()
        if len(followups) > 1:
            documents = self._escalation_cut(self._escalation_render(followups), followups)
            if documents:
                return documents
        return {followup.id: self._escalation_render(followup) for followup in followups}

    def _escalation_render(self, followups):
        # a letter is a PDF under test too, where Odoo would save itself the printing
        return self.with_context(force_report_rendering=True)._render_qweb_pdf(self.report_name, followups.ids)[0]

    def _escalation_cut(self, content, followups):
        reader = OdooPdfFileReader(io.BytesIO(content), strict=False)
        starts = []
        for number, page in enumerate(reader.pages):
            starts += [(number, reference) for reference in REFERENCE.findall(page.extract_text())]
        if [reference for _number, reference in starts] != followups.mapped("reference"):
            return {}
        numbers = [number for number, _reference in starts]
        if len(set(numbers)) != len(numbers) or numbers[0] != 0:
            return {}
        ends = [*numbers[1:], len(reader.pages)]
        return {
            followup.id: self._escalation_extract(reader, range(start, end))
            for followup, start, end in zip(followups, numbers, ends, strict=True)
        }

    def _escalation_extract(self, reader, numbers):
        writer, stream = OdooPdfFileWriter(), io.BytesIO()
        for number in numbers:
            writer.add_page(reader.pages[number])
        writer.write(stream)
        return stream.getvalue()
