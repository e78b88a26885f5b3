"""Let the next message through when it is due, in order, and at a pace that does no harm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from chatgrow_worker.connections.pacer import Pacer, Pause
from sessions.connections import ConnectionStore
from sessions.leases import Lease
from sessions.pacing import Pacing
from sessions.send_queue import SendQueue

_WORTH_TELLING = timedelta(seconds=5)
_A_KEY = timedelta(milliseconds=50)
_LONGEST_TYPING = timedelta(seconds=6)
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
        ban_pause: timedelta,
    ) -> None:
        self._queue = queue
        self._connections = connections
        self._pacer = pacer
        self._lease = lease
        self._now = now
        self._look_every = look_every
        self._ban_pause = ban_pause
        self._pacing = Pacing()
        self._published: Pause | None = None

    def typing_for(self, text: str) -> timedelta:
        """Return how long somebody would seem to type this, by the limits read last."""
        if not (self._pacing.enabled and self._pacing.typing):
            return timedelta(0)
        return min(len(text) * _A_KEY, _LONGEST_TYPING)

    async def pause(self, reason: str) -> None:
        """Let nothing out of the whole connection for a while; it is kept across restarts."""
        until = self._now() + self._ban_pause
        await self._connections.pause(self._lease, until, reason)

    async def wait_for_next(self) -> timedelta | None:
        """Return how long to wait, or None when a message may be claimed now."""
        await self._queue.expire(self._lease)
        first = await self._queue.first_due(self._lease)
        if first is None:
            await self._publish(None)
            return await self._until_due()
        pacing, paused = await self._connections.pace_of(self._lease.connection)
        self._pacing = pacing
        pause = await self._pacer.pause(pacing)
        if paused is not None and paused.until > self._now():
            pause = Pause(paused.until, paused.reason)
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
