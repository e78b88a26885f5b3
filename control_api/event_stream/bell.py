"""Wait for events of certain types, and for a while at most."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import timedelta

from control_api.event_stream.feed import EventFeed
from sessions.common.errors import StoreUnavailableError
from sessions.events.log import GAP
from sessions.events.stream import Position, PositionLostError


class Bell:
    """Tell when there may be something to do, since an event of one of these types came.

    Events can be lost, so it also rings by itself after `at_least_every`.
    """

    def __init__(self, feed: EventFeed, types: Collection[str], at_least_every: timedelta) -> None:
        self._feed = feed
        self._types = {*types, GAP.type}
        self._every = at_least_every
        self._heard: Position | None = None

    async def wait(self) -> None:
        """Return when it rings. What comes between two calls makes the second one return at once.

        The feed has to be followed meanwhile.
        """
        try:
            await self._listen()
        except PositionLostError:
            self._heard = None
        except StoreUnavailableError:
            await asyncio.sleep(self._every.total_seconds())

    async def _listen(self) -> None:
        if self._heard is None:
            # What came earlier was heard by nobody: the caller looks once more.
            self._heard = await self._feed.end()
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + self._every.total_seconds()
        while (left := until - loop.time()) > 0:
            if self._feed.closed:
                await asyncio.sleep(left)
                return
            entries = await self._feed.after(self._heard, timedelta(seconds=left))
            if entries:
                self._heard = entries[-1].position
            if any(each.event.type in self._types for each in entries):
                return
