"""The server-sent events of received messages; they never contain what a message says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sessions.common.json_values import WrittenTimestamp
from sessions.conversations.model import ReceivedMessage
from sessions.events.log import Event, EventData, EventType
from sessions.messages.responses import Reaction, Vote

if TYPE_CHECKING:
    from sessions.messages.model import Message


class ReceivedData(EventData):
    """A received message, without what it says."""

    message_id: str
    connection_id: str
    owner: str
    chat_id: str
    sender: str = Field(alias="from")
    type: str
    timestamp: WrittenTimestamp


class ResponseData(EventData):
    """A reaction to a message or a vote in a poll, by `sender`."""

    message_id: str
    connection_id: str
    owner: str
    chat_id: str
    sender: str = Field(alias="from")
    emoji: str | None = None
    timestamp: WrittenTimestamp


def received_event(kind: EventType, message: ReceivedMessage) -> Event:
    """Return the event for a message that was received, edited or revoked."""
    times = {
        EventType.MESSAGE_EDITED: message.edited_at,
        EventType.MESSAGE_REVOKED: message.revoked_at,
    }
    data = ReceivedData(
        message_id=message.id,
        connection_id=message.connection_id,
        owner=message.owner,
        chat_id=message.conversation,
        sender=message.sender,
        type=message.type,
        timestamp=times.get(kind) or message.at,
    )
    return Event(kind, message.owner, message.connection, data.to_json())


def response_event(message: ReceivedMessage | Message, response: Reaction | Vote) -> Event:
    """Return the event for a reaction to a message, or a vote in a poll."""
    reacts = isinstance(response, Reaction)
    data = ResponseData(
        message_id=message.id,
        connection_id=message.connection_id,
        owner=message.owner,
        chat_id=message.conversation or message.chat_id or "",
        sender=response.sender,
        emoji=response.emoji if isinstance(response, Reaction) else None,
        timestamp=response.at,
    )
    kind = EventType.MESSAGE_REACTION if reacts else EventType.POLL_VOTE
    return Event(kind, message.owner, message.connection, data.to_json())
