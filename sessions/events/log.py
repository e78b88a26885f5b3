"""What happens to connections and messages, told to whoever listens: best effort, never waited for.

The records in MongoDB are the truth. An event says that one of them changed, and is published by
the store that changed it, so that no caller can forget to.
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
    GAP = "gap"
    """Events were lost here: whoever follows them asks for the states anew."""


class EventData(BaseModel):
    """What an event carries: camelCase, and nothing without a value."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    def to_json(self) -> str:
        """Return the event's data as it is sent."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


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


def tells_of(event: Event, owner: str | None, chats: AbstractSet[str]) -> bool:
    """Tell whether an event of an owner, or for None of anybody, names one of these chats."""
    if owner not in (None, event.owner):
        return False
    data = json.loads(event.data)
    return not chats.isdisjoint({data.get("to"), data.get("chatId")})


class EventLog:
    """Where a program's stores put their events: in order, bounded, without waiting.

    `sessions.events.stream.open_event_log` brings them to Redis. When that falls behind, the oldest
    are dropped, and a gap stands in their place.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._events: deque[Event] = deque(maxlen=room)
        self._room = room
        self._taken: list[Event] = []
        self._dropped = False
        self._closed = False
        self._bell = asyncio.Event()

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
