"""What happens to connections and messages, told to whoever listens: best effort, never waited for.

The records in MongoDB are the truth. An event says that one of them changed, and is published by
the store that changed it, so that no caller can forget to.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from sessions.json_values import WrittenMoment

if TYPE_CHECKING:
    from sessions.connections import Connection, QrCode
    from sessions.messages import Message

_ROOM = 10_000


class EventType(StrEnum):
    """The name of an event, the same for server-sent events and webhooks."""

    CONNECTION_STATE = "connection.state"
    CONNECTION_QR = "connection.qr"
    CONNECTION_DELETED = "connection.deleted"
    MESSAGE_STATUS = "message.status"
    GAP = "gap"
    """Events were lost here: whoever follows them asks for the states anew."""


class _Data(BaseModel):
    """What an event carries: camelCase, and nothing without a value."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, exclude_none=True)


class ConnectionStateData(_Data):
    """A connection's state, since when, and whose it is."""

    connection_id: str
    owner: str
    state: str
    reason: str | None = None
    since: WrittenMoment
    until: WrittenMoment | None = None
    phone_number: str | None = None


class ConnectionDeletedData(_Data):
    """A connection that its owner has deleted: its id is free from now on."""

    connection_id: str
    owner: str


class ConnectionQrData(_Data):
    """The QR code on show: a credential until it expires."""

    connection_id: str
    code: str
    expires_at: WrittenMoment


class MessageStatusData(_Data):
    """A message's status since `at`; never its text."""

    message_id: str
    connection_id: str
    to: str
    chat_id: str | None = None
    status: str
    reason: str | None = None
    at: WrittenMoment


@dataclass(frozen=True, slots=True)
class Event:
    """One change: its `EventType`, our own id of the connection, and JSON that can hold a QR code.

    A type of a newer version is passed on like any other.
    """

    type: str
    owner: str
    connection: str
    data: str = field(repr=False)


GAP = Event(EventType.GAP, owner="", connection="", data="{}")


def state_event(record: Mapping[str, Any]) -> Event:
    """Tell the state that a connection's document in MongoDB holds."""
    data = ConnectionStateData(
        connection_id=record["connectionId"],
        owner=record["owner"],
        state=record["state"],
        reason=record.get("reason"),
        since=record["since"],
        until=record.get("until"),
        phone_number=record.get("linkedNumber") or record.get("phoneNumber"),
    )
    return Event(EventType.CONNECTION_STATE, record["owner"], record["_id"], data.to_json())


def observed_event(connection: Connection) -> Event:
    """Tell the state of a connection as it is true now."""
    state, reason = connection.observed()
    data = ConnectionStateData(
        connection_id=connection.connection_id,
        owner=connection.owner,
        state=state,
        reason=reason,
        since=connection.observed_since(),
        until=connection.observed_until(),
        phone_number=connection.linked_number or connection.phone_number,
    )
    return Event(EventType.CONNECTION_STATE, connection.owner, connection.id, data.to_json())


def deleted_event(connection: Connection) -> Event:
    """Tell that a connection is gone for its owner."""
    data = ConnectionDeletedData(connection_id=connection.connection_id, owner=connection.owner)
    return Event(EventType.CONNECTION_DELETED, connection.owner, connection.id, data.to_json())


def qr_event(owner: str, connection: str, connection_id: str, qr: QrCode) -> Event:
    """Tell the QR code that a connection shows."""
    data = ConnectionQrData(connection_id=connection_id, code=qr.code, expires_at=qr.expires_at)
    return Event(EventType.CONNECTION_QR, owner, connection, data.to_json())


def status_event(message: Message) -> Event:
    """Tell where a message is."""
    data = MessageStatusData(
        message_id=message.id,
        connection_id=message.connection_id,
        to=message.to,
        chat_id=message.chat_id,
        status=message.status,
        reason=message.reason,
        at=message.status_at or message.queued_at,
    )
    return Event(EventType.MESSAGE_STATUS, message.owner, message.connection, data.to_json())


def tells_of(event: Event, owner: str | None, chats: AbstractSet[str]) -> bool:
    """Tell whether an event of an owner, or for None of anybody, names one of these chats."""
    if owner not in (None, event.owner):
        return False
    data = json.loads(event.data)
    return not chats.isdisjoint({data.get("to"), data.get("chatId")})


class EventLog:
    """Where a program's stores put their events: in order, bounded, without waiting.

    `sessions.event_stream.open_event_log` brings them to Redis. When that falls behind, the oldest
    are dropped, and a gap stands in their place.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._events: deque[Event] = deque(maxlen=room)
        self._room = room
        self._taken: list[Event] = []
        self._dropped = False
        self._closed = False
        self._bell = asyncio.Event()

    def publish_state(self, record: Mapping[str, Any]) -> None:
        """Tell a connection's state, unless the connection is deleted: nobody owns it any more."""
        if record.get("deletedAt") is None:
            self.publish(state_event(record))

    def publish(self, *events: Event) -> None:
        """Add events behind those that wait."""
        if not events:
            return  # a bell without an event would mean that the log is closed
        self._dropped |= len(self._events) + len(events) > self._room
        self._events.extend(events)
        self._bell.set()

    def take(self, count: int = _ROOM) -> list[Event]:
        """Remove and return the oldest events, behind a gap if some before them were dropped."""
        gap = [GAP] if self._dropped else []
        self._dropped = False
        taken = [self._events.popleft() for _ in range(min(count, len(self._events)))]
        if not self._events and not self._closed:
            self._bell.clear()
        self._taken = gap + taken
        return self._taken

    def discard(self, which: Callable[[Event], bool]) -> None:
        """Remove events that wait, by what they tell; from the list that was taken last too.

        While Redis is away, that list is tried again and again.
        """
        self._taken[:] = [each for each in self._taken if not which(each)]
        kept = [each for each in self._events if not which(each)]
        self._events.clear()
        self._events.extend(kept)
        if not kept and not self._closed:
            self._bell.clear()

    async def wait(self) -> bool:
        """Wait for an event to take; return False once the log is closed and empty."""
        await self._bell.wait()
        return bool(self._events)

    def close(self) -> None:
        """Let `wait` end when the events that wait are taken."""
        self._closed = True
        self._bell.set()
