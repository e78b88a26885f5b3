"""What becomes of a claimed message: it ends, or goes back to the queue."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from loguru import logger

from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.page.refusals import Refusal, Then
from chatgrow_worker.sending.claimer import MessageClaimer
from chatgrow_worker.sending.known_chats import KnownChats
from chatgrow_worker.sending.limits import SendLimits
from chatgrow_worker.sending.recipient_check import Denial, RecipientCheck
from chatgrow_worker.sending.stall_detector import StallDetector
from sessions.connections.leases import Lease
from sessions.messages.model import CHECKING_NUMBER, Message, MessageStatus
from sessions.messages.paced_sends import PacedSends
from sessions.messages.send_queue import SendQueue


@dataclass
class SendResults:
    """Record what becomes of the messages of one page, with the pauses that follow from it."""

    queue: SendQueue
    lease: Lease
    limits: SendLimits
    sends: PacedSends
    claimer: MessageClaimer
    known_chats: KnownChats
    recipients: RecipientCheck
    stalls: StallDetector
    metrics: WorkerMetrics
    returned: bool = field(default=False, init=False)
    """Whether the message in hand went back to the queue."""
    held_back: timedelta | None = field(default=None, init=False)
    """How long to wait before the next try of a message that went back to its place."""

    async def end(
        self,
        message: Message,
        status: MessageStatus,
        reason: str | None = None,
        *,
        counts: bool = False,
    ) -> None:
        """End a message; `counts` has it count for the pace although it was not sent."""
        settled = await self.queue.settle(self.lease, message, status, reason, counts)
        if settled is None:
            self._note_end(message, MessageStatus.SENT)
        else:
            self.sends.note(settled)
            self._note_end(settled, status, reason)

    async def put_off(
        self,
        message: Message,
        until: datetime,
        reason: str | None,
        *,
        counts: bool,
        tried: bool = True,
    ) -> None:
        """Return a message to its place, and let others pass it until a time.

        Without `tried`, this does not count as a try.
        """
        self.returned = True
        self.stalls.left()
        self.known_chats.forget(message.to)
        put_off = await self.queue.put_off(
            self.lease, message, until, reason, counts=counts, uncounted=not tried
        )
        if put_off is not None:
            self.sends.note(put_off)

    async def put_in_place(
        self, message: Message, reason: str | None = None, *, uncounted: bool = False
    ) -> None:
        """Return a message to its place in the queue."""
        self.returned = True
        self.stalls.left()
        await self.queue.put_back(self.lease, message, reason, uncounted=uncounted)

    async def put_back(self, message: Message, reason: str, *, uncounted: bool = False) -> None:
        """Return an unsent message to its place in the queue, or fail it after its last try."""
        if message.attempts >= self.limits.tries and not uncounted:
            await self.end(message, MessageStatus.FAILED, reason)
            return
        await self.put_in_place(message, "page_error", uncounted=uncounted)
        self.held_back = self._wait_after(message)

    async def give_up(self, message: Message) -> None:
        """End a message that ends every page or line: unknown if it has an id, failed if not."""
        begun = message.whatsapp_id is not None
        status = MessageStatus.UNKNOWN if begun else MessageStatus.FAILED
        await self.end(message, status, "page_error")

    async def refuse(self, message: Message, refusal: Refusal) -> None:
        """Handle a refusal of a message that was not sent: pause, put off, retry or fail."""
        tried = message.attempts >= self.limits.tries
        if refusal.then is Then.NO_ACCOUNT and message.whatsapp_id is None and not tried:
            await self.deny(message, await self.recipients.deny(message.to))
            return
        if refusal.then is Then.PAUSE:
            logger.warning("WhatsApp refuses for now ({}): the connection pauses", refusal.waits)
            await self.claimer.pause(refusal.waits)
        if refusal.then is Then.FAIL or tried:
            await self.end(message, MessageStatus.FAILED, refusal.ends)
        elif refusal.then is Then.STEP_ASIDE:
            due = (message.sending_at or message.queued_at) + self._wait_after(message)
            await self.put_off(message, due, refusal.waits, counts=False)
        else:
            await self.put_in_place(message, refusal.waits)
            if refusal.then is not Then.PAUSE:
                self.held_back = self._wait_after(message)

    async def deny(self, message: Message, denial: Denial) -> None:
        """Put the message off until WhatsApp is asked again, or fail it if the denial is final."""
        if denial.until is None:
            failed = MessageStatus.FAILED
            await self.end(message, failed, "not_on_whatsapp", counts=denial.asked)
        else:
            await self.put_off(message, denial.until, CHECKING_NUMBER, counts=denial.asked)

    def _note_end(self, message: Message, status: MessageStatus, reason: str | None = None) -> None:
        """Count and log a result that is recorded."""
        if status not in (MessageStatus.EXPIRED, MessageStatus.CANCELLED):
            self.stalls.ended(acknowledged=status is not MessageStatus.UNKNOWN)
        self.metrics.send_ended(message, status, reason)
        suffix = f" ({reason})" if reason else ""
        logger.info("Message {}{}", status, suffix)

    def _wait_after(self, message: Message) -> timedelta:
        """Return how long to wait before another try: longer after each one."""
        longest = self.limits.outcome_poll * (1 << min(message.attempts - 1, 6))
        return longest * random.uniform(0.5, 1)  # noqa: S311  guards no secret
