"""Send one claimed message: prepare it, record its WhatsApp id, send it, record the result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loguru import logger

from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.page.errors import LineDeadError, PageCallError
from chatgrow_worker.page.refusals import refusal_of_error
from chatgrow_worker.sending.claimer import MessageClaimer
from chatgrow_worker.sending.conclusions import Conclusions
from chatgrow_worker.sending.known_chats import KnownChats
from chatgrow_worker.sending.limits import SendLimits
from chatgrow_worker.sending.line_deaths import LineDeaths
from chatgrow_worker.sending.message_parts import MessageParts
from chatgrow_worker.sending.outgoing_files import OutgoingFiles
from chatgrow_worker.sending.recipient_check import Denial, RecipientCheck
from chatgrow_worker.sending.results import SendResults
from chatgrow_worker.sending.sending_page import SendingPage
from chatgrow_worker.sending.stall_detector import StallDetector
from chatgrow_worker.waiting import happens
from chatgrow_worker.whatsapp_change.send_trials import SendTrials
from sessions.connections.leases import Lease
from sessions.messages.content import ACTIONS, Content
from sessions.messages.effects import Effects
from sessions.messages.file_tries import FileBells
from sessions.messages.model import CHECKING_NUMBER, SUPERSEDED, Message, MessageStatus
from sessions.messages.paced_sends import PacedSends
from sessions.messages.referred import ReferredMessages
from sessions.messages.sealed_texts import TextSealer
from sessions.messages.send_queue import SendQueue
from sessions.recipients.known_numbers import NumbersOfOwner


class Delivery:
    """Send messages one after the other on one page, and record the result of each.

    Raises LineDeadError while the page has no line to WhatsApp: then nothing can be sent, and
    whether an unacknowledged message was sent cannot be decided.
    """

    def __init__(
        self,
        page: SendingPage,
        queue: SendQueue,
        numbers: NumbersOfOwner,
        lease: Lease,
        limits: SendLimits,
        page_bell: asyncio.Event,
        claimer: MessageClaimer,
        check_lease: Callable[[], None],
        metrics: WorkerMetrics,
        trials: SendTrials,
        line_deaths: LineDeaths,
        texts: TextSealer,
        known_chats: KnownChats,
        sends: PacedSends,
        referred: ReferredMessages,
        effects: Effects,
        files: OutgoingFiles,
        file_bells: FileBells,
    ) -> None:
        self.trials = trials
        self.stalls = StallDetector(limits.stalled_after)
        self._line_deaths = line_deaths
        self._page = page
        self._queue = queue
        self._lease = lease
        self._limits = limits
        self._claimer = claimer
        self._check_lease = check_lease
        self._known_chats = known_chats
        self._sends = sends
        self._recipients = RecipientCheck(page, numbers, known_chats, limits.number_recheck)
        self._results = SendResults(
            queue=queue,
            lease=lease,
            limits=limits,
            sends=sends,
            claimer=claimer,
            known_chats=known_chats,
            recipients=self._recipients,
            stalls=self.stalls,
            metrics=metrics,
        )
        self._parts = MessageParts(texts, referred, files, file_bells, self._results)
        self._conclusions = Conclusions(
            page, page_bell, self._results, self._parts, files, effects, trials, check_lease
        )

    async def is_stored(self, message: Message) -> bool:
        """Tell whether the page has stored a message, which may therefore have been sent."""
        key = message.whatsapp_id
        return key is not None and (await self._page.look_up(key, message.chat)).found

    async def line_is_back(self, stop: asyncio.Event) -> bool:
        """Wait until the page has a line to WhatsApp; return False if `stop` is set first."""
        while not stop.is_set():
            if await self._page.has_line():
                return True
            await happens(stop, self._limits.outcome_poll)
        return False

    async def deliver(self, message: Message, stop: asyncio.Event) -> bool:
        """Send a claimed message and record the result; False if it returned to the queue."""
        self._results.returned = False
        try:
            await self._process(message, stop)
        except LineDeadError:
            self._line_deaths.died_with(message)
            raise
        await self._hold_back(stop)
        return not self._results.returned

    async def resume(self, message: Message, stop: asyncio.Event) -> bool:
        """Do what `deliver` does for a message that was being sent when a page or worker ended.

        A message that ends every page is given up, since it would block those behind it for ever.
        """
        again = await self._queue.count_resumption(self._lease, message)
        if again is None:
            return True
        if again.taken_up <= self._limits.tries:
            return await self.deliver(again, stop)
        await self._results.give_up(message)
        return True

    async def _hold_back(self, stop: asyncio.Event) -> None:
        """Wait before the next try of a message that was put back, so that none overtakes it."""
        held_back, self._results.held_back = self._results.held_back, None
        if held_back is not None:
            await happens(stop, held_back)

    async def _process(self, message: Message, stop: asyncio.Event) -> None:
        if message.whatsapp_id is not None:
            await self._resume_recorded(message, message.whatsapp_id, stop)
        elif self._line_deaths.blames(message):
            await self._results.give_up(message)
        elif (
            (parts := await self._parts.of(message)) is not None
            and await self._line_stands(message, stop)
            and (prepared := await self._prepared(message, parts.content))
        ):
            chat_id, key = prepared
            known = message.kind in ACTIONS or chat_id in self._known_chats
            new_chat = not known and await self._claimer.opens_chat(message.to, chat_id)
            written = await self._queue.write_down(
                self._lease, message, key, chat_id, new_chat=new_chat
            )
            self._sends.note(written)
            await self._send(written, key, stop)

    async def _line_stands(self, message: Message, stop: asyncio.Event) -> bool:
        """Wait and check that the line stays up without a message with which it died before.

        Returns False if `stop` was set and the message returned to the queue.
        """
        deaths = self._line_deaths.count(message)
        if deaths == 0:
            return True
        await happens(stop, self._limits.outcome_poll * (1 << min(deaths - 1, 6)))
        if not await self._page.has_line():
            self._line_deaths.died_without()
            raise LineDeadError
        if stop.is_set():
            await self._results.put_in_place(message, uncounted=True)
        return not stop.is_set()

    async def _prepared(self, message: Message, content: Content) -> tuple[str, str] | None:
        """Return a message's chat and a new key; None if it has ended or returned to the queue."""
        typing = self._claimer.typing_for(content.typed)
        try:
            if message.kind in ACTIONS:  # their chat is that of the message that they change
                return message.chat, await self._page.prepare(message.chat, typing)
            found = await self._recipients.find(message.to)
            if isinstance(found, Denial):
                await self._results.deny(message, found)
            elif not (
                await self._waits_behind(message) or await self._exceeds_allowance(message, found)
            ):
                return found, await self._page.prepare(found, typing)
        except LineDeadError:
            raise
        except PageCallError as error:
            logger.warning("The message could not be prepared: {}", error)
            if refusal := refusal_of_error(error):
                await self._results.refuse(message, refusal)
            else:
                uncounted = self._conclusions.is_pages_fault(message, error)
                await self._results.put_back(
                    message, error.code or "page_error", uncounted=uncounted
                )
        return None

    async def _waits_behind(self, message: Message) -> bool:
        """Keep a message behind earlier, put-off ones to its recipient; tell if it has to wait."""
        if self._known_chats.of(message.to) is not None:
            return False
        ahead = await self._queue.put_off_before(self._lease, message)
        if ahead is None:
            return False
        if ahead.reason == CHECKING_NUMBER:  # the number is known by now
            await self._queue.release_earlier(self._lease, message)
            await self._results.put_in_place(message, uncounted=True)
        else:
            await self._results.put_off(
                message, ahead.due_at, ahead.reason, counts=False, tried=False
            )
        return True

    async def _exceeds_allowance(self, message: Message, chat_id: str) -> bool:
        """Put a message off that was claimed because its chat might be known, but is a new one."""
        if chat_id in self._known_chats:
            return False
        pause = await self._claimer.pause_for_chat(message.to, chat_id)
        if pause is not None:
            await self._results.put_off(
                message, pause.until, pause.reason, counts=True, tried=False
            )
        return pause is not None

    async def _resume_recorded(self, message: Message, key: str, stop: asyncio.Event) -> None:
        """Continue with a message that has a WhatsApp id and so may have been sent."""
        if message.kind in ACTIONS:
            await self._do_again(message, key, stop)
            return
        known = await self._conclusions.look_up(message, key)
        if known.ack == 0 and self._line_deaths.blames(message):
            await self._results.give_up(message)
        elif known.ack <= 0 and (await self._page.outcome(key)).state == "pending":
            self._conclusions.began(message)
            await self._conclusions.conclude(message, key)
        elif known.found and known.ack >= 0:
            await self._conclusions.settle_by_ack(message, key)
        elif not known.found:
            if not await self._waits_behind(message):
                await self._send(message, key, stop)
        # It was refused, so WhatsApp does not have it.
        elif not await self._expires(message):
            await self._conclusions.send_again(message, key)

    async def _do_again(self, message: Message, key: str, stop: asyncio.Event) -> None:
        """Do what may have been done already: the page does nothing that it finds done."""
        if self._line_deaths.blames(message):
            await self._results.give_up(message)
        else:
            await self._send(message, key, stop)

    async def _send(self, message: Message, key: str, stop: asyncio.Event) -> None:
        if not await self._line_stands(message, stop) or await self._expires(message):
            return
        parts = await self._parts.of(message)
        if parts is None:
            return
        async with self._parts.with_file(message, parts.content) as (is_ready, file):
            if not is_ready:
                return
            late = await self._typed(message, parts.content, stop)
            if late and await self._is_late(message, stop):
                return
            self._check_lease()
            self._conclusions.began(message)
            try:
                await self._page.send(key, message.chat, parts.content, parts.refers_to, file)
            except LineDeadError:  # the page checks its line first, so nothing was sent
                await self._results.put_in_place(message, uncounted=True)
                raise
            await self._conclusions.conclude(message, key)

    async def _typed(self, message: Message, content: Content, stop: asyncio.Event) -> bool:
        """Show "typing" for as long as a person would type it; tell whether it was shown."""
        span = self._claimer.typing_for(content.typed)
        try:
            shown = bool(span) and await self._page.show_typing(message.chat, span)
        except PageCallError as error:
            logger.debug("Cannot show typing: {}", error)
            return False
        if shown:
            await happens(stop, span)
        return shown

    async def _is_late(self, message: Message, stop: asyncio.Event) -> bool:
        """Tell whether sending was stopped or the message expired during the typing."""
        if stop.is_set():
            await self._results.put_in_place(message, uncounted=True)
            return True
        return await self._expires(message)

    async def _expires(self, message: Message) -> bool:
        """End a message that has expired or was withdrawn since it was claimed; tell whether."""
        if await self._queue.is_overdue(message):
            await self._results.end(message, MessageStatus.EXPIRED)
        elif not await self._queue.still_holds(message):
            await self._results.end(message, MessageStatus.CANCELLED, SUPERSEDED)
        else:
            return False
        return True
