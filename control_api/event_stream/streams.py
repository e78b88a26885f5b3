"""The open streams of this process: what each may see, how many there may be, and their end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from control_api.event_stream.feed import EventFeed
from control_api.http.problems import TooManyStreamsError
from sessions.events.log import Event, EventType

_ENDS_WITHIN = timedelta(seconds=1)


@dataclass(frozen=True)
class StreamLimits:
    """The limits of streams of events."""

    per_owner: int
    """The most open streams of one owner in this process."""
    look_up: timedelta = timedelta(seconds=1)
    """How long an idle stream waits for an event before it checks the client."""
    ask_again: timedelta = timedelta(seconds=5)
    """How often the caller's rights are checked."""
    keep_alive: timedelta = timedelta(seconds=15)
    write: timedelta = timedelta(seconds=10)
    """How long a client may not read what is sent."""


@dataclass(frozen=True)
class Audience:
    """Which events a caller may see."""

    owner: str | None
    """The owner of the connections; None: all owners."""
    connections: frozenset[str] | None
    """The internal ids of the connections; None: all of the owner's."""
    codes: bool
    """Whether QR codes may be seen."""

    def sees(self, event: Event) -> bool:
        """Tell whether the caller may see an event; everybody sees gaps."""
        if event.type == EventType.GAP:
            return True
        if event.type == EventType.CONNECTION_QR and not self.codes:
            return False
        if self.connections is not None and event.connection not in self.connections:
            return False
        return self.owner in (None, event.owner)


class EventStreams:
    """The open streams of this process, which share one feed."""

    def __init__(self, feed: EventFeed, limits: StreamLimits) -> None:
        self.feed = feed
        self.limits = limits
        self._followed: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def count(self) -> int:
        """The number of open streams."""
        return len(self._tasks)

    @asynccontextmanager
    async def room(self, owner: str) -> AsyncIterator[None]:
        """Count the current task as a stream of the owner; raise TooManyStreamsError."""
        if self._followed[owner] >= self.limits.per_owner:
            raise TooManyStreamsError(self.limits.per_owner)
        task = asyncio.current_task()
        self._followed[owner] += 1
        self._tasks |= {task} if task else set()
        try:
            with self.feed.followed():
                yield
        finally:
            self._tasks -= {task}
            self._followed[owner] -= 1
            # Remove owners without streams.
            self._followed = +self._followed

    async def close(self) -> None:
        """End all streams, and cancel those whose client does not read."""
        self.feed.close()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_ENDS_WITHIN.total_seconds())
            for task in late:
                task.cancel()


STREAMS = web.AppKey("event_streams", EventStreams)
