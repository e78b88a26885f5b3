#!/usr/bin/env bash
# Cancel every message that is queued and that an API key sees, as after a backup was restored:
# `KEY=... scripts/cancel_queued.sh http://localhost:5000`. Workers should not run meanwhile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly MESSAGES=${1:?the address of the API is missing, such as http://localhost:5000}/api/whatsapp/messages
: "${KEY:?set KEY to an API key; one of an administrator sees the messages of everybody}"
readonly AT_A_TIME=50

ask() {
    # An API that has just been started may not listen yet.
    curl --silent --show-error --fail --fail-early --retry 30 --retry-delay 1 --retry-connrefused \
        --header "X-Api-Key: $KEY" "$@"
}

# The address of each message in a page of the list, with its owner.
addresses() {
    .venv/bin/python -c '
import json, sys
for each in json.load(sys.stdin)["items"]:
    print("{}/{}?owner={}".format(sys.argv[1], each["messageId"], each["owner"]))
' "$MESSAGES"
}

cancelled=0
while true; do
    page=$(ask "$MESSAGES?status=queued&limit=$AT_A_TIME" | addresses)
    [[ -n $page ]] || break
    mapfile -t queued <<<"$page"
    ask --request DELETE "${queued[@]}" >/dev/null
    cancelled=$((cancelled + ${#queued[@]}))
done
echo "cancelled: $cancelled"
