"""The event for each change of a message's status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.common.json_values import WrittenTimestamp
from sessions.events.log import Event, EventData, EventType

if TYPE_CHECKING:
    from sessions.messages.model import Message


class MessageStatusData(EventData):
    """A message's status since `at`; never its text."""

    message_id: str
    connection_id: str
    owner: str
    to: str
    chat_id: str | None = None
    status: str
    reason: str | None = None
    at: WrittenTimestamp


def status_event(message: Message) -> Event:
    """Return the event for a message's current status."""
    data = MessageStatusData(
        message_id=message.id,
        connection_id=message.connection_id,
        owner=message.owner,
        to=message.to,
        chat_id=message.chat_id,
        status=message.status,
        reason=message.reason,
        at=message.status_at or message.queued_at,
    )
    return Event(EventType.MESSAGE_STATUS, message.owner, message.connection, data.to_json())
