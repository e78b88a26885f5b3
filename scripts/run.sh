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
    stat --dereference --format=%U "$1"
}

# The socket and the process's id stand in var wherever DATA_DIR is; what another user, such as root, has
# made there cannot be written. What we do not write may be anybody's, like the lost+found of a disk.
make_var() {
    local me each here LC_ALL=C
    me=$(id -un) here=$(pwd -P)
    # The path of a socket has at most 107 bytes, 28 of them below this folder.
    ((${#here} <= 79)) || fail "The path of this folder is too long, ${#here} bytes; at most 79 can be used: $here"
    [[ -d var ]] || mkdir -m 700 var 2>/dev/null || fail \
        "$me cannot make the folder var in $PWD, which belongs to $(owner .)." \
        "As root: install -d -o $me -m 700 $PWD/var"
    [[ -w var && -x var ]] || refuse var
    for each in var/{supervisord.pid,supervisor.sock,embedded,logs} var/sessions*; do
        [[ ! -e $each || -w $each ]] || refuse "$each"
    done
}

# chmod helps with what is ours; root alone can give away what is not.
refuse() {
    [[ ! -O $1 ]] || fail "$PWD/$1 cannot be written by $me, whose it is: chmod u+rwX $PWD/$1"
    fail "$PWD/$1 belongs to $(owner "$1"), and $me, who runs this, cannot write it." \
        "As root: chown -R $me $PWD/var/"
}

make_var
# Nothing starts where a part cannot: an API alone would only collect messages.
.venv/bin/python scripts/preflight.py || exit $?
# supervisord calls critical what is no fault here: its socket is in var, which only we can enter, and
# the preflight has checked what root may start.
quieted=(-e '/CRIT Supervisor is running as root/d' -e '/CRIT Server .unix_http_server. running without/d')
exec .venv/bin/supervisord --configuration supervisord.conf \
    > >(trap '' INT TERM && exec sed --unbuffered "${quieted[@]}") 2>&1
