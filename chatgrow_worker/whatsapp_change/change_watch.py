"""Tell the connections of a worker whether the fleet waits for WhatsApp Web, with one query."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from loguru import logger

from chatgrow_worker.waiting import happens
from sessions.storage.mongo import STORE_DOWN, brief
from sessions.whatsapp.breaker import Breaker, BreakerState, WhatsAppBreaker

_FRESH_FOR = timedelta(seconds=2)


class ChangeWatch:
    """Cache the breaker. While MongoDB is away it stays as it was read last."""

    def __init__(self, store: WhatsAppBreaker, fresh_for: timedelta = _FRESH_FOR) -> None:
        self.store = store
        self._fresh_for = fresh_for
        self._seen = Breaker()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def current(self, *, anew: bool = False) -> Breaker:
        """Return the breaker as it was a moment ago, or as read last if MongoDB is away."""
        asked = time.monotonic()
        async with self._reading:
            least = asked if anew else asked - self._fresh_for.total_seconds()
            if self._read_at < least:
                try:
                    self._seen = await self.store.read()
                except STORE_DOWN as error:
                    logger.debug("The breaker cannot be read: {}", brief(error))
                self._read_at = time.monotonic()
            return self._seen

    async def follow(self, stop: asyncio.Event, on_change: Callable[[], None]) -> None:
        """Poll the breaker until `stop`, and call `on_change` for each change."""
        changed = (await self.current()).changed
        while not await happens(stop, self._fresh_for):
            breaker = await self.current(anew=True)
            if breaker.changed is not changed:
                changed = breaker.changed
                on_change()
            if breaker.state is not BreakerState.CLOSED and not breaker.changed:
                await self._expire()

    async def _expire(self) -> None:
        try:
            await self.store.expire()
        except STORE_DOWN as error:
            logger.debug("The breaker cannot be reset now: {}", brief(error))
