"""Bring one message to its end: prepared, written down, sent under one WhatsApp id, recorded."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from loguru import logger

from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.page.errors import LineDeadError, PageCallError
from chatgrow_worker.page.refusals import Refusal, Then, refusal_of_error, refusal_of_outcome
from chatgrow_worker.page.snapshot import CallFailure, LookUp, Outcome
from chatgrow_worker.sending.claimer import MessageClaimer
from chatgrow_worker.sending.known_chats import KnownChats
from chatgrow_worker.sending.line_deaths import LineDeaths
from chatgrow_worker.sending.recipient_check import Denial, NumberPage, RecipientCheck
from chatgrow_worker.sending.stall_detector import StallDetector
from chatgrow_worker.waiting import happens
from chatgrow_worker.whatsapp_change.send_trials import SendTrials, is_unexpected
from sessions.connections.leases import Lease
from sessions.messages.model import CHECKING_NUMBER, TEXT_KEY_MISSING, Ack, Message, MessageStatus
from sessions.messages.paced_sends import PacedSends
from sessions.messages.sealed_texts import TextKeyMissingError, TextSealer, TextUnreadableError
from sessions.messages.send_queue import SendQueue
from sessions.recipients.known_numbers import NumbersOfOwner

_KEY_MISSING_FOR = timedelta(hours=1)
"""A missing key comes back with another start of the worker, which tries again by itself."""
_DUPLICATE = "DuplicateMessageError"
"""What WhatsApp's page throws where its storage has a message under this id."""


class SendingPage(NumberPage, Protocol):
    """What a delivery asks of a page; `WhatsAppPage` is the real one."""

    async def prepare(self, chat_id: str) -> str:
        """Return a new message key for the chat."""

    async def show_typing(self, chat_id: str, span: timedelta) -> bool:
        """Show for a while that somebody types, if that works at once."""

    async def send(self, key: str, chat_id: str, text: str) -> None:
        """Start sending under a key."""

    async def resend(self, key: str, chat_id: str) -> None:
        """Start sending a stored message again, as the same record under the same id."""

    async def outcome(self, key: str) -> Outcome:
        """Tell what became of a send."""

    async def look_up(self, key: str, chat_id: str) -> LookUp:
        """Look a message up by its key."""

    async def has_line(self) -> bool:
        """Tell whether the page has a line to WhatsApp."""


@dataclass(frozen=True)
class SendLimits:
    """The bounds of a send."""

    outcome_within: timedelta
    outcome_poll: timedelta
    number_recheck: timedelta
    ghost_wait: timedelta
    stalled_after: timedelta
    resend_ghosts: bool
    tries: int


class Delivery:
    """Sends one message after the other on one page, each to a result that is recorded.

    Raises LineDeadError while the page has no line to WhatsApp: then nothing can be sent, and
    nothing that is not out for certain can be judged.
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
    ) -> None:
        self._texts = texts
        self.trials = trials
        self._line_deaths = line_deaths
        self._page = page
        self._queue = queue
        self._lease = lease
        self._limits = limits
        self._page_bell = page_bell
        self._claimer = claimer
        self._check_lease = check_lease
        self._metrics = metrics
        self._returned = False
        self._held_back: timedelta | None = None
        self._known_chats = known_chats
        self._sends = sends
        self._recipients = RecipientCheck(page, numbers, self._known_chats, limits.number_recheck)
        self.watch = StallDetector(limits.stalled_after)

    async def is_stored(self, message: Message) -> bool:
        """Tell whether the page has a message already, so that it may be out."""
        key = message.whatsapp_id
        return key is not None and (await self._page.look_up(key, message.chat)).found

    async def line_is_back(self, stop: asyncio.Event) -> bool:
        """Wait until the page has a line to WhatsApp; False when this is to stop before."""
        while not stop.is_set():
            if await self._page.has_line():
                return True
            await happens(stop, self._limits.outcome_poll)
        return False

    async def deliver(self, message: Message, stop: asyncio.Event) -> bool:
        """Bring a claimed message to its end; False when it has to wait in its place."""
        self._returned = False
        try:
            await self._bring_to_an_end(message, stop)
        except LineDeadError:
            self._line_deaths.died_with(message)
            raise
        await self._hold_back(stop)
        return not self._returned

    async def take_up(self, message: Message, stop: asyncio.Event) -> bool:
        """Do as `deliver` with one that was in hand when a page or a worker ended.

        One that ends every page is given up: it would hold those behind it for ever.
        """
        again = await self._queue.count_resumption(self._lease, message)
        if again is None:
            return True
        if again.taken_up <= self._limits.tries:
            return await self.deliver(again, stop)
        await self._give_up(message)
        return True

    async def _hold_back(self, stop: asyncio.Event) -> None:
        """Wait a moment if what was put back is to be tried again: the order is kept."""
        held_back, self._held_back = self._held_back, None
        if held_back is not None:
            await happens(stop, held_back)

    async def _conclude(self, message: Message, key: str) -> None:
        """Record what becomes of a send that was started; what stays undecided is looked up."""
        outcome = await self._await_outcome(key)
        if await self._is_settled(message, outcome):
            return
        if self._is_pages_fault(message, outcome.error):
            await self._put_back(message, "page_error", uncounted=True)
            return
        known = await self._look_up(message, key)
        if known.found or outcome.error is None:
            await self._settle_by_ack(message, key)
        elif outcome.error.name == _DUPLICATE:
            # The page has sent under this id, though it cannot find what: it may well be out.
            await self._end_by_ack(message, key, ack=0)
        elif refusal := refusal_of_error(outcome.error):
            await self._refuse(message, refusal)
        elif outcome.error.code is None:
            # No refusal of WhatsApp's or wa-js's: something broke, and it is not out.
            await self._put_back(message, outcome.error.name)
        else:
            await self._end(message, MessageStatus.FAILED, outcome.error.code)

    def _ended(self, message: Message, status: MessageStatus, reason: str | None = None) -> None:
        """Tell of a result that is recorded."""
        if status is not MessageStatus.EXPIRED:
            self.watch.ended(acknowledged=status is not MessageStatus.UNKNOWN)
        self._metrics.send_ended(message, status, reason)
        suffix = f" ({reason})" if reason else ""
        logger.info("Message {}{}", status, suffix)

    async def _bring_to_an_end(self, message: Message, stop: asyncio.Event) -> None:
        if message.whatsapp_id is not None:
            await self._resume(message, message.whatsapp_id, stop)
        elif self._line_deaths.blames(message):
            await self._give_up(message)
        elif (
            await self._text_of(message) is not None
            and await self._line_stands(message, stop)
            and (prepared := await self._prepared(message))
        ):
            chat_id, key = prepared
            known = chat_id in self._known_chats
            new_chat = not known and await self._claimer.opens_chat(message.to, chat_id)
            written = await self._queue.write_down(
                self._lease, message, key, chat_id, new_chat=new_chat
            )
            self._sends.note(written)
            await self._send(written, key, stop)

    async def _give_up(self, message: Message) -> None:
        """End a message that ends every page or kills every line; it may be out if it has an id."""
        begun = message.whatsapp_id is not None
        status = MessageStatus.UNKNOWN if begun else MessageStatus.FAILED
        await self._end(message, status, "page_error")

    async def _line_stands(self, message: Message, stop: asyncio.Event) -> bool:
        """Let the line stand for a while without a message with which it has died.

        False when the message is back in its place, as this is to stop.
        """
        deaths = self._line_deaths.count(message)
        if deaths == 0:
            return True
        await happens(stop, self._limits.outcome_poll * (1 << min(deaths - 1, 6)))
        if not await self._page.has_line():
            self._line_deaths.died_without()
            raise LineDeadError
        if stop.is_set():
            await self._return(message, uncounted=True)
        return not stop.is_set()

    async def _prepared(self, message: Message) -> tuple[str, str] | None:
        """Return a message's chat and a new key; None when it has ended or is queued again."""
        try:
            found = await self._recipients.find(message.to)
            if isinstance(found, Denial):
                await self._denied(message, found)
            elif not (
                await self._waits_behind(message) or await self._exceeds_allowance(message, found)
            ):
                return found, await self._page.prepare(found)
        except LineDeadError:
            raise
        except PageCallError as error:
            logger.warning("Not prepared: {}", error)
            if refusal := refusal_of_error(error):
                await self._refuse(message, refusal)
            else:
                uncounted = self._is_pages_fault(message, error)
                await self._put_back(message, error.code or "page_error", uncounted=uncounted)
        return None

    async def _waits_behind(self, message: Message) -> bool:
        """Keep a message behind those to the same recipient that were put off, if there are any."""
        if self._known_chats.of(message.to) is not None:
            return False
        ahead = await self._queue.put_off_before(self._lease, message)
        if ahead is None:
            return False
        if ahead.reason == CHECKING_NUMBER:  # which is known by now
            await self._queue.release_earlier(self._lease, message)
            await self._return(message, uncounted=True)
        else:
            await self._put_off(message, ahead.due_at, ahead.reason, counts=False, tried=False)
        return True

    async def _exceeds_allowance(self, message: Message, chat_id: str) -> bool:
        """Put a message off that was let through as it might be for a known chat, and is not."""
        if chat_id in self._known_chats:
            return False
        pause = await self._claimer.pause_for_chat(message.to, chat_id)
        if pause is not None:
            await self._put_off(message, pause.until, pause.reason, counts=True, tried=False)
        return pause is not None

    async def _denied(self, message: Message, denial: Denial) -> None:
        """Let others pass until WhatsApp is asked again, or fail when it is certain."""
        if denial.until is None:
            failed = MessageStatus.FAILED
            await self._end(message, failed, "not_on_whatsapp", counts=denial.asked)
        else:
            await self._put_off(message, denial.until, CHECKING_NUMBER, counts=denial.asked)

    async def _resume(self, message: Message, key: str, stop: asyncio.Event) -> None:
        """Decide about a message whose id is written down: it may be out under that id."""
        known = await self._look_up(message, key)
        if known.ack == 0 and self._line_deaths.blames(message):
            await self._give_up(message)
        elif known.ack <= 0 and (await self._page.outcome(key)).state == "pending":
            self.watch.began()
            await self._conclude(message, key)
        elif known.found and known.ack >= 0:
            await self._settle_by_ack(message, key)
        elif not known.found:
            if not await self._waits_behind(message):
                await self._send(message, key, stop)
        # Refused, so WhatsApp does not have it.
        elif not await self._expires(message):
            await self._send_again(message, key)

    async def _look_up(self, message: Message, key: str) -> LookUp:
        """Look a message up; raise LineDeadError where that tells nothing for want of a line."""
        known = await self._page.look_up(key, message.chat)
        if known.ack <= 0 and not known.line:
            raise LineDeadError
        return known

    async def _expires(self, message: Message) -> bool:
        """End a message whose time has run out in our hands; tell whether it was so."""
        overdue = await self._queue.is_overdue(message)
        if overdue:
            await self._end(message, MessageStatus.EXPIRED)
        return overdue

    async def _send(self, message: Message, key: str, stop: asyncio.Event) -> None:
        if not await self._line_stands(message, stop) or await self._expires(message):
            return
        text = await self._text_of(message)
        if text is None:
            return
        if await self._typed(message, text, stop) and await self._is_late(message, stop):
            return
        self._check_lease()
        self.watch.began()
        try:
            await self._page.send(key, message.chat, text)
        except LineDeadError:  # it looks at its line first, so it has not begun
            await self._return(message, uncounted=True)
            raise
        await self._conclude(message, key)

    async def _text_of(self, message: Message) -> str | None:
        """Return a message's text; where it cannot be read, end the message or put it off.

        A missing key can be put back, so that the message waits for it, and others pass.
        """
        try:
            return self._texts.open_text(message)
        except TextKeyMissingError as error:
            logger.error("The message waits: {}", error)
            due = (message.sending_at or message.queued_at) + _KEY_MISSING_FOR
            await self._put_off(message, due, TEXT_KEY_MISSING, counts=False, tried=False)
        except TextUnreadableError as error:
            logger.error("The message cannot be sent: {}", error)
            await self._end(message, MessageStatus.FAILED, error.code)
        return None

    async def _is_late(self, message: Message, stop: asyncio.Event) -> bool:
        """Send nothing that was to stop, or has expired, while somebody typed."""
        if stop.is_set():
            await self._return(message, uncounted=True)
            return True
        return await self._expires(message)

    async def _typed(self, message: Message, text: str, stop: asyncio.Event) -> bool:
        """Take the time that somebody would need to type this, if that can be shown at all."""
        span = self._claimer.typing_for(text)
        try:
            shown = bool(span) and await self._page.show_typing(message.chat, span)
        except PageCallError as error:
            logger.debug("No typing is shown: {}", error)
            return False
        if shown:
            await happens(stop, span)
        return shown

    async def _is_settled(self, message: Message, outcome: Outcome) -> bool:
        """Record a send that went well, or do what a refusal asks for; tell whether it was one."""
        if outcome.went_well:
            self.trials.went_out(message)
            self._known_chats.add(message.to, message.chat)
            await self._end(message, MessageStatus.SENT)
            return True
        refusal = refusal_of_outcome(outcome, message.chat)
        if refusal is None:
            return False
        self.watch.ended(acknowledged=True)
        await self._refuse(message, refusal)
        return True

    async def _refuse(self, message: Message, refusal: Refusal) -> None:
        """Do what a refusal asks for with a message that is not out."""
        tried = message.attempts >= self._limits.tries
        if refusal.then is Then.NO_ACCOUNT and message.whatsapp_id is None and not tried:
            await self._denied(message, await self._recipients.deny(message.to))
            return
        if refusal.then is Then.PAUSE:
            logger.warning("WhatsApp refuses for now ({}): the connection pauses", refusal.waits)
            await self._claimer.pause(refusal.waits)
        if refusal.then is Then.FAIL or tried:
            await self._end(message, MessageStatus.FAILED, refusal.ends)
        elif refusal.then is Then.STEP_ASIDE:
            due = (message.sending_at or message.queued_at) + self._wait_after(message)
            await self._put_off(message, due, refusal.waits, counts=False)
        else:
            await self._return(message, refusal.waits)
            if refusal.then is not Then.PAUSE:
                self._held_back = self._wait_after(message)

    async def _await_outcome(self, key: str) -> Outcome:
        """Follow a started send until it is decided or its time is over.

        Raises PageCallError when the page does not know of it any more, and LineDeadError when it
        cannot be decided for want of a line.
        """
        give_up = time.monotonic() + self._limits.outcome_within.total_seconds()
        while True:
            self._page_bell.clear()
            outcome = await self._page.outcome(key)
            if outcome.state == "none":
                raise PageCallError("SendLost", None, "the page was loaded anew during a send")
            if outcome.state != "pending":
                return outcome
            if not outcome.line:
                raise LineDeadError
            if time.monotonic() >= give_up:
                return outcome
            await happens(self._page_bell, self._limits.outcome_poll)

    async def _settle_by_ack(self, message: Message, key: str) -> None:
        """Ask the page how far it went; what stays undecided is unknown, and never repeated."""
        give_up = time.monotonic() + self._limits.ghost_wait.total_seconds()
        while True:
            self._page_bell.clear()
            known = await self._look_up(message, key)
            if known.ack != 0:
                await self._end_by_ack(message, key, known.ack)
                return
            if time.monotonic() >= give_up:
                await self._after_silence(message, key)
                return
            await happens(self._page_bell, self._limits.outcome_poll)

    async def _end_by_ack(self, message: Message, key: str, ack: int) -> None:
        """Record what the page's record of a message says."""
        if ack == 0:
            await self._end(message, MessageStatus.UNKNOWN, "stored_but_not_acknowledged")
        elif ack < 0:
            await self._end(message, MessageStatus.FAILED, "refused_by_whatsapp")
        else:
            await self._end(message, MessageStatus.SENT)
            # Its later acks came while nobody listened, and do not come again.
            reached = Ack(min(ack, Ack.PLAYED))
            if moved := await self._queue.record_ack(self._lease, key, reached):
                self._metrics.acked(moved)

    async def _after_silence(self, message: Message, key: str) -> None:
        """Send a ghost again as the record that it is; what the page still has in hand may go yet.

        A ghost was stored by a page that died before it sent, or that was told of an error: nobody
        will ever send it by itself. It may be out all the same, so a late one is not sent again.
        """
        in_hand = (await self._page.outcome(key)).state == "pending"
        wanted = self._limits.resend_ghosts or message.unknown_at is not None  # retried by a person
        if wanted and not in_hand and not await self._queue.is_overdue(message):
            await self._send_again(message, key)
        else:
            await self._end_by_ack(message, key, ack=0)

    async def _send_again(self, message: Message, key: str) -> None:
        """Send a stored message as the same record, and believe what that says afterwards."""
        self._check_lease()
        self.watch.began()
        await self._page.resend(key, message.chat)
        outcome = await self._await_outcome(key)
        if await self._is_settled(message, outcome):
            return
        if self._is_pages_fault(message, outcome.error):
            await self._put_back(message, "page_error", uncounted=True)
            return
        known = await self._look_up(message, key)
        # While it is under way, a refusal that stands there is the one before.
        under_way = outcome.state == "pending" and known.ack < 0
        await self._end_by_ack(message, key, 0 if under_way else known.ack)

    def _is_pages_fault(self, message: Message, error: CallFailure | PageCallError | None) -> bool:
        """Note what was thrown; tell whether the page may be at fault, not the message."""
        if error is None or not is_unexpected(error):
            return False
        return self.trials.threw(message, error.name, error.message)

    async def _put_back(self, message: Message, reason: str, *, uncounted: bool = False) -> None:
        """Return a message that is not out to its place, or fail it after its tries."""
        if message.attempts >= self._limits.tries and not uncounted:
            await self._end(message, MessageStatus.FAILED, reason)
            return
        await self._return(message, "page_error", uncounted=uncounted)
        self._held_back = self._wait_after(message)

    def _wait_after(self, message: Message) -> timedelta:
        """Return how long to wait before another try: longer after each one."""
        longest = self._limits.outcome_poll * (1 << min(message.attempts - 1, 6))
        return longest * random.uniform(0.5, 1)  # noqa: S311  guards no secret

    async def _return(
        self, message: Message, reason: str | None = None, *, uncounted: bool = False
    ) -> None:
        """Put a message back to its place in the queue."""
        self._returned = True
        self.watch.left()
        await self._queue.put_back(self._lease, message, reason, uncounted=uncounted)

    async def _put_off(
        self,
        message: Message,
        until: datetime,
        reason: str | None,
        *,
        counts: bool,
        tried: bool = True,
    ) -> None:
        """Put a message back to its place, and let others pass it until a time.

        One that was not `tried` only waits.
        """
        self._returned = True
        self.watch.left()
        self._known_chats.forget(message.to)
        put_off = await self._queue.put_off(
            self._lease, message, until, reason, counts=counts, uncounted=not tried
        )
        if put_off is not None:
            self._sends.note(put_off)

    async def _end(
        self,
        message: Message,
        status: MessageStatus,
        reason: str | None = None,
        *,
        counts: bool = False,
    ) -> None:
        settled = await self._queue.settle(self._lease, message, status, reason, counts)
        if settled is None:
            self._ended(message, MessageStatus.SENT)
        else:
            self._sends.note(settled)
            self._ended(settled, status, reason)
