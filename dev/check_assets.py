"""Warn of files that Odoo's asset bundles name but that an Odoo tree lacks (distributions cut files out).

usage: check_assets.py ADDONS
"""

import ast
import glob
import sys
from pathlib import Path

NORMAL = {  # not in Odoo's own sources either: made at run time, or for a test
    "test_assetsbundle/static/invalid_src/xml/file_not_found.xml",
    "web/static/asset_styles_company_report.scss",
    "website/static/src/interactions/follow.edit.js",
}


def named_files(manifest):
    for items in ast.literal_eval(manifest.read_text()).get("assets", {}).values():
        for item in items:
            path = item if isinstance(item, str) else item[-1]
            removed = not isinstance(item, str) and item[0] in ("include", "remove")
            if not removed and "/" in path and "." in path.rpartition("/")[2] and not path.startswith("http"):
                yield path.lstrip("/")


addons = Path(sys.argv[1])
missing = {
    path
    for manifest in addons.glob("*/__manifest__.py")
    for path in named_files(manifest)
    # a dangling link counts as missing
    if not any(Path(file).exists() for file in glob.iglob(str(addons / path), recursive=True))
} - NORMAL
if missing:
    print("Odoo 19: this package lacks files that its pages need; if pages or browser tests fail,")
    print("set ODOO_HOME to a source checkout. Missing:", *sorted(missing), sep="\n  ")
