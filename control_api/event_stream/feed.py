"""The events that this API process has read, shared by all who follow them.

One reader keeps a window of recent events in memory, as long as anybody follows. Who follows holds
nothing but a position: a slow one costs no memory, and reads from Redis what has left the window.
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
    """Follows the stream for everybody in this process."""

    def __init__(self, stream: EventStream, window: int = _WINDOW) -> None:
        self._stream = stream
        self._window: deque[Entry] = deque(maxlen=window)
        self._base: Position | None = None
        self._end: Position | None = None
        self._bell = asyncio.Event()
        self._followers = 0
        self._followed = asyncio.Event()
        self._away = False
        self._closed = False

    async def run(self) -> None:
        """Read until cancelled, while anybody follows; while Redis is away, wait for it."""
        while True:
            if not self._followed.is_set():
                await self._rest()
            try:
                await self._read()
            except STREAM_DOWN as error:
                if not self._away:
                    logger.warning("No events, Redis is away: {}", str(error) or "no answer")
                self._away = True
                await asyncio.sleep(_TRY_AGAIN_AFTER.total_seconds())
            else:
                if self._away:
                    logger.info("Events are read again")
                self._away = False

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow in this block: events that nobody follows are not read."""
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
        """Whether nobody shall follow any more."""
        return self._closed

    def close(self) -> None:
        """Send everybody away who follows."""
        self._closed = True
        self._ring()

    async def end(self) -> Position:
        """Return the position behind the newest event; raise StoreUnavailableError."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_KNOWN_WITHIN.total_seconds()):
                while self._end is None:
                    await self._bell.wait()
        if self._end is None:
            raise StoreUnavailableError("Redis does not answer: there are no events. Try again.")
        return self._end

    async def after(self, position: Position, within: timedelta) -> Sequence[Entry]:
        """Return the next events behind a position, none when none comes in time.

        Raises PositionLostError when events behind it may be gone.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                while not self._closed:
                    bell = self._bell
                    if found := await self._find(position):
                        return found
                    await bell.wait()
        return []

    async def _rest(self) -> None:
        """Wait for somebody who follows; what is held would be old by then."""
        self._window.clear()
        self._base = self._end = None
        await self._followed.wait()

    async def _read(self) -> None:
        """Read what comes next; begin anew at the stream's end when our place there is gone."""
        try:
            if self._end is not None:
                self._take(await self._stream.wait_after(self._end, _PIECE, _BLOCK))
                return
        except PositionLostError:
            self._window.clear()
        self._base = self._end = await self._stream.end()
        self._ring()

    def _take(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if len(self._window) == self._window.maxlen:
                self._base = self._window[0].position
            self._window.append(entry)
            self._end = entry.position
        if entries:
            self._ring()

    def _ring(self) -> None:
        """Wake everybody who waits."""
        self._bell.set()
        self._bell = asyncio.Event()

    async def _find(self, position: Position) -> list[Entry]:
        """Return what follows a position now, from the window if that reaches back to it."""
        if self._base and self._end and self._base <= position <= self._end:
            return self._in_window(position)
        try:
            return await self._stream.after(position, _PIECE)
        except STREAM_DOWN:
            return []

    def _in_window(self, position: Position) -> list[Entry]:
        newer = takewhile(lambda entry: entry.position > position, reversed(self._window))
        return list(newer)[::-1][:_PIECE]
