"""Claim the next message when it is due, in order and at the connection's pace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from chatgrow_worker.sending.pacer import Pacer, Pause
from chatgrow_worker.waiting import to_the_next
from sessions.connections.leases import Lease
from sessions.connections.pacing import Pacing
from sessions.connections.store import ConnectionStore
from sessions.messages.content import ACTIONS
from sessions.messages.model import Message
from sessions.messages.send_queue import SendQueue

_WORTH_PUBLISHING = timedelta(seconds=5)
_A_KEY = timedelta(milliseconds=50)
_LONGEST_TYPING = timedelta(seconds=6)
_MOMENT = timedelta(milliseconds=5)


class MessageClaimer:
    """Claim the next message when it may go, and publish why messages wait."""

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
        """Return how long to show "typing" for a text, by the limits read last."""
        if not (self._pacing.enabled and self._pacing.typing):
            return timedelta(0)
        return min(len(text) * _A_KEY, _LONGEST_TYPING)

    async def pause(self, reason: str) -> None:
        """Pause all sending of the connection for a while; the pause survives a restart."""
        until = self._now() + self._ban_pause
        await self._connections.pause(self._lease, until, reason)

    async def opens_chat(self, to: str, chat_id: str) -> bool:
        """Tell whether a claimed message is the first to its chat."""
        return await self._pacer.opens_chat(to, chat_id)

    async def pause_for_chat(self, to: str, chat_id: str) -> Pause | None:
        """Return what holds a claimed message back, now that its chat is known."""
        return await self._pacer.pause_for_chat(to, chat_id, self._pacing)

    async def next(self) -> Message | timedelta:
        """Claim the message whose turn it is, or return how long to wait before asking again."""
        if self._limits_read:
            # A short pause, as after each message, is waited out without asking MongoDB.
            pause = await self._pacer.pause(self._pacing)
            if pause is not None and not self._is_worth_publishing(pause):
                return self._until(pause.until)
        if not await self._queue.has_any(self._lease):
            await self._publish(None)
            return to_the_next(self._look_every)
        await self._expire_now_and_then()
        pause = await self._pause()
        if pause is not None:
            return await self._wait_out(pause)
        await self._publish(None)
        if await self._pacer.allowance(self._pacing) and await self._hold_new_chat():
            return _MOMENT
        message = await self._queue.claim_next(self._lease)
        return await self._rest() if message is None else message

    async def _wait_out(self, pause: Pause) -> timedelta:
        """Return how long to wait for a pause, and publish it if it holds a due message back."""
        if self._is_worth_publishing(pause) and await self._queue.first_due(self._lease) is None:
            return await self._rest()
        await self._publish(pause)
        return self._until(pause.until)

    async def _hold_new_chat(self) -> bool:
        """Hold the next message back if it would open one chat too many; tell whether it did."""
        first = await self._queue.first_due(self._lease)
        if first is None or first.kind in ACTIONS:
            return False  # what changes a message opens no chat
        own = await self._pacer.pause_for(first, self._pacing)
        if own is None:
            return False
        await self._queue.postpone(self._lease, first, own.until, own.reason)
        return True

    async def _pause(self) -> Pause | None:
        """Read the connection's limits, and return what holds all its messages back."""
        self._pacing, paused = await self._connections.pace_of(self._lease.connection)
        self._limits_read = True
        if paused is not None and paused.until > self._now():
            return Pause(paused.until, paused.reason)
        return await self._pacer.pause(self._pacing)

    async def _expire_now_and_then(self) -> None:
        """Expire overdue messages now and then; they are never claimed, so this can be late."""
        now = self._now()
        if self._swept is None or now - self._swept >= self._look_every:
            await self._queue.expire(self._lease)
            self._swept = now

    async def _rest(self) -> timedelta:
        """Publish that nothing is held back, and return how long until a message is due."""
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
        """Return the time until a moment, at most `look_every`: new messages may come before."""
        return min(max(moment - self._now(), _MOMENT), self._look_every)

    def _is_worth_publishing(self, pause: Pause) -> bool:
        return pause.until - self._now() >= _WORTH_PUBLISHING

    async def _publish(self, pause: Pause | None) -> None:
        if pause is not None and not self._is_worth_publishing(pause):
            pause = None
        if pause == self._published:
            return
        until, reason = (pause.until, pause.reason) if pause else (None, None)
        await self._connections.hold(self._lease, until, reason)
        self._published = pause
