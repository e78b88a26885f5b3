"""The events that this API process reads from Redis, shared by all its clients.

One reader keeps a window of recent events in memory while there are followers. A follower has only
a position, so a slow one costs no memory: it reads older events from Redis.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import takewhile

from loguru import logger

from sessions.common.errors import StoreUnavailableError
from sessions.events.stream import STREAM_DOWN, Entry, EventStream, Position, PositionLostError

_WINDOW = 2_000
_PIECE = 200
_KNOWN_WITHIN = timedelta(seconds=2)
_BLOCK = timedelta(seconds=5)
_TRY_AGAIN_AFTER = timedelta(seconds=1)


class EventFeed:
    """Read the stream of events for all followers in this process."""

    def __init__(self, stream: EventStream, window: int = _WINDOW) -> None:
        self._stream = stream
        self._window: deque[Entry] = deque(maxlen=window)
        self._base: Position | None = None
        self._end: Position | None = None
        self._news = asyncio.Event()
        self._followers = 0
        self._followed = asyncio.Event()
        self._away = False
        self._closed = False

    async def run(self) -> None:
        """Read while there are followers, until cancelled; wait for Redis while it is away."""
        while True:
            if not self._followed.is_set():
                await self._wait_for_followers()
            try:
                await self._read()
            except STREAM_DOWN as error:
                if not self._away:
                    logger.warning(
                        "Events are not read, Redis is away: {}", str(error) or "no answer"
                    )
                self._away = True
                await asyncio.sleep(_TRY_AGAIN_AFTER.total_seconds())
            else:
                if self._away:
                    logger.info("Events are read again")
                self._away = False

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow inside this block; without followers, events are not read."""
        self._followers += 1
        self._followed.set()
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self._followed.clear()

    @property
    def closed(self) -> bool:
        """Whether all followers should end."""
        return self._closed

    def close(self) -> None:
        """Make all followers end."""
        self._closed = True
        self._wake_followers()

    async def end(self) -> Position:
        """Return the position after the newest event; raise StoreUnavailableError."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_KNOWN_WITHIN.total_seconds()):
                while self._end is None:
                    await self._news.wait()
        if self._end is None:
            raise StoreUnavailableError("Redis does not answer: there are no events. Try again.")
        return self._end

    async def after(self, position: Position, within: timedelta) -> Sequence[Entry]:
        """Wait for the next events after a position; return none if none comes in time.

        Raises PositionLostError if events after it may have been removed.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                while not self._closed:
                    news = self._news
                    if found := await self._find(position):
                        return found
                    await news.wait()
        return []

    async def _wait_for_followers(self) -> None:
        """Clear the window, which will be outdated, and wait for a follower."""
        self._window.clear()
        self._base = self._end = None
        await self._followed.wait()

    async def _read(self) -> None:
        """Read the next events; if our position is lost, start again at the end of the stream."""
        try:
            if self._end is not None:
                self._take(await self._stream.wait_after(self._end, _PIECE, _BLOCK))
                return
        except PositionLostError:
            self._window.clear()
        self._base = self._end = await self._stream.end()
        self._wake_followers()

    def _take(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if len(self._window) == self._window.maxlen:
                self._base = self._window[0].position
            self._window.append(entry)
            self._end = entry.position
        if entries:
            self._wake_followers()

    def _wake_followers(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _find(self, position: Position) -> list[Entry]:
        """Return the events after a position, from the window if it reaches back that far."""
        if self._base and self._end and self._base <= position <= self._end:
            return self._in_window(position)
        try:
            return await self._stream.after(position, _PIECE)
        except STREAM_DOWN:
            return []

    def _in_window(self, position: Position) -> list[Entry]:
        newer = takewhile(lambda entry: entry.position > position, reversed(self._window))
        return list(newer)[::-1][:_PIECE]
