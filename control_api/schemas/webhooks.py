"""The models of webhooks and of what was delivered to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from control_api.schemas.accounts import ConnectionIds
from control_api.schemas.base import Answer, Body, Name
from sessions.common.json_values import OrDefault, Shape, Timestamp, WrittenTimestamp
from sessions.events.log import EventType
from sessions.messages.fields import ConnectionId
from sessions.webhooks.model import (
    ALL_EVENTS,
    Delivery,
    DeliveryStatus,
    DisabledReason,
    Try,
    Webhook,
)
from sessions.webhooks.sender import Outcome

OFFERED = sorted({*EventType} - {EventType.GAP})
"""The types of events that a webhook can ask for."""
LONGEST_OVERLAP = timedelta(days=7)

_PORT = r"(6553[0-5]|655[0-2]\d|65[0-4]\d{2}|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3})"
URL_PATTERN = rf"^https?://[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(:{_PORT})?(/[!-~]*)?$"
HEADER_PATTERN = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"
_VALUE = r"^[!-~]([ -~]*[!-~])?$"
_HEADERS_AT_MOST = 20
_LONGEST_VALUE = 2000
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
"""Headers that we write; those that begin with `webhook-` or `proxy-` are ours, too."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def _known(events: list[str]) -> list[str]:
    if len(events) > 1 and ALL_EVENTS in events:
        raise ValueError("* means all events: leave out the others.")
    return sorted(set(events))


def _allowed(headers: dict[str, str]) -> dict[str, str]:
    if len(headers) > _HEADERS_AT_MOST:
        raise ValueError(f"Give at most {_HEADERS_AT_MOST} headers.")
    for name, value in headers.items():
        if not re.fullmatch(HEADER_PATTERN, name):
            raise ValueError("A header's name has letters, digits and dashes.")
        if name.lower() in _OURS or name.lower().startswith(("webhook-", "proxy-")):
            raise ValueError(f"The header {name} is ours.")
        if len(value) > _LONGEST_VALUE or not re.fullmatch(_VALUE, value):
            raise ValueError(f"The value of {name} has to be printable ASCII.")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("Give each header once.")
    return headers


def _short_enough(text: str) -> str:
    if span_of(text) > LONGEST_OVERLAP:
        raise ValueError("Give at most 7 days.")
    return text


def span_of(text: str) -> timedelta:
    """Return the time that `24h` means."""
    return timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])


Url = Annotated[
    str,
    StringConstraints(max_length=2000),
    Shape(URL_PATTERN, "Give an address like https://crm.example.com/whatsapp."),
]
EventName = Annotated[
    str,
    Shape(
        rf"^(\*|{'|'.join(map(re.escape, OFFERED))})$",
        f"There is no such event: take *, or of {', '.join(OFFERED)}.",
    ),
    WithJsonSchema({"type": "string", "enum": [ALL_EVENTS, *OFFERED]}),
]
_ALL_AND_OTHERS = {"contains": {"const": ALL_EVENTS}, "minItems": 2}
EventNames = Annotated[
    list[EventName],
    Field(min_length=1, max_length=50, json_schema_extra={"not": _ALL_AND_OTHERS}),
    AfterValidator(_known),
]
Headers = Annotated[
    dict[str, str],
    AfterValidator(_allowed),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": _HEADERS_AT_MOST,
            "propertyNames": {"pattern": HEADER_PATTERN},
            "additionalProperties": {
                "type": "string",
                "maxLength": _LONGEST_VALUE,
                "pattern": _VALUE,
            },
            "examples": [{"Authorization": "Bearer s3cret"}],
        }
    ),
]
Overlap = Annotated[
    str,
    Shape(r"^[0-9]{1,6}[smhd]$", "Give a number with s, m, h or d behind it, like 24h."),
    AfterValidator(_short_enough),
]
EventId = Annotated[
    str,
    StringConstraints(max_length=100),
    Shape(r"^[0-9A-Za-z_-]+\.[0-9]+$", "This is no id of an event."),
]


class NewWebhook(Body):
    """POST /api/webhooks."""

    url: Url
    events: EventNames
    """What it is told of; `["*"]` means everything, also what later versions add."""
    connection_ids: ConnectionIds | None = Field(None, examples=[["business_main"]])
    """The only connections it is told of; if left out, all."""
    description: Name | None = None
    headers: Headers | None = None
    """Sent with each event, such as an `Authorization`; stored encrypted, and not shown again."""


class WebhookChanges(Body):
    """PATCH /api/webhooks/{id}: what is left out stays as it is."""

    url: Url | None = Field(None, examples=["https://crm.example.com/whatsapp"])
    events: EventNames | None = None
    connection_ids: Annotated[list[ConnectionId], Field(max_length=100)] | None = Field(
        None, examples=[["business_main"]]
    )
    """An empty list means all connections."""
    description: Name | None = None
    headers: Headers | None = None
    """These replace all headers before."""
    enabled: bool | None = None
    """Whether it is told of events; switching it on delivers what still waits."""


class RotateSecret(Body):
    """POST …/rotate-secret: for `overlap`, events are signed with both secrets."""

    overlap: OrDefault[Overlap] = "24h"


class RedriveRequest(Body):
    """POST …/redrive: these events, or everything since a time, or else all that failed."""

    ids: Annotated[list[EventId], Field(min_length=1, max_length=1000)] | None = Field(
        None, examples=[["01k8xq5e7m0000000000000000.3"]]
    )
    since: Timestamp | None = Field(None, examples=["2030-01-31T09:00:00Z"])
    events: EventNames | None = None
    """Only events of these types."""


class DeliveryQuery(Body):
    """GET …/deliveries."""

    status: DeliveryStatus | None = None
    cursor: EventId | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class WebhookView(Answer):
    """A webhook, without its secret and the values of its headers."""

    id: str
    owner: str
    url: str
    events: list[str]
    connection_ids: list[str] | None = None
    description: str | None = None
    header_names: list[str]
    enabled: bool
    disabled_reason: DisabledReason | None = None
    disabled_at: WrittenTimestamp | None = None
    failures: int
    """How many tries failed since the last success."""
    failing_since: WrittenTimestamp | None = None
    held_until: WrittenTimestamp | None = None
    """Until when nothing is tried, since it has failed several times in a row."""
    created_at: WrittenTimestamp

    @classmethod
    def of(cls, webhook: Webhook, names: Mapping[str, str]) -> WebhookView:
        """Show a webhook; `names` maps our ids of connections to their `connectionId`."""
        shown = set(cls.model_fields) - {"connection_ids"}
        only = webhook.connections
        return cls(
            **webhook.model_dump(include=shown),
            connection_ids=None if only is None else sorted(names[i] for i in only if i in names),
        )


class CreatedWebhook(WebhookView):
    """A new webhook; `secret` is shown only here."""

    secret: str


class WebhookList(Answer):
    """GET /api/webhooks."""

    items: list[WebhookView]


class NewSecret(Answer):
    """POST …/rotate-secret: the new secret is shown only here."""

    secret: str
    former_until: WrittenTimestamp | None = None
    """Until when events are signed with the former secret, too."""


class TryView(Answer):
    """One try: `statusCode` and `answer` of the receiver, or the code of an `error`."""

    at: WrittenTimestamp
    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    answer: str | None = None
    """At most its first 1024 bytes."""

    @classmethod
    def of(cls, made: Try, answer: str | None) -> TryView:
        """Show a try."""
        return cls(**made.model_dump(exclude={"answer"}), answer=answer)


class TestResult(TryView):
    """POST …/test: what the receiver answered."""

    delivered: bool

    @classmethod
    def of_outcome(cls, outcome: Outcome) -> TestResult:
        """Show how the test went."""
        return cls(
            at=outcome.at,
            duration_ms=outcome.duration // timedelta(milliseconds=1),
            status_code=outcome.status_code,
            error=outcome.error,
            answer=outcome.answer,
            delivered=outcome.delivered,
        )


class DeliveryView(Answer):
    """An event for a webhook; `id` is the header `webhook-id` of each of its tries."""

    id: str
    type: str
    status: DeliveryStatus
    due_at: WrittenTimestamp | None = None
    """When it is tried next, at the earliest."""
    created_at: WrittenTimestamp
    ended_at: WrittenTimestamp | None = None
    tries: list[TryView]

    @classmethod
    def of(cls, delivery: Delivery, tries: list[TryView]) -> DeliveryView:
        """Show a delivery."""
        waits = delivery.status is DeliveryStatus.PENDING
        return cls(
            id=delivery.event,
            type=delivery.type,
            status=delivery.status,
            due_at=delivery.due_at if waits else None,
            created_at=delivery.created_at,
            ended_at=delivery.ended_at,
            tries=tries,
        )


class DeliveryList(Answer):
    """GET …/deliveries, newest first; `cursor` is that of the next page."""

    items: list[DeliveryView]
    cursor: str | None = None


class Redriven(Answer):
    """How many events are sent again."""

    redriven: int
