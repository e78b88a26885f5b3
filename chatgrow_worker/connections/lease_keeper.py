"""Keep a lease, and know when it may be lost: the page must be closed before another opens it."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from loguru import logger

from chatgrow_worker.connections.waiting import happens
from sessions.leases import Lease, LeaseStore
from sessions.mongo import STORE_DOWN


class LeaseKeeper:
    """Renews a lease three times within its life and gives up in time to close the page."""

    def __init__(self, leases: LeaseStore, lease: Lease, ttl: timedelta, margin: timedelta) -> None:
        self._leases = leases
        self._lease = lease
        self._every = ttl / 3
        self._safe_for = ttl - margin

    async def keep(self, ending: asyncio.Event) -> None:
        """Renew until `ending` is set; set it when the lease is lost or no longer wanted."""
        safe_until = time.monotonic() + self._safe_for.total_seconds()
        while not await happens(ending, self._every):
            asked_at = time.monotonic()
            renewed = await self._renew(timedelta(seconds=max(0.0, safe_until - asked_at)))
            if renewed is None and time.monotonic() < safe_until:
                continue
            if not renewed:
                logger.warning("The lease is lost or unwanted; closing the connection's page")
                ending.set()
            safe_until = asked_at + self._safe_for.total_seconds()

    async def _renew(self, within: timedelta) -> bool | None:
        """Return what the store said, or None when it did not answer."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await self._leases.renew(self._lease)
        except (*STORE_DOWN, TimeoutError):
            return None
