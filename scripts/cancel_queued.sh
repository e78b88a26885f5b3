#!/usr/bin/env bash
# Cancel every message that is queued and that an API key sees, as after a backup was restored:
# `read -rs KEY; export KEY; scripts/cancel_queued.sh http://localhost:5000`. Workers should not run meanwhile.
set -euo pipefail

readonly MESSAGES=${1:?the address of the API is missing, such as http://localhost:5000}/api/whatsapp/messages
: "${KEY:?set KEY to an API key; one of an administrator sees the messages of everybody}"
readonly AT_A_TIME=50

ask() {
    # An API that has just been started may not listen yet. The key comes from a file: every local user can read
    # what stands on a command line.
    curl --silent --show-error --retry 30 --retry-delay 1 --retry-connrefused \
        --header @<(printf 'X-Api-Key: %s\n' "$KEY") "$@"
}

# The ids of a page of the list, with commas between them. What a message says cannot look like one: its
# quotes are escaped.
queued() {
    ask --fail "$MESSAGES?status=queued&limit=$AT_A_TIME" |
        { grep --only-matching '"messageId": *"[^"]*"' || true; } | cut --delimiter='"' --fields=4 |
        paste --serial --delimiters=,
}

cancelled=0
while true; do
    ids=$(queued)
    [[ -n $ids ]] || break
    answers=$(ask --request DELETE --output /dev/null --write-out '%{http_code}\n' "$MESSAGES/{$ids}")
    # 409: it has ended since the list was made, as an old message does whose time is over.
    if grep --line-regexp --invert-match --quiet '200\|409' <<<"$answers"; then
        echo "cancelled: $cancelled and some more, then stopped; the answers were:" $answers >&2
        exit 1
    fi
    cancelled=$((cancelled + $(grep --count --line-regexp 200 <<<"$answers" || true)))
done
echo "cancelled: $cancelled"
