"""Teach schemathesis our formats, and the rules between fields that JSON Schema cannot say."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from itertools import count
from typing import Any
from zoneinfo import available_timezones

import schemathesis
from hypothesis import strategies as st
from schemathesis.generation.meta import TestPhase

from control_api.schemas.webhooks import HEADER_PATTERN, URL_PATTERN
from sessions.media.kinds import MediaKind

_NUMBERS = st.from_regex(r"\A\+?9725[0-9]([ -]?)[0-9]{3}\1[0-9]{4}\Z")
_IDS = st.from_regex(r"\A[1-9][0-9]{9,14}@(c\.us|g\.us|lid)\Z")
# A password is bounded in bytes, a schema in characters.
_PASSWORDS = st.text(st.characters(codec="ascii"), min_size=10, max_size=72)
for name, values in {
    "phone-number": _NUMBERS,
    "whatsapp-recipient": _NUMBERS | _IDS,
    "proxy-server": st.from_regex(r"\A(http|https|socks5)://[a-z]{1,9}\.example:[1-9][0-9]{3}\Z"),
    "time-zone": st.sampled_from(sorted(available_timezones() - {"Factory", "localtime"})),
    "password": _PASSWORDS,
    "ip-network": st.sampled_from(
        ["203.0.113.7", "203.0.113.0/24", "2001:db8::7", "2001:db8::/32"]
    ),
    "csv-table": st.sampled_from(
        ["phone\n", "name,phone\nDana,+972501234567\n", "phone;name\n1;D"]
    ),
}.items():
    schemathesis.openapi.format(name, values)

_ID = re.compile(r"[0-9a-z]{26}")
_VARIABLE = re.compile(r"[A-Za-z0-9_]{1,50}(\.[A-Za-z0-9_]{1,50}){0,2}")

_numbers = count()
_KNOWN: dict[str, dict[str, list[str]]] = json.loads(os.environ.get("CONTRACT_KNOWN", "{}"))
"""By operation: values of path parameters, or of a header, that name something which is there."""


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]
) -> None:
    """Make what is right by itself right together; what is wrong by itself stays wrong."""
    _fit_together(case.body)
    if case.operation.method.upper() == "PATCH" and isinstance(case.body, dict):
        _fit_change(case.body)
    if "/webhooks" in case.operation.path and isinstance(case.body, dict):
        _fit_webhook(case.body)
    if case.operation.path == "/api/whatsapp/messages":
        _ask_of_one_direction(case.query)
    for earlier, later in (("since", "until"), ("from", "to")):
        _order(case.query, earlier, later)
    # Within a scenario of many steps, the steps before say what to name.
    if case.meta is not None and case.meta.phase.name is not TestPhase.STATEFUL:
        _name_what_is_there(case, next(_numbers))
    if isinstance(case.headers.get("Idempotency-Key"), str):
        # Every request has another body, and a key belongs to one of them.
        case.headers["Idempotency-Key"] += str(next(_numbers))
    if _is_long(case.query.get("wait")):
        # It would wait indeed.
        case.query["wait"] = 0.1


def _name_what_is_there(case: schemathesis.Case[Any], turn: int) -> None:
    """Let every second request name something that exists, and most of them an owner who does.

    An unknown one is a 404 that would hide what else is said of a request.
    """
    if turn % 2:
        for name, values in _KNOWN.get(case.operation.label, {}).items():
            named = case.headers if name.startswith("X-") else case.path_parameters
            named[name] = values[turn // 2 % len(values)]
    if turn % 8 and case.query.get("owner"):
        case.query["owner"] = "admin"


def _is_long(wait: Any) -> bool:
    try:
        return 1 < float(wait) <= 60
    except (TypeError, ValueError):
        return False


def _fit_together(value: Any) -> None:
    if isinstance(value, list):
        for each in value:
            _fit_together(each)
    if not isinstance(value, dict):
        return
    for each in value.values():
        _fit_together(each)
    _order(value, "sendAt", "expiresAt")
    _fit_message(value)
    _fit_business(value)
    if "scopes" in value:
        _grant(value)
    jitter = value.get("jitterSeconds")
    if isinstance(jitter, list) and all(isinstance(each, int | float) for each in jitter):
        jitter.sort()
    if isinstance(value.get("server"), str) and value.get("username") is not None:
        value["server"] = value["server"].replace("socks5:", "http:")


def _fit_message(value: dict[str, Any]) -> None:
    """Answer no message that the connection may not have, and send any file as a document."""
    if isinstance(value.get("replyTo"), str) and _ID.fullmatch(value["replyTo"]):
        del value["replyTo"]
    if isinstance(value.get("base64"), str) and value.get("as") in [*MediaKind]:
        del value["as"]


def _fit_webhook(value: dict[str, Any]) -> None:
    """Let a URL lead to the internet, and give each header once, none that is ours."""
    if isinstance(value.get("url"), str) and re.fullmatch(URL_PATTERN, value["url"]):
        value["url"] = "https://crm.example.com/whatsapp"
    headers = value.get("headers")
    if isinstance(headers, dict) and all(re.fullmatch(HEADER_PATTERN, each) for each in headers):
        value["headers"] = {f"X-{n}": each for n, each in enumerate(headers.values())}


def _ask_of_one_direction(query: dict[str, Any]) -> None:
    """List the messages that have what is asked for, and to whose list the cursor belongs."""
    of_sent = {"status", "to", "reference", "idempotencyKey"} & {*query}
    cursor = query.get("cursor")
    if isinstance(cursor, str) and re.fullmatch(r"[0-9]{1,13}-[0-9a-z]{26}", cursor):
        del query["cursor"]
    elif query.get("direction") == "in" and (of_sent or cursor):
        query["direction"] = "out"


def _fit_business(value: dict[str, Any]) -> None:
    """Put times in their order, and let the texts of templates be text without variables."""
    if _time(value.get("startsAt")) is not None:
        value["startsAt"] = "2040-01-31T09:00:00Z"
    if _time(value.get("endsAt")) is not None:
        value["endsAt"] = "2040-01-31T10:00:00Z"
    if isinstance(value.get("template"), str) and value["template"].startswith("ready_"):
        # Others need values that not every trigger has.
        value["template"] = "ready_welcome"
    variables = value.get("variables")
    if isinstance(variables, dict) and all(map(_VARIABLE.fullmatch, variables)):
        known = {f"customer.attributes.a{n}": each for n, each in enumerate(variables.values())}
        value["variables"] = {name: each for name, each in known.items() if not _is_group(each)}
    texts = value.get("texts")
    if isinstance(texts, dict):
        for language, text in texts.items():
            if isinstance(text, str):
                texts[language] = text.replace("{", "(")


def _is_group(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _fit_change(value: dict[str, Any]) -> None:
    """Give what ends a beginning before it, and leave what needs a time its own."""
    if _time(value.get("endsAt")) is not None and value.get("startsAt") is None:
        value["startsAt"] = "2040-01-31T09:00:00Z"
    for name in ("offset", "sendAt"):
        if value.get(name, "") is None:
            del value[name]


def _grant(value: dict[str, Any]) -> None:
    """Let a key end in the future, and be for all owners or for certain connections."""
    if _time(value.get("expiresAt")) is not None:
        value["expiresAt"] = "2040-01-31T09:00:00Z"
    if value.get("allOwners") is True and value.get("connectionIds") is not None:
        del value["connectionIds"]


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _order(value: dict[str, Any], earlier: str, later: str) -> None:
    """Exchange two times that are in the wrong order; of the same time twice, leave one out."""
    try:
        start, end = (datetime.fromisoformat(value[name]) for name in (earlier, later))
        if end < start:
            value[earlier], value[later] = value[later], value[earlier]
        elif end == start:
            del value[later]
    except (KeyError, TypeError, ValueError):
        return
