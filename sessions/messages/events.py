"""The event for each change of a message's status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sessions.common.json_values import WrittenTimestamp
from sessions.events.log import Event, EventData, EventType
from sessions.messages.response_events import RESPONSES, ReactionData, VoteData, told_response
from sessions.outgoing_events.families import OutgoingEvent, outgoing
from sessions.outgoing_events.pending import PendingEvent

if TYPE_CHECKING:
    from sessions.messages.model import Message


class MessageStatusData(EventData):
    """A message's status since `at`; never its text."""

    message_id: str
    connection_id: str
    owner: str
    to: str
    chat_id: str | None = None
    reference: str | None = None
    status: str
    reason: str | None = None
    at: WrittenTimestamp


class MessageEvents:
    """How the entries of messages are told to webhooks."""

    collection = "messages"
    fields = ("owner", "connection", "connectionId", "to", "chatId")

    def tell(self, document: Mapping[str, Any], entry: PendingEvent) -> OutgoingEvent:
        """Build the event of a status, a reaction or a vote."""
        to, chat_id = document["to"], document.get("chatId")
        chats, data = {to, chat_id or to}, self._told(document, entry)
        if not isinstance(data, MessageStatusData):
            chats.add(data.sender)
        return outgoing(
            document,
            entry,
            owner=document["owner"],
            data=data.to_json(),
            connection=document["connection"],
            chats=tuple(sorted(chats)),
        )

    def _told(
        self, document: Mapping[str, Any], entry: PendingEvent
    ) -> MessageStatusData | ReactionData | VoteData:
        to, chat_id = document["to"], document.get("chatId")
        if entry.type in RESPONSES:
            return told_response(document, entry, chat_id or to)
        return MessageStatusData(
            message_id=document["_id"],
            connection_id=document["connectionId"],
            owner=document["owner"],
            to=to,
            chat_id=chat_id,
            status=entry.facts["status"],
            reason=entry.facts.get("reason"),
            at=entry.at,
        )


def status_event(message: Message) -> Event:
    """Return the event for a message's current status."""
    data = MessageStatusData(
        message_id=message.id,
        connection_id=message.connection_id,
        owner=message.owner,
        to=message.to,
        chat_id=message.chat_id,
        reference=message.reference,
        status=message.status,
        reason=message.reason,
        at=message.status_at or message.queued_at,
    )
    return Event(EventType.MESSAGE_STATUS, message.owner, message.connection, data.to_json())
