"""Renew a lease, and give it up in time to close the page before another worker opens one."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from loguru import logger

from chatgrow_worker.waiting import happens, to_the_next
from sessions.common.errors import LeaseLostError
from sessions.connections.leases import Lease, LeaseStore, Renewal
from sessions.storage.mongo import STORE_DOWN


class LeaseKeeper:
    """Renew a lease three times within its life, and give up in time to close the page."""

    def __init__(
        self,
        leases: LeaseStore,
        lease: Lease,
        ttl: timedelta,
        margin: timedelta,
        asked_at: float,
    ) -> None:
        """Take when the lease was requested, on the monotonic clock, as the answer may be late."""
        self._leases = leases
        self._lease = lease
        self._every = ttl / 3
        self._safe_for = (ttl - margin).total_seconds()
        self._safe_until = asked_at + self._safe_for

    def check(self) -> None:
        """Raise LeaseLostError once another worker could take the connection soon.

        This is checked before each send, since the process may have been paused in between.
        """
        if time.monotonic() >= self._safe_until:
            raise LeaseLostError("it could not be renewed in time")

    async def keep(self, ending: asyncio.Event, done: asyncio.Event, asked: asyncio.Event) -> None:
        """Renew until `done` is set; set `ending` once the connection is to stop.

        `asked` is set while a command is pending.

        Raises LeaseLostError when another worker has the lease or could take it soon. The page
        must then be closed at once, whatever it is doing.
        """
        self.check()  # the answer to the first request may have come too late
        while not await happens(done, to_the_next(self._every)):
            asked_at = time.monotonic()
            renewal = await self._renew(self._safe_until - asked_at)
            if renewal is None:
                self.check()
                continue
            if renewal is Renewal.LOST:
                raise LeaseLostError("another worker has taken it")
            if renewal is Renewal.UNWANTED and not ending.is_set():
                logger.info("The connection is asked to stop")
                ending.set()
            if renewal is Renewal.COMMANDED:
                asked.set()
            self._safe_until = asked_at + self._safe_for

    async def _renew(self, seconds: float) -> Renewal | None:
        """Return the result of a renewal, or None when MongoDB did not answer."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                return await self._leases.renew(self._lease)
        except (*STORE_DOWN, TimeoutError):
            return None
