"""Say in a line what an event tells of, and as JSON what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatgrow_cli import words
from chatgrow_client import Event

_SHOWN = (
    "connectionId",
    "messageId",
    "webhookId",
    "appointmentId",
    "subscriberId",
    "to",
    "from",
    "status",
    "emoji",
    "reason",
    "text",
    "url",
    "message",
)


def line_of(event: Event) -> str:
    """Return a line for people."""
    if event.is_gap:
        return "gap: events were lost here; the present states follow"
    if event.type == "connection.state":
        return f"{event.type}  {event.connection_id}  {_state(event.data)}"
    told = [words.person(str(event.data[name])) for name in _SHOWN if event.data.get(name)]
    return "  ".join([str(event.type), *told])


def json_of(event: Event) -> dict[str, Any]:
    """Return the event as JSON."""
    return {
        "id": event.id,
        "type": str(event.type),
        "timestamp": event.timestamp,
        "data": dict(event.data),
    }


def _state(data: Mapping[str, Any]) -> str:
    told = words.REASONS.get(data.get("reason", ""), "")
    acts = words.actor(data.get("actsNext", ""))
    return " ".join(
        filter(None, (f"{words.state(data.get('state'))}.", told, f"Who acts: {acts}."))
    )
