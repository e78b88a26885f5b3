"""Let the next message through when it is due, in order, and at a pace that does no harm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from chatgrow_worker.sending.pacer import Pacer, Pause
from chatgrow_worker.waiting import to_the_next
from sessions.connections.leases import Lease
from sessions.connections.pacing import Pacing
from sessions.connections.store import ConnectionStore
from sessions.messages.model import Message
from sessions.messages.send_queue import SendQueue

_WORTH_TELLING = timedelta(seconds=5)
_A_KEY = timedelta(milliseconds=50)
_LONGEST_TYPING = timedelta(seconds=6)
_MOMENT = timedelta(milliseconds=5)


class MessageClaimer:
    """Claims the next message at its time, and tells those who wait why."""

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
        self._swept: datetime | None = None
        self._limits_read = False

    def typing_for(self, text: str) -> timedelta:
        """Return how long somebody would seem to type this, by the limits read last."""
        if not (self._pacing.enabled and self._pacing.typing):
            return timedelta(0)
        return min(len(text) * _A_KEY, _LONGEST_TYPING)

    async def pause(self, reason: str) -> None:
        """Let nothing out of the whole connection for a while; it is kept across restarts."""
        until = self._now() + self._ban_pause
        await self._connections.pause(self._lease, until, reason)

    async def opens_chat(self, to: str, chat_id: str) -> bool:
        """Tell whether a message that was let through is the first to its chat."""
        return await self._pacer.opens_chat(to, chat_id)

    async def pause_for_chat(self, to: str, chat_id: str) -> Pause | None:
        """Return what holds a message that was let through, now that its chat is known."""
        return await self._pacer.pause_for_chat(to, chat_id, self._pacing)

    async def next(self) -> Message | timedelta:
        """Claim the message whose turn it is, or return how long to wait before asking again."""
        if self._limits_read:
            # A pause that is over soon, as that after each message, is waited out unasked.
            pause = await self._pacer.pause(self._pacing)
            if pause is not None and not self._is_worth_telling(pause):
                return self._until(pause.until)
        if not await self._queue.has_any(self._lease):
            await self._publish(None)
            return to_the_next(self._look_every)
        await self._expire_now_and_then()
        pause = await self._pause()
        if pause is not None:
            return await self._wait_out(pause)
        await self._publish(None)
        if await self._pacer.allowance(self._pacing) and await self._stranger_waits():
            return _MOMENT
        message = await self._queue.claim_next(self._lease)
        return await self._rest() if message is None else message

    async def _wait_out(self, pause: Pause) -> timedelta:
        """Tell of a pause that is worth it, if anything is due that it holds."""
        if self._is_worth_telling(pause) and await self._queue.first_due(self._lease) is None:
            return await self._rest()
        await self._publish(pause)
        return self._until(pause.until)

    async def _stranger_waits(self) -> bool:
        """Let others pass the message whose turn it is, if it would open a chat too many."""
        first = await self._queue.first_due(self._lease)
        if first is None:
            return False
        own = await self._pacer.pause_for(first, self._pacing)
        if own is None:
            return False
        await self._queue.postpone(self._lease, first, own.until, own.reason)
        return True

    async def _pause(self) -> Pause | None:
        """Return what holds the whole connection, by its limits as they are now."""
        self._pacing, paused = await self._connections.pace_of(self._lease.connection)
        self._limits_read = True
        if paused is not None and paused.until > self._now():
            return Pause(paused.until, paused.reason)
        return await self._pacer.pause(self._pacing)

    async def _expire_now_and_then(self) -> None:
        """Record what has expired: it is never claimed, so nothing but its status waits for it."""
        now = self._now()
        if self._swept is None or now - self._swept >= self._look_every:
            await self._queue.expire(self._lease)
            self._swept = now

    async def _rest(self) -> timedelta:
        """Say that nothing is held, and wait for what is due next."""
        await self._publish(None)
        return await self._until_due()

    async def _until_due(self) -> timedelta:
        due_at = await self._queue.next_due_at(self._lease)
        if due_at is None:
            return to_the_next(self._look_every)
        if due_at <= self._now():
            self._swept = None  # due, but not claimed: it has expired since the last sweep
        return self._until(due_at)

    def _until(self, moment: datetime) -> timedelta:
        """Wait no longer than a look at the queue: what is urgent may come meanwhile."""
        return min(max(moment - self._now(), _MOMENT), self._look_every)

    def _is_worth_telling(self, pause: Pause) -> bool:
        return pause.until - self._now() >= _WORTH_TELLING

    async def _publish(self, pause: Pause | None) -> None:
        if pause is not None and not self._is_worth_telling(pause):
            pause = None
        if pause == self._published:
            return
        until, reason = (pause.until, pause.reason) if pause else (None, None)
        await self._connections.hold(self._lease, until, reason)
        self._published = pause
