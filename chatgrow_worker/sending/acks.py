"""Record acks from the page in the outbox, including those that were missed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from loguru import logger

from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.snapshot import AckUpdate, LookUp
from sessions.connections.leases import Lease
from sessions.messages.model import Ack, Message
from sessions.messages.send_queue import SendQueue

_MISSED_AT_MOST = 200
_ASK_EVERY = timedelta(seconds=5)
_ROUNDS = 5
"""A page may answer with an error for a while, or always for a chat that no longer exists."""


class AckingPage(Protocol):
    """What the recorder needs of a page; `WhatsAppPage` is the real one."""

    async def look_up(self, key: str, chat_id: str) -> LookUp:
        """Look a message up by its key."""


class AckRecorder:
    """Record one page's acks; a reloaded page numbers them from the start."""

    def __init__(
        self,
        page: AckingPage,
        queue: SendQueue,
        lease: Lease,
        metrics: WorkerMetrics,
        ask_every: timedelta = _ASK_EVERY,
        heard_late: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what to call when a message that became unknown is acknowledged late."""
        self._page = page
        self._queue = queue
        self._lease = lease
        self._metrics = metrics
        self._missed: Sequence[Message] = ()
        self._ask_every = ask_every
        self._heard_late = heard_late
        self._rounds = 0
        self._asked = 0.0
        self.epoch = ""
        self.serial = 0

    async def record_new(self, epoch: str, updates: Sequence[AckUpdate]) -> None:
        """Record acks of the page's load `epoch`, and advance `serial` to the last one recorded."""
        if epoch != self.epoch:
            self.epoch, self.serial = epoch, 0
        await self._record({update.key: update.ack for update in updates})
        self.serial = max([self.serial, *(update.serial for update in updates)])

    async def record_missed(self) -> None:
        """Look up the messages whose acks may have come while no page was open."""
        self._missed = await self._queue.unsettled(self._lease, _MISSED_AT_MOST)
        self._rounds = _ROUNDS
        await self._ask()

    async def ask_again(self) -> None:
        """Look up again, when it is time, the messages whose first look-up failed."""
        if self._missed and time.monotonic() - self._asked >= self._ask_every.total_seconds():
            await self._ask()

    async def _ask(self) -> None:
        found: dict[str, int] = {}
        untold = []
        for message in self._missed:
            try:
                found |= await self._ack_of(message)
            except PageCallError as error:
                logger.debug("Cannot look up {}: {}", message.id, error)
                untold.append(message)
        await self._record(found)
        self._rounds -= 1
        self._missed = untold if self._rounds else ()
        self._asked = time.monotonic()

    async def _ack_of(self, message: Message) -> Mapping[str, int]:
        """Return a message's ack by its key; empty if the page does not have the message."""
        if message.whatsapp_id is None:
            return {}
        known = await self._page.look_up(message.whatsapp_id, message.chat)
        return {message.whatsapp_id: known.ack} if known.found else {}

    async def _record(self, found: Mapping[str, int]) -> None:
        acks = {key: Ack(ack) for key, ack in found.items() if Ack.SERVER <= ack <= Ack.PLAYED}
        for moved in await self._queue.record_acks(self._lease, acks):
            self._metrics.acked(moved)
            if moved.unknown_at is not None:
                self._heard_late()
            logger.bind(messageId=moved.id).info("Message {}", moved.status)
