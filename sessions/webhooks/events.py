"""The event that tells of a webhook that was disabled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sessions.common.json_values import WrittenTimestamp
from sessions.events.log import Event, EventData, EventType
from sessions.outgoing_events.families import OutgoingEvent, outgoing
from sessions.outgoing_events.pending import PendingEvent
from sessions.webhooks.model import Webhook


class WebhookDisabledData(EventData):
    """A webhook that gets no more events, and why."""

    webhook_id: str
    owner: str
    url: str
    reason: str
    at: WrittenTimestamp


def disabled_event(webhook: Webhook) -> Event:
    """Return the event for a webhook that was disabled."""
    data = WebhookDisabledData(
        webhook_id=webhook.id,
        owner=webhook.owner,
        url=webhook.url,
        reason=str(webhook.disabled_reason),
        at=webhook.disabled_at or webhook.created_at,
    )
    return Event(EventType.WEBHOOK_DISABLED, webhook.owner, "", data.to_json())


class WebhookEvents:
    """How the entries of webhooks are told to the owner's other webhooks."""

    collection = "webhooks"
    fields = ("owner", "url")

    def tell(self, document: Mapping[str, Any], entry: PendingEvent) -> OutgoingEvent:
        """Build the event of a webhook that was disabled."""
        data = WebhookDisabledData(
            webhook_id=document["_id"],
            owner=document["owner"],
            url=document["url"],
            reason=entry.facts["reason"],
            at=entry.at,
        )
        return outgoing(
            document, entry, owner=document["owner"], data=data.to_json(), connection=None
        )
