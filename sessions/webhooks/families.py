"""Every collection whose changes webhooks are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.connections.events import ConnectionEvents, RemovedConnectionEvents
from sessions.conversations.webhook_events import ReceivedEvents
from sessions.messages.events import MessageEvents
from sessions.webhooks.events import WebhookEvents
from sessions.webhooks.record_events import RecordEvents

if TYPE_CHECKING:
    from sessions.messages.sealed_texts import TextSealer
    from sessions.outgoing_events.families import Family

APPOINTMENTS = RecordEvents(
    "appointments", "appointmentId", ("customer", "connectionId", "service", "externalId")
)
SUBSCRIBERS = RecordEvents("subscribers", "subscriberId", ("list",))


def all_families(texts: TextSealer) -> tuple[Family, ...]:
    """Return what the relay reads."""
    return (
        MessageEvents(),
        ReceivedEvents(texts),
        ConnectionEvents(),
        RemovedConnectionEvents(),
        WebhookEvents(),
        APPOINTMENTS,
        SUBSCRIBERS,
    )
