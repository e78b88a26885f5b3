"""Record what one page receives: what it tells at each look, and what a sweep finds."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from loguru import logger

from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.heard import HeardBatch
from chatgrow_worker.receiving.reading import sighting_of
from chatgrow_worker.receiving.sweep import Sweep, SweepLimits, SweptPage
from sessions.connections.leases import Lease
from sessions.conversations.inbox import Inbox, Recorded
from sessions.conversations.marks import Marks
from sessions.conversations.model import ReceivedType
from sessions.conversations.seen import Sighting

_AT_ONCE = timedelta(milliseconds=300)
"""How long one look may sweep, so that acks and states are not delayed."""
_SWEEP_AGAIN = timedelta(minutes=5)
"""When a sweep is repeated that the page refused, or that imports history."""
_MARK_EVERY = timedelta(minutes=5)
"""The mark is moved by live messages only this often, since a sweep overlaps by more."""
_MOST_WAITING = 200


@dataclass(frozen=True)
class ReceivingLimits:
    """How far back sweeps go, and when a message without content is told of as such."""

    sweeps: SweepLimits
    content_within: timedelta = timedelta(hours=1)


class Receiver:
    """Record one page's messages; a reloaded page numbers its items from the start.

    A sweep runs at the first look, and after each time without a line. What the page tells during
    a sweep waits until its end, so that messages are recorded in their order.
    """

    def __init__(
        self,
        page: SweptPage,
        inbox: Inbox,
        marks: Marks,
        lease: Lease,
        limits: ReceivingLimits,
        now: Callable[[], datetime],
        on_recorded: Callable[[Recorded], None] = lambda _: None,
    ) -> None:
        """Take what to call with each recorded message, such as to fetch its file."""
        self._page = page
        self._inbox = inbox
        self._marks = marks
        self._lease = lease
        self._limits = limits
        self._now = now
        self._on_recorded = on_recorded
        self._epoch, self._serial = "", 0
        self._sweeping = self._new_sweep()
        self._steps: AsyncIterator[None] | None = None
        self._must_sweep = True
        self._sweep_at = 0.0
        self._missed = False
        self._waiting: dict[str, float] = {}
        self._marked: datetime | None = None

    @property
    def heard(self) -> tuple[str, int] | None:
        """The load of the page, and its last item that is recorded; None to be told of none."""
        return None if self._is_sweeping() else (self._epoch, self._serial)

    @property
    def due(self) -> float | None:
        """When there is something to do although nothing comes, on the monotonic clock."""
        times = [*self._waiting.values(), *([self._sweep_at] if self._must_sweep else [])]
        return min(times, default=None)

    def away(self) -> None:
        """Note that the page may miss messages: it has no line, or is not ready."""
        self._must_sweep, self._steps = True, None
        self._sweep_at = 0.0

    async def receive(self, epoch: str, batch: HeardBatch) -> bool:
        """Record what came, or sweep for a moment; tell whether there is more to do at once.

        Raises LeaseLostError, PageBrokenError and STORE_DOWN errors; what was not recorded is told
        again.
        """
        if epoch != self._epoch:
            self._epoch, self._serial = epoch, 0
            self.away()
        self._missed = self._missed or batch.missed
        if self._is_sweeping():
            return await self._sweep()
        await self._record_new(batch)
        if self._missed and not batch.more:
            # The page had no room for some items. They are in its table.
            self._missed = False
            self.away()
            return True
        if self._waiting and time.monotonic() >= min(self._waiting.values()):
            await self._end_waiting()
        return batch.more

    def _is_sweeping(self) -> bool:
        return self._must_sweep and time.monotonic() >= self._sweep_at

    async def _record_new(self, batch: HeardBatch) -> None:
        if not batch.items:
            return
        sighting = sighting_of(batch.items)
        await self._record(sighting)
        self._serial = max(batch.serial, self._serial)
        if not self._must_sweep and sighting.arrivals:
            await self._move_mark(max(each.at for each in sighting.arrivals))

    async def _move_mark(self, through: datetime) -> None:
        if self._marked is None or through - self._marked >= _MARK_EVERY:
            await self._marks.move(self._lease, through, settled=True)
            self._marked = through

    async def _sweep(self) -> bool:
        """Sweep for a moment; always tell that there is more, since items may wait."""
        if self._steps is None:
            self._sweeping = self._new_sweep()
            self._steps = self._sweeping.steps()
        steps, self._steps = self._steps, None  # after an error, a new sweep begins
        end = time.monotonic() + _AT_ONCE.total_seconds()
        try:
            async for _ in steps:
                if time.monotonic() >= end:
                    self._steps = steps
                    return True
            self._must_sweep = self._sweeping.imports
        except PageCallError as error:
            logger.warning("Cannot sweep for received messages now: {}", error)
        self._sweep_at = time.monotonic() + _SWEEP_AGAIN.total_seconds()
        return True

    def _new_sweep(self) -> Sweep:
        return Sweep(
            self._page,
            self._record,
            self._keys_waiting,
            self._marks,
            self._lease,
            self._limits.sweeps,
        )

    async def _record(self, sighting: Sighting) -> Recorded:
        recorded = await self._inbox.record(self._lease, sighting)
        within = self._limits.content_within.total_seconds()
        for message in recorded.new:
            if message.type is ReceivedType.CIPHERTEXT:
                self._waiting[message.whatsapp_key] = time.monotonic() + within
        for message in recorded.changed:
            self._waiting.pop(message.whatsapp_key, None)
        self._on_recorded(recorded)
        return recorded

    async def _keys_waiting(self) -> Sequence[str]:
        """Return the keys of messages without content, and wait for it."""
        found = await self._inbox.waiting(self._lease, _MOST_WAITING)
        now, clock, within = self._now(), time.monotonic(), self._limits.content_within
        for each in found:
            left = within - (now - each.recorded_at)
            due = clock + max(left, timedelta(0)).total_seconds()
            self._waiting.setdefault(each.whatsapp_key, due)
        return [each.whatsapp_key for each in found]

    async def _end_waiting(self) -> None:
        """Look once more for the content of messages, and tell of those that have none."""
        now = time.monotonic()
        over = [key for key, due in self._waiting.items() if due <= now]
        try:
            found = await self._page.received_of(over)
            await self._record(sighting_of(found))
        except PageCallError as error:
            logger.debug("Cannot look for the content of messages: {}", error)
        await self._inbox.tell_of_waiting(self._lease, self._now() - self._limits.content_within)
        for key in over:
            self._waiting.pop(key, None)
