# Shared by the scripts of this folder, which source it.
set -euo pipefail
MODULE=account_escalation
DEV=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
REPO=$(dirname "$DEV")
CACHE=${ODOO_CACHE:-$REPO/.odoo}
mkdir -p "$CACHE"
CACHE=$(cd "$CACHE" && pwd -P)

say() { printf '[%3ds] %s\n' "$SECONDS" "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
stamp() { cat "$CACHE/stamps/$1" 2>/dev/null || true; }                        # stamp NAME: what mark wrote
mark() { mkdir -p "$CACHE/stamps"; printf '%s\n' "$2" >"$CACHE/stamps/$1"; }    # mark NAME VALUE
hash_of() { sha256sum | cut -c1-12; }

find_browser() { command -v chromium google-chrome google-chrome-stable chromium-browser | head -n 1 || true; }

# One at a time: others wait until the calling (sub)shell ends.
lock() {
    command -v flock >/dev/null || return 0
    exec 9>"$CACHE/lock"
    flock -w 3 9 || { say "Waiting for another run that prepares $CACHE"; flock 9; }
}

# make_venv NAME REQUIREMENTS: a virtual environment in the cache, made anew when the requirements change
make_venv() {
    local venv=$CACHE/$1 python=${PYTHON:-python3} want
    command -v "$python" >/dev/null || die "python3 (3.11 or newer) is missing: install it or set PYTHON"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$python is $("$python" -V 2>&1), but Python 3.11 or newer is needed: set PYTHON"
    want=$("$python" -c 'import sys; print(sys.version, sys.base_prefix)' | cat - "$2" | hash_of)
    [ "$(stamp "$1")" != "$want" ] || return 0
    say "Python packages: installing into ${venv#"$REPO"/}"
    rm -rf "$venv"
    "$python" -m venv "$venv" >"$CACHE/pip.log" 2>&1 ||
        die "Python's venv module is missing or incomplete: install it (Debian: apt-get install python3-venv)"
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input -r "$2" >>"$CACHE/pip.log" 2>&1 ||
        { grep -i error "$CACHE/pip.log" >&2 || true; die "pip could not install $2, see $CACHE/pip.log"; }
    mark "$1" "$want"
}

# setup [browser]: everything but the databases; sets the environment of odoo() and db()
setup() {
    (lock; . "$DEV/setup.sh" "$@")
    . "$CACHE/env"
}

# From the cache's folder, since Python would import modules from the current one.
odoo() {
    (cd "$CACHE" && exec "$CACHE/venv/bin/python" -m odoo "$@" -c "$CACHE/odoo.conf") \
        2> >(trap '' INT; grep --line-buffered -v "^Running as user 'root' is a security risk" >&2)
}
db() { DATA_DIR=$CACHE/data "$CACHE/venv/bin/python" "$DEV/db.py" "$@"; }

# The addon's own files, as far as an installed database depends on them.
addon_key() {
    (cd "$REPO" && find . -name '.?*' -prune -o \( -path ./dev -o -path ./tests -o -path ./doc -o -path ./docs \
        -o -path ./static/description -o -name __pycache__ \) -prune -o -type f ! -name '*.md' ! -name '*.rst' -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum) | cat - "$CACHE/stamps/${PREFIX}base" | hash_of
}

# Odoo with accounting and its demo data; everything else starts from a copy.
prepare_base() {
    local want
    want=$(stamp odoo)/$(stamp venv)/1
    [ "$(stamp "${PREFIX}base")" != "$want" ] || ! db exists "${PREFIX}base" || return 0
    say "Database: Odoo with accounting and demo data (once, about a minute)"
    db drop "${PREFIX}base_new"
    {
        odoo server -d "${PREFIX}base_new" -i account,resource --stop-after-init --no-http &&
            odoo shell -d "${PREFIX}base_new" --no-http \
                <<<'env["ir.qweb"]._pregenerate_assets_bundles(); env.cr.commit()'
    } >"$CACHE/base.log" 2>&1 || die "Odoo could not make a database, see $CACHE/base.log"
    db rename "${PREFIX}base_new" "${PREFIX}base"
    mark "${PREFIX}base" "$want"
}

# The same with the addon and its demo data, made anew when the addon's files change.
prepare_ready() {
    local want
    prepare_base
    want=$(addon_key)
    [ "$(stamp "${PREFIX}ready")" != "$want" ] || ! db exists "${PREFIX}ready" || return 0
    say "Database: installing the addon"
    mark "${PREFIX}ready" none
    db copy "${PREFIX}base" "${PREFIX}ready"
    odoo server -d "${PREFIX}ready" -i $MODULE --stop-after-init --no-http
    mark "${PREFIX}ready" "$want"
}
