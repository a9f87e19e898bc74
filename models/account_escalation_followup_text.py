import re
from functools import reduce
from typing import NamedTuple

from markupsafe import escape

from odoo import api, fields, models
from odoo.tools import ormcache
from odoo.tools.mail import html_normalize

from .account_escalation_step import FOLLOWUP_MODEL

PLACEHOLDER = re.compile(r'<(\w+)\s+t-out="(object[.\w]+)"\s*(?:/>|>([^<>]*)</\1>)')  # as core normalizes them
MARK = re.compile(r"@escalation-(\d+)@")


class Text(NamedTuple):
    """What one email or letter says."""

    subject: str
    body: str  # HTML, as it is sent
    kept: str  # the same as the history of messages keeps it, sanitized


class Skeleton(NamedTuple):
    """A template in one language: what all texts made from it have in common, with marks for the rest."""

    body: str
    kept: str
    placeholders: list[tuple[str, str]]  # path of fields, what stands for an empty value


class AccountEscalationFollowup(models.Model):
    """Subject and body, from the step's template, in the customer's language."""

    _inherit = FOLLOWUP_MODEL

    lang = fields.Char(string="Language", compute="_compute_lang")
    subject = fields.Char(compute="_compute_text")
    body = fields.Html(string="Text", compute="_compute_text", sanitize=False)

    @api.depends("recipient_ids.lang", "partner_id.lang")
    def _compute_lang(self):
        for followup in self:
            followup.lang = followup.recipient_ids[:1].lang or followup.partner_id.lang or self.env.lang

    @api.depends("step_id.template_id", "line_ids.counts", "line_ids.move_line_id.amount_residual_currency")
    def _compute_text(self):
        """What would be sent or printed now, in the customer's language."""
        texts = self._render_texts()
        for followup in self:
            followup.subject, followup.body, _kept = texts[followup.id]

    def _get_template(self):
        """The step's template; a letter without one takes the ready text of its tone."""
        self.ensure_one()
        if not self.step_id.to_customer:
            return False
        return self.step_id.template_id or (self.channel == "letter" and self.step_id._get_ready_template())

    def _render_texts(self):
        """The step's template in each customer's language: {follow-up id: Text}."""
        texts = dict.fromkeys(self.ids, Text("", "", ""))
        self._fetch_items()  # of all languages at once
        groups = self.grouped(
            lambda f: (f.step_id, f.channel, f.is_manual and f._get_template(), f.lang, f.get_base_url())
        )
        for (_step, _channel, _manual, lang, _url), followups in groups.items():
            localized = followups.with_context(lang=lang)
            template = next(iter(followups))._get_template()  # by iteration, so that all templates are read at once
            if template:
                texts |= localized._render_from(template.with_context(lang=lang))
            elif not localized.step_id.to_customer:
                texts |= localized._render_notice()
        return texts

    def _render_from(self, template):
        """The texts of follow-ups of one language: {follow-up id: Text}."""
        subjects = template._render_field("subject", self.ids)
        skeleton = self._get_skeleton(str(template.body_html or ""), self[:1].get_base_url())
        if skeleton:
            return {f.id: Text(subjects[f.id], *f._fill_skeleton(skeleton)) for f in self}
        bodies = template._render_field("body_html", self.ids)
        return {f.id: Text(subjects[f.id], bodies[f.id], f._sanitize_message(bodies[f.id])) for f in self}

    @ormcache("body", "base_url")
    def _get_skeleton(self, body, base_url):
        """Have core render a template once, with marks in the place of what differs.

        Core parses the whole text again for each record, and once more to keep it in the history, which takes longer
        than all else in an email.

        :param body: of the template, in the language of the customers
        :param base_url: of the links in it, that of these follow-ups
        :return: Skeleton; None if the template holds more than plain placeholders
        """
        placeholders = []

        def mark(match):
            tag, path, default = match.groups()
            placeholders.append((path, default or ""))
            text = f"@escalation-{len(placeholders) - 1}@"
            return text if tag == "t" else f"<{tag}>{text}</{tag}>"

        # in a <div>, as core does, since several elements beside one another would be wrapped into one
        source = html_normalize(f"<div>{body}</div>").removeprefix("<div>").removesuffix("</div>")
        marked = PLACEHOLDER.sub(mark, source)
        is_plain = all(self.env["ir.qweb"]._is_expression_allowed(path, self._name) for path, _default in placeholders)
        if not is_plain or MARK.search(body) or re.search(r"\st-[\w-]+=", marked):
            return None
        options = {"post_process": True}
        renderer = self.env["mail.render.mixin"]
        text = renderer._render_template(marked, self._name, self.ids[:1], engine="qweb", options=options)[self.ids[0]]
        return Skeleton(str(text), self._sanitize_message(text), placeholders)

    def _fill_skeleton(self, skeleton):
        """Body and kept body, with this follow-up's own values, escaped but for HTML fields."""
        self.ensure_one()
        values = [self._get_placeholder_text(path) or default for path, default in skeleton.placeholders]
        return [MARK.sub(lambda match: values[int(match[1])], text) for text in (skeleton.body, skeleton.kept)]

    def _get_placeholder_text(self, path):
        value = reduce(lambda record, name: record[name], path.split(".")[1:], self)
        return str(escape(value or ""))

    @api.model
    def _sanitize_message(self, body):
        message = self.env["mail.message"]
        return str(message._fields["body"].convert_to_cache(body, message) or "")
