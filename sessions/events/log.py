"""Events of connections and messages: published without waiting, and lost at worst.

The records in MongoDB are the truth; an event tells that one of them has changed. The store that
changes a record publishes the event, so that no caller can forget to.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

_ROOM = 10_000


class EventType(StrEnum):
    """The name of an event, the same for server-sent events and webhooks."""

    CONNECTION_STATE = "connection.state"
    CONNECTION_QR = "connection.qr"
    CONNECTION_DELETED = "connection.deleted"
    MESSAGE_STATUS = "message.status"
    MESSAGE_RECEIVED = "message.received"
    MESSAGE_EDITED = "message.edited"
    MESSAGE_REVOKED = "message.revoked"
    MESSAGE_REACTION = "message.reaction"
    MESSAGE_MEDIA = "message.media"
    POLL_VOTE = "poll.vote"
    WEBHOOK_DISABLED = "webhook.disabled"
    APPOINTMENT_BOOKED = "appointment.booked"
    APPOINTMENT_CONFIRMED = "appointment.confirmed"
    APPOINTMENT_RESCHEDULED = "appointment.rescheduled"
    APPOINTMENT_CANCELLED = "appointment.cancelled"
    APPOINTMENT_COMPLETED = "appointment.completed"
    APPOINTMENT_NO_SHOW = "appointment.no_show"
    SUBSCRIBER_SUBSCRIBED = "subscriber.subscribed"
    SUBSCRIBER_UNSUBSCRIBED = "subscriber.unsubscribed"
    GAP = "gap"
    """Events were lost here: clients must read the current states again."""


class EventData(BaseModel):
    """The data of an event: JSON in camelCase, without empty fields."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    def to_json(self) -> str:
        """Return the data as JSON."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


@dataclass(frozen=True, slots=True)
class Event:
    """One change, with the internal id of the connection and JSON data, which can hold a QR code.

    `type` is a string, so that a type of a newer version is passed on, too.
    """

    type: str
    owner: str
    connection: str
    data: str = field(repr=False)


_OF_MESSAGES = frozenset(
    {
        EventType.MESSAGE_STATUS,
        EventType.MESSAGE_RECEIVED,
        EventType.MESSAGE_EDITED,
        EventType.MESSAGE_REVOKED,
        EventType.MESSAGE_REACTION,
        EventType.MESSAGE_MEDIA,
        EventType.POLL_VOTE,
    }
)
GAP = Event(EventType.GAP, owner="", connection="", data="{}")


def tells_of(event: Event, owner: str | None, chats: AbstractSet[str]) -> bool:
    """Tell whether an event of this owner (None: of any owner) names one of these chats."""
    if owner not in (None, event.owner):
        return False
    data = json.loads(event.data)
    return not chats.isdisjoint({data.get("to"), data.get("chatId"), data.get("from")})


def message_of(event: Event) -> str | None:
    """Return the id of the message that an event tells of, if it tells of one."""
    if event.type not in _OF_MESSAGES:
        return None
    named = json.loads(event.data).get("messageId")
    return named if isinstance(named, str) else None


class EventLog:
    """A bounded queue of events, into which a program's stores publish without waiting.

    `sessions.events.stream.open_event_log` sends them to Redis. If it falls behind, the oldest
    events are dropped and replaced by one gap event.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._events: deque[Event] = deque(maxlen=room)
        self._room = room
        self._taken: list[Event] = []
        self._dropped = False
        self._closed = False
        self._ready = asyncio.Event()

    def publish(self, *events: Event) -> None:
        """Append events to the queue."""
        if not events:
            return  # waking `wait` without an event would mean that the log is closed
        self._dropped |= len(self._events) + len(events) > self._room
        self._events.extend(events)
        self._ready.set()

    def take(self, count: int = _ROOM) -> list[Event]:
        """Remove and return the oldest events, after a gap event if earlier ones were dropped."""
        gap = [GAP] if self._dropped else []
        self._dropped = False
        taken = [self._events.popleft() for _ in range(min(count, len(self._events)))]
        if not self._events and not self._closed:
            self._ready.clear()
        self._taken = gap + taken
        return self._taken

    def discard(self, which: Callable[[Event], bool]) -> None:
        """Remove matching events from the queue, and from the list that was taken last.

        That list may still be waiting for Redis.
        """
        self._taken[:] = [each for each in self._taken if not which(each)]
        kept = [each for each in self._events if not which(each)]
        self._events.clear()
        self._events.extend(kept)
        if not kept and not self._closed:
            self._ready.clear()

    async def wait(self) -> bool:
        """Wait for an event to take; return False once the log is closed and empty."""
        await self._ready.wait()
        return bool(self._events)

    def close(self) -> None:
        """Let `wait` return False once all events are taken."""
        self._closed = True
        self._ready.set()
