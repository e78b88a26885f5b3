"""MongoDB's clock, as far as a process can tell it: hosts need not agree about the time."""

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
"""What both clocks are rounded to."""
_WORTH_TELLING = timedelta(seconds=3)


class ServerClock:
    """Our own clock, set by its distance to MongoDB's.

    Times in MongoDB are by its own clock (`$$NOW`); what is compared with them goes by this one.
    """

    def __init__(self, database: Database, own: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._own = own
        self._distance = timedelta(0)
        self._told = False

    def __call__(self) -> datetime:
        """Return now in UTC, to the millisecond."""
        return self._own() + self._distance

    async def measure(self) -> None:
        """Ask MongoDB for its time; raise STORE_DOWN errors.

        It was read at some moment of the round trip. A distance that this allows is kept, so that
        a slow answer never makes the clock worse.
        """
        before = self._own()
        there = await server_time(self._database)
        after = self._own()
        least, most = there - after - _TICK, there - before + _TICK
        if not least <= self._distance <= most:
            self._distance = (least + most) / 2 // _TICK * _TICK
        self._tell()

    def _tell(self) -> None:
        """Log once that the clock is wrong."""
        wrong = abs(self._distance) >= _WORTH_TELLING
        if wrong and not self._told:
            logger.warning(
                "The clock of this host is {:.1f} s {} MongoDB's, which is gone by: set them right",
                abs(self._distance).total_seconds(),
                "behind" if self._distance > timedelta(0) else "ahead of",
            )
        self._told = wrong

    async def keep(self) -> None:
        """Measure again and again: clocks drift, and are set."""
        while True:
            await asyncio.sleep(_EVERY.total_seconds())
            try:
                await self.measure()
            except STORE_DOWN as error:
                logger.debug("MongoDB does not tell its time: {}", brief(error))


@asynccontextmanager
async def server_clock(database: Database) -> AsyncIterator[ServerClock]:
    """Yield a clock that is right from the start, and is kept so inside the block."""
    clock = ServerClock(database)
    await clock.measure()
    task = asyncio.create_task(clock.keep(), name="server clock")
    try:
        yield clock
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
