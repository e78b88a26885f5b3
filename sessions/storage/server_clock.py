"""Follow MongoDB's clock: the clocks of our hosts may differ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from loguru import logger

from sessions.common.clock import utc_now
from sessions.storage.mongo import STORE_DOWN, brief, server_time

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

_EVERY = timedelta(seconds=15)
_TICK = timedelta(milliseconds=1)
"""Both clocks are rounded to this."""
_WARN_FROM = timedelta(seconds=3)


class ServerClock:
    """Our own clock, corrected by its offset from MongoDB's.

    Times in MongoDB are set by its own clock (`$$NOW`). Compare them only with this clock.
    """

    def __init__(self, database: Database, own: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._own = own
        self._offset = timedelta(0)
        self._warned = False

    def __call__(self) -> datetime:
        """Return now in UTC, to the millisecond."""
        return self._own() + self._offset

    async def measure(self) -> None:
        """Ask MongoDB for its time; raise STORE_DOWN errors.

        The time was read at some moment of the round trip, so it allows a range of offsets. An
        offset in that range is kept: a slow answer never makes the clock worse.
        """
        before = self._own()
        server = await server_time(self._database)
        after = self._own()
        least, most = server - after - _TICK, server - before + _TICK
        if not least <= self._offset <= most:
            self._offset = (least + most) / 2 // _TICK * _TICK
        self._warn()

    def _warn(self) -> None:
        """Log once that the clock of this host is wrong."""
        wrong = abs(self._offset) >= _WARN_FROM
        if wrong and not self._warned:
            logger.warning(
                "The clock of this host is {:.1f} s {} MongoDB's, which counts: correct the clocks",
                abs(self._offset).total_seconds(),
                "behind" if self._offset > timedelta(0) else "ahead of",
            )
        self._warned = wrong

    async def keep(self) -> None:
        """Measure regularly: clocks drift, and get corrected."""
        while True:
            await asyncio.sleep(_EVERY.total_seconds())
            try:
                await self.measure()
            except STORE_DOWN as error:
                logger.debug("MongoDB does not answer with its time: {}", brief(error))


@asynccontextmanager
async def server_clock(database: Database) -> AsyncIterator[ServerClock]:
    """Yield a clock that follows MongoDB's inside the block."""
    clock = ServerClock(database)
    await clock.measure()
    task = asyncio.create_task(clock.keep(), name="server clock")
    try:
        yield clock
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
