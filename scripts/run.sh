#!/usr/bin/env bash
# Start the whole system under supervisord, and let its programs say on our output what they say.
#
# supervisord opens /dev/stdout anew for each program. That fails where it is the terminal of another
# user (su, sudo) or a socket (systemd), and then no program starts; a pipe of our own can be opened.
# Its reader outlives the signals that end supervisord, whose last lines would be lost otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'run: %s\n' "$@" >&2
    exit 78
}

owner() {
    stat --format=%U "$1"
}

# The socket and the process's id stand in var wherever DATA_DIR is; what another user, such as root, has
# made there cannot be written.
make_var() {
    local me foreign
    me=$(id -un)
    [[ -d var ]] || mkdir -m 700 var 2>/dev/null || fail \
        "$me cannot make the folder var in $PWD, which belongs to $(owner .)." \
        "As root: install -d -o $me -m 700 $PWD/var"
    # Root may write everywhere.
    ((EUID == 0)) && return
    foreign=$(find var -maxdepth 1 ! -user "$EUID" -print -quit 2>/dev/null)
    [[ -z $foreign ]] || fail \
        "$PWD/$foreign belongs to $(owner "$foreign"), and this runs as $me." \
        "Start it as $(owner "$foreign"), or as root: chown -R $me $PWD/var"
    [[ -w var ]] || fail "$PWD/var cannot be written by $me, whose it is: chmod 700 $PWD/var"
}

make_var
exec .venv/bin/supervisord --configuration supervisord.conf > >(trap '' INT TERM && exec cat) 2>&1
