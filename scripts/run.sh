#!/usr/bin/env bash
# Start the whole system under supervisord, and let its programs say on our output what they say.
#
# supervisord opens /dev/stdout anew for each program. That fails where it is the terminal of another
# user (su, sudo) or a socket (systemd), and then no program starts; a pipe of our own can be opened.
# Its reader outlives the signals that end supervisord, whose last lines would be lost otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p var
exec .venv/bin/supervisord --configuration supervisord.conf > >(trap '' INT TERM && exec cat) 2>&1
