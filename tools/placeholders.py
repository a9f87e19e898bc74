"""From the text of one customer back to a template: what is theirs alone must not reach another."""

import re
from collections.abc import Mapping
from html import escape

from lxml import html

TAG = re.compile(r"(<[^>]*>)")
OWN_LINKS = "//a[contains(@href, 'access_token=') or contains(@href, '/my/follow-up/')]"


def generalize_line(text: str, placeholders: Mapping[str, str]) -> str:
    """A subject with ``{{ placeholder }}`` instead of what they stand for.

    :param placeholders: {text: expression}
    """
    return _replace(text, {value: f"{{{{ {expression} }}}}" for value, expression in placeholders.items()})


def generalize_body(body: str, placeholders: Mapping[str, str], table_class: str, table: str) -> str:
    """A body with its table of items, and the other texts, as placeholders, and without links that open for anybody.

    :param placeholders: {text: expression}
    :param table_class: the class of the table
    :param table: the expression that makes the table
    """
    root = html.fragment_fromstring(body or "", create_parent="div")
    for element in root.find_class(table_class):
        element.addprevious(html.Element("t", {"t-out": table}))
        element.drop_tree()
    for link in root.xpath(OWN_LINKS):
        link.drop_tag()
    elements = {escape(text, quote=False): f'<t t-out="{path}"></t>' for text, path in placeholders.items()}
    parts = TAG.split(html.tostring(root, encoding="unicode"))
    return "".join(part if part.startswith("<") else _replace(part, elements) for part in parts)


def _replace(text: str, replacements: Mapping[str, str]) -> str:
    longest_first = sorted(replacements, key=len, reverse=True)
    if not longest_first:
        return text
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    return pattern.sub(lambda match: replacements[match[0]], text)
