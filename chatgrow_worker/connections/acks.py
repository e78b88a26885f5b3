"""Bring acks from the page into the outbox, those that were missed too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from loguru import logger

from chatgrow_worker.metrics import WorkerMetrics
from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.snapshot import AckUpdate, LookUp
from sessions.leases import Lease
from sessions.messages import Ack
from sessions.send_queue import SendQueue

_MISSED_AT_MOST = 200


class AckingPage(Protocol):
    """What the recorder asks of a page; `WhatsAppPage` is the real one."""

    async def look_up(self, key: str, chat_id: str) -> LookUp:
        """Look a message up by its key."""


class AckRecorder:
    """Follows one page's acks; a reloaded page counts anew."""

    def __init__(
        self, page: AckingPage, queue: SendQueue, lease: Lease, metrics: WorkerMetrics
    ) -> None:
        self._page = page
        self._queue = queue
        self._lease = lease
        self._metrics = metrics
        self.epoch = ""
        self.serial = 0

    async def record_new(self, epoch: str, updates: Sequence[AckUpdate]) -> None:
        """Record acks of a page in this epoch; what is recorded moves `serial` on."""
        if epoch != self.epoch:
            self.epoch, self.serial = epoch, 0
        for update in updates:
            await self._record(update.key, update.ack)
            self.serial = max(self.serial, update.serial)

    async def record_missed(self) -> None:
        """Ask the page for the messages whose acks may have come while nobody listened."""
        for message in await self._queue.unsettled(self._lease, _MISSED_AT_MOST):
            if message.whatsapp_id is None:
                continue
            try:
                known = await self._page.look_up(message.whatsapp_id, message.to)
            except PageCallError as error:
                logger.debug("No look at {}: {}", message.id, error)
                continue
            if known.found:
                await self._record(message.whatsapp_id, known.ack)

    async def _record(self, key: str, ack: int) -> None:
        if Ack.SERVER <= ack <= Ack.PLAYED:
            moved = await self._queue.record_ack(self._lease, key, Ack(ack))
            if moved is not None:
                self._metrics.acked(moved)
                logger.bind(messageId=moved.id).info("Message {}", moved.status)
