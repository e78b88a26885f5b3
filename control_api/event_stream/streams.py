"""Who follows events in this process: what each may see, how many there are, and their end."""

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
    """The bounds of a stream of events."""

    per_owner: int
    """Streams that one owner may follow at a time, in this process."""
    look_up: timedelta = timedelta(seconds=1)
    """How long a stream that is idle notices nothing but an event."""
    ask_again: timedelta = timedelta(seconds=5)
    """How often it is asked whether the caller still may follow."""
    keep_alive: timedelta = timedelta(seconds=15)
    write: timedelta = timedelta(seconds=10)
    """How long a client may take nothing of what is sent."""


@dataclass(frozen=True)
class Audience:
    """What somebody may follow: these connections, and with `codes` their QR codes."""

    owner: str | None
    """None: everybody's."""
    connections: frozenset[str] | None
    """Our own ids of the only ones; None: all."""
    codes: bool

    def sees(self, event: Event) -> bool:
        """Tell whether an event is for them; a gap is for everybody."""
        if event.type == EventType.GAP:
            return True
        if event.type == EventType.CONNECTION_QR and not self.codes:
            return False
        if self.connections is not None and event.connection not in self.connections:
            return False
        return self.owner in (None, event.owner)


class EventStreams:
    """The streams of this process, over one feed."""

    def __init__(self, feed: EventFeed, limits: StreamLimits) -> None:
        self.feed = feed
        self.limits = limits
        self._followed: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def count(self) -> int:
        """How many streams there are."""
        return len(self._tasks)

    @asynccontextmanager
    async def room(self, owner: str) -> AsyncIterator[None]:
        """Hold one of the owner's places for the task that runs; raise TooManyStreamsError."""
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
            # Forget owners who follow nothing.
            self._followed = +self._followed

    async def close(self) -> None:
        """End every stream in order, and by force those whose client takes nothing."""
        self.feed.close()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_ENDS_WITHIN.total_seconds())
            for task in late:
                task.cancel()


STREAMS = web.AppKey("event_streams", EventStreams)
