"""Verify that a webhook is ours: the signatures of Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import AwareDatetime, TypeAdapter

from chatgrow_client.errors import WebhookVerificationError
from chatgrow_client.following import Event
from chatgrow_client.models import EventType

_PREFIX = "whsec_"
_VERSION = "v1,"
_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_TOLERANCE = timedelta(minutes=5)


def verify_webhook(
    headers: Mapping[str, str],
    body: bytes | str,
    secret: str | Iterable[str],
    *,
    tolerance: timedelta = _TOLERANCE,
    now: float | None = None,
) -> Event:
    """Return the event that a request tells of; raise WebhookVerificationError if it is not ours.

    `body` is the raw body as it came. `secret` is the webhook's (`whsec_…`), or several while one
    is replaced. The request may be as old as `tolerance`, or that far in the future. `event.id`
    is the same in each repetition: keep the ids that you handled, and answer 2xx to a known one.
    """
    keys = [signing_key(each) for each in ([secret] if isinstance(secret, str) else secret)]
    given = {name.lower(): value for name, value in headers.items()}
    event_id, sent_at, signatures = (
        _header(given, name) for name in ("id", "timestamp", "signature")
    )
    _require_recent(sent_at, tolerance, time.time() if now is None else now)
    content = body.encode() if isinstance(body, str) else body
    signed = b".".join((event_id.encode(), sent_at.encode(), content))
    if not any(_has_signed(key, signed, signatures) for key in keys):
        raise WebhookVerificationError("No signature of the webhook is by this secret.")
    return _event(event_id, content)


def signing_key(secret: str) -> bytes:
    """Return the key of a webhook's secret; raise ValueError if it is none."""
    # What was read from a file ends with a line break.
    encoded = secret.strip().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise ValueError("The secret of a webhook is `whsec_` and base64.") from error
    if not key:
        raise ValueError("The secret of the webhook is empty.")
    return key


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(f"webhook-{name}")
    if not value:
        raise WebhookVerificationError(f"The request has no header webhook-{name}.")
    return value


def _require_recent(sent_at: str, tolerance: timedelta, now: float) -> None:
    if not (sent_at.isascii() and sent_at.isdigit()):
        raise WebhookVerificationError("The header webhook-timestamp is not a number of seconds.")
    if abs(now - int(sent_at)) > tolerance.total_seconds():
        raise WebhookVerificationError("The webhook is too old, or a clock is wrong.")


def _has_signed(key: bytes, signed: bytes, signatures: str) -> bool:
    """Tell whether one of the signatures is by this key; takes the same time for all of them."""
    ours = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    found = [
        hmac.compare_digest(ours, each[len(_VERSION) :].encode())
        for each in signatures.split(" ")
        if each.startswith(_VERSION)
    ]
    return any(found)


def _event(event_id: str, content: bytes) -> Event:
    try:
        told = json.loads(content)
        at = _TIME.validate_python(told["timestamp"])
        return Event(EventType(told["type"]), told["data"], event_id, at)
    except (ValueError, KeyError, TypeError) as error:
        raise WebhookVerificationError("The body of the webhook tells of no event.") from error
