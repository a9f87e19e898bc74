"""Compare or merge a fresh export of the terms with the addon's translations.

usage: pot.py EXPORT.pot I18N_FOLDER [--check]
"""

import sys
from pathlib import Path

import polib

MODULE = "account_escalation"
LANGUAGES = ("de", "fr", "it")
VOLATILE = ("POT-Creation-Date", "PO-Revision-Date")


def template(export):
    """Odoo's export without what changes from day to day."""
    pot = polib.pofile(str(export))
    for key in VOLATILE:
        pot.metadata.pop(key, None)
    pot.metadata["Project-Id-Version"] = "Odoo Server 19.0"
    return pot


def translations(folder):
    return sorted({folder / f"{language}.po" for language in LANGUAGES} | set(folder.glob("*.po")))


def merged(pot, old, language):
    """The template with the translations that there are."""
    po = polib.POFile()
    po.header = old.header or pot.header
    po.metadata = pot.metadata | old.metadata | {"Language": language}
    for key in VOLATILE:
        po.metadata.pop(key, None)
    known = {entry.msgid: entry for entry in old if not entry.obsolete}
    for term in pot:
        entry = polib.POEntry(msgid=term.msgid, comment=term.comment, occurrences=term.occurrences)
        if term.msgid in known:
            entry.msgstr = known[term.msgid].msgstr
            entry.tcomment = known[term.msgid].tcomment
            entry.flags = known[term.msgid].flags
        po.append(entry)
    return po


def write(path, content):
    if content != (path.read_text() if path.exists() else ""):
        path.write_text(content)
        print(f"{path.name}: written")


def problems(pot, folder):
    path = folder / f"{MODULE}.pot"
    if not path.exists() or path.read_text() != str(pot):
        yield f"{path.name} is not up to date: run dev/pot"
    for path in translations(folder):
        if not path.exists():
            yield f"{path.name} is missing: run dev/pot and translate"
            continue
        po = polib.pofile(str(path))
        if str(merged(pot, po, path.stem)) != path.read_text():
            yield f"{path.name} is not up to date: run dev/pot"
        for title, entries in (("untranslated", po.untranslated_entries()), ("fuzzy", po.fuzzy_entries())):
            if entries:
                terms = [repr(entry.msgid[:90]) for entry in entries[:10]]
                yield "\n    ".join([f"{path.name}: {len(entries)} {title}, the first ones:", *terms])


def main(export, folder, check=None):
    pot, folder = template(export), Path(folder)
    if check:
        if found := list(problems(pot, folder)):
            sys.exit("\n".join(found))
        print(f"translations: up to date and complete ({len(pot)} terms)")
        return
    write(folder / f"{MODULE}.pot", str(pot))
    for path in translations(folder):
        old = polib.pofile(str(path)) if path.exists() else polib.POFile()
        write(path, str(merged(pot, old, path.stem)))


if __name__ == "__main__":
    main(*sys.argv[1:])
