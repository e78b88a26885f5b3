"""Send the queued messages of a connection: in order, each under one WhatsApp id."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from loguru import logger

from chatgrow_worker.page.errors import LineDeadError, PageCallError, PageNotLoadedError
from chatgrow_worker.sending.claimer import MessageClaimer
from chatgrow_worker.sending.delivery import Delivery
from chatgrow_worker.waiting import Backoff, any_of, happens
from sessions.connections.leases import Lease
from sessions.messages.model import TEXT_KEY_MISSING, Message
from sessions.messages.paced_sends import PacedSends
from sessions.messages.send_queue import SendQueue
from sessions.storage.mongo import STORE_DOWN, brief

_PAUSE = timedelta(seconds=1)
_PAUSE_AT_MOST = timedelta(seconds=2)
"""When the page cannot say what became of a message, it is asked SEND_TRIES times, and nothing is
sent meanwhile. Together these pauses are no longer than one call that hangs (PAGE_CALL_LIMIT)."""


class Dispatcher:
    """Claim and deliver messages until told to stop, after the current message."""

    def __init__(
        self,
        queue: SendQueue,
        lease: Lease,
        claimer: MessageClaimer,
        delivery: Delivery,
        sends: PacedSends,
    ) -> None:
        self._released = False
        self._queue = queue
        self._lease = lease
        self._claimer = claimer
        self._delivery = delivery
        self._sends = sends
        self._idle = False
        self.line_died = False
        """Whether messages stayed claimed because the page lost its line."""

    @property
    def stalled(self) -> bool:
        """Whether sends stay unacknowledged, although the page may say that it is connected."""
        return self._delivery.stalls.stalled

    @property
    def stalls_at(self) -> float | None:
        """When the current send counts as unacknowledged, on the monotonic clock."""
        return self._delivery.stalls.stalls_at

    def acknowledged(self) -> None:
        """Note that WhatsApp has acknowledged a message that had become unknown."""
        self._delivery.stalls.acknowledged()

    @property
    def idle(self) -> bool:
        """Whether no message is being sent and none is due."""
        return self._idle

    async def run(
        self, doorbell: asyncio.Event, stop: asyncio.Event, *, blamed: bool = True
    ) -> None:
        """Send until `stop` is set, starting with messages that were claimed before.

        `blamed` says that one of those may have ended the page. While the page has no line to
        WhatsApp, nothing is sent, and messages that may have been sent stay claimed. It also ends
        when so many sends have thrown in a row that nothing more is to be tried.

        Raises PageBrokenError when the page fails and LeaseLostError when another worker has the
        connection. A message that stays claimed after an error is looked up first next time.
        """
        backoff = Backoff(_PAUSE, _PAUSE_AT_MOST)
        while not self._ends(stop):
            try:
                if self.line_died and not await self._delivery.line_is_back(stop):
                    break
                await self._release()
                await self._resume(stop, blamed)
                self.line_died = False
                backoff.reset()
                await self._send_until(doorbell, stop)
            except STORE_DOWN as error:
                blamed = False
                logger.warning(
                    "MongoDB is away or refuses, nothing is sent meanwhile: {}", brief(error)
                )
                await happens(stop, _PAUSE)
            except LineDeadError:
                blamed, self.line_died = False, True
                self._delivery.stalls.left()
                await self._return_unsent()
            except PageCallError as error:
                blamed = not isinstance(error, PageNotLoadedError)
                logger.warning("The page could not tell about a send; asking again: {}", error)
                await happens(stop, backoff.next())

    async def _release(self) -> None:
        """Retry messages that wait for an encryption key, once: this worker may have it."""
        if not self._released:
            await self._queue.release(self._lease, TEXT_KEY_MISSING)
            self._released = True

    async def _resume(self, stop: asyncio.Event, blamed: bool) -> None:
        """Finish the messages that were claimed before; once one has to wait, the rest wait too.

        With `blamed`, this counts as one more page that ended with each of them.
        """
        waits = False
        held = await self._queue.left_over(self._lease)
        # Another worker may have sent until now, or a write of ours may have failed.
        self._sends.forget()
        for message in held:
            waits = waits or self._ends(stop)
            if waits and not await self._delivery.is_stored(message):
                await self._put_back(message)
            else:
                deliver = self._delivery.resume if blamed else self._delivery.deliver
                with logger.contextualize(messageId=message.id):
                    if not await deliver(message, stop):
                        waits = True

    async def _return_unsent(self) -> None:
        """Return messages without a WhatsApp id to the queue, where they can be cancelled."""
        try:
            held = await self._queue.left_over(self._lease)
            for each in held:
                if each.whatsapp_id is None:
                    await self._put_back(each)
        except STORE_DOWN as error:
            logger.warning("MongoDB is away or refuses, messages stay claimed: {}", brief(error))

    async def _put_back(self, message: Message) -> None:
        await self._queue.put_back(self._lease, message, message.reason, uncounted=True)

    async def _send_until(self, doorbell: asyncio.Event, stop: asyncio.Event) -> None:
        while not self._ends(stop):
            if self.stalled:  # nothing more is sent until WhatsApp acknowledges again
                await happens(stop, _PAUSE)
                continue
            doorbell.clear()
            following = await self._claimer.next()
            self._idle = isinstance(following, timedelta)
            if isinstance(following, timedelta):
                await any_of(doorbell, stop, within=following)
            else:
                await self._deliver(following, stop)

    def _ends(self, stop: asyncio.Event) -> bool:
        return stop.is_set() or self._delivery.trials.holds

    async def _deliver(self, message: Message, stop: asyncio.Event) -> bool:
        with logger.contextualize(messageId=message.id):
            return await self._delivery.deliver(message, stop)
