"""Let the next message through when it is due, in order, and at a pace that does no harm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from chatgrow_worker.connections.pacer import Pacer, Pause
from sessions.connections import ConnectionStore
from sessions.leases import Lease
from sessions.send_queue import SendQueue

_WORTH_TELLING = timedelta(seconds=5)
_MOMENT = timedelta(milliseconds=5)


class Turnstile:
    """Says how long to wait before the next claim, and tells those who wait why."""

    def __init__(
        self,
        queue: SendQueue,
        connections: ConnectionStore,
        pacer: Pacer,
        lease: Lease,
        now: Callable[[], datetime],
        look_every: timedelta,
    ) -> None:
        self._queue = queue
        self._connections = connections
        self._pacer = pacer
        self._lease = lease
        self._now = now
        self._look_every = look_every
        self._published: Pause | None = None

    async def wait_for_next(self) -> timedelta | None:
        """Return how long to wait, or None when a message may be claimed now."""
        await self._queue.expire(self._lease)
        first = await self._queue.first_due(self._lease)
        if first is None:
            await self._publish(None)
            return await self._until_due()
        pacing = await self._connections.pacing_of(self._lease.connection)
        pause = await self._pacer.pause(pacing)
        await self._publish(pause)
        if pause is not None:
            return self._until(pause.until)
        own = await self._pacer.pause_for(first, pacing)
        if own is not None:
            await self._queue.postpone(self._lease, first, own.until, own.reason)
            return _MOMENT
        return None

    async def _until_due(self) -> timedelta:
        due_at = await self._queue.next_due_at(self._lease)
        return self._look_every if due_at is None else self._until(due_at)

    def _until(self, moment: datetime) -> timedelta:
        """Wait no longer than a look at the queue: what is urgent may come meanwhile."""
        return min(max(moment - self._now(), _MOMENT), self._look_every)

    async def _publish(self, pause: Pause | None) -> None:
        if pause is not None and pause.until - self._now() < _WORTH_TELLING:
            pause = None
        if pause == self._published:
            return
        until, reason = (pause.until, pause.reason) if pause else (None, None)
        await self._connections.hold(self._lease, until, reason)
        self._published = pause
