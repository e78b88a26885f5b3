"""Pause a connection while WhatsApp has banned its account for a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from loguru import logger

from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.page.snapshot import Ban
from sessions.connections.leases import Lease
from sessions.connections.states import Reason
from sessions.connections.store import ConnectionStore

_SAME = timedelta(seconds=10)
"""At each login WhatsApp tells the page how long the ban still lasts, in whole seconds."""


class BanKeeper:
    """Store the end of a ban in the connection's record, so that the next worker knows it."""

    def __init__(
        self,
        connections: ConnectionStore,
        lease: Lease,
        now: Callable[[], datetime],
        metrics: WorkerMetrics,
    ) -> None:
        self._connections = connections
        self._metrics = metrics
        self._lease = lease
        self._now = now
        self._until: datetime | None = None

    async def keep(self, ban: Ban) -> datetime:
        """Pause the connection for the time of the ban; return when it ends.

        Raises STORE_DOWN errors and LeaseLostError.
        """
        until = ban.ends_at(self._now())
        if self._until is not None and abs(until - self._until) < _SAME:
            return self._until
        logger.warning("WhatsApp has banned the account until {} (code {})", until, ban.code)
        await self._connections.pause(self._lease, until, Reason.TEMPORARILY_BANNED)
        self._until = until
        self._metrics.account_banned()
        return until

    async def is_over(self) -> None:
        """End the pause, since WhatsApp has accepted the login, which it does only without a ban.

        Source: WAWebHandleSuccess, dump of 2026-04-27. Raises STORE_DOWN errors.
        """
        self._until = None
        if await self._connections.end_pause(self._lease, Reason.TEMPORARILY_BANNED):
            logger.info("WhatsApp has lifted the ban")
