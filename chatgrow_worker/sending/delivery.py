"""Send one claimed message: prepare it, record its WhatsApp id, send it, record the result."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from loguru import logger

from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.page.errors import LineDeadError, PageCallError
from chatgrow_worker.page.files import OutgoingFile
from chatgrow_worker.page.refusals import Refusal, Then, refusal_of_error, refusal_of_outcome
from chatgrow_worker.page.snapshot import CallFailure, LookUp, Outcome
from chatgrow_worker.sending.claimer import MessageClaimer
from chatgrow_worker.sending.known_chats import KnownChats
from chatgrow_worker.sending.line_deaths import LineDeaths
from chatgrow_worker.sending.outgoing_files import OutgoingFiles
from chatgrow_worker.sending.recipient_check import Denial, NumberPage, RecipientCheck
from chatgrow_worker.sending.stall_detector import StallDetector
from chatgrow_worker.waiting import happens
from chatgrow_worker.whatsapp_change.send_trials import SendTrials, is_unexpected
from sessions.connections.leases import Lease
from sessions.media.errors import MediaDamagedError, MediaKeyMissingError, MediaNotFoundError
from sessions.messages.content import ACTIONS, SELDOM_ANSWERED, Content, Media
from sessions.messages.effects import Effects
from sessions.messages.model import (
    CHECKING_NUMBER,
    FETCHING_MEDIA,
    MEDIA_KEY_MISSING,
    SUPERSEDED,
    TEXT_KEY_MISSING,
    WAITS_FOR_MESSAGE,
    Ack,
    Message,
    MessageStatus,
)
from sessions.messages.paced_sends import PacedSends
from sessions.messages.referred import ReferredMessages
from sessions.messages.sealed_texts import TextKeyMissingError, TextSealer, TextUnreadableError
from sessions.messages.send_queue import SendQueue
from sessions.messages.states import NOT_SENT
from sessions.recipients.known_numbers import NumbersOfOwner

_KEY_MISSING_FOR = timedelta(hours=1)
"""How long a message waits for a missing key; a restarted worker tries again at once."""
_NOT_SENT_FOR = timedelta(seconds=5)
"""How long a message waits before it is looked up again whether the one before it was sent."""
_SELDOM_FOR = timedelta(seconds=10)
"""How long an answer is awaited that may never come: others wait meanwhile."""
_NOT_CONFIRMED = "not_confirmed"
"""The code of our script when it cannot see whether something was done."""
_FETCHED_WITHIN = timedelta(seconds=5)
"""How long a message is put off while its file is fetched; a fetched one goes at once."""
_DUPLICATE = "DuplicateMessageError"
"""The error of WhatsApp's page when its storage already has a message with this id."""


class SendingPage(NumberPage, Protocol):
    """What a delivery needs of a page; `WhatsAppPage` is the real one."""

    async def prepare(self, chat_id: str) -> str:
        """Return a new message key for the chat."""

    async def show_typing(self, chat_id: str, span: timedelta) -> bool:
        """Show "typing" for this long; return False if the page cannot do it at once."""

    async def send(
        self,
        key: str,
        chat_id: str,
        content: Content,
        refers_to: str | None = None,
        file: OutgoingFile | None = None,
    ) -> None:
        """Start sending under a key; `refers_to` is the key of a message that it is about."""

    async def resend(
        self,
        key: str,
        chat_id: str,
        content: Content | None = None,
        refers_to: str | None = None,
        file: OutgoingFile | None = None,
    ) -> None:
        """Start sending a message again that the page has stored, under the same id."""

    async def outcome(self, key: str) -> Outcome:
        """Return the state of a send that was started."""

    async def look_up(self, key: str, chat_id: str) -> LookUp:
        """Look a message up by its key."""

    async def has_line(self) -> bool:
        """Tell whether the page has a line to WhatsApp."""


@dataclass(frozen=True)
class _Parts:
    """What is sent, and the page's key of the message that it answers or changes."""

    content: Content
    refers_to: str | None = None


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
        fetch_bell: asyncio.Event,
    ) -> None:
        self._files = files
        self._fetch_bell = fetch_bell
        self._referred = referred
        self._effects = effects
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
        self.stalls = StallDetector(limits.stalled_after)

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
        self._returned = False
        try:
            await self._process(message, stop)
        except LineDeadError:
            self._line_deaths.died_with(message)
            raise
        await self._hold_back(stop)
        return not self._returned

    async def resume(self, message: Message, stop: asyncio.Event) -> bool:
        """Do what `deliver` does for a message that was being sent when a page or worker ended.

        A message that ends every page is given up, since it would block those behind it for ever.
        """
        again = await self._queue.count_resumption(self._lease, message)
        if again is None:
            return True
        if again.taken_up <= self._limits.tries:
            return await self.deliver(again, stop)
        await self._give_up(message)
        return True

    async def _hold_back(self, stop: asyncio.Event) -> None:
        """Wait before the next try of a message that was put back, so that none overtakes it."""
        held_back, self._held_back = self._held_back, None
        if held_back is not None:
            await happens(stop, held_back)

    async def _conclude(self, message: Message, key: str) -> None:
        """Record the result of a send that was started; look an undecided one up in the page."""
        outcome = await self._await_outcome(message, key)
        if await self._is_settled(message, outcome):
            return
        if self._is_pages_fault(message, outcome.error):
            await self._put_back(message, "page_error", uncounted=True)
            return
        if message.kind in ACTIONS:
            await self._end_undone(message, outcome.error)
            return
        known = await self._look_up(message, key)
        if known.found or outcome.error is None:
            await self._settle_by_ack(message, key)
        elif outcome.error.name == _DUPLICATE:
            # The page has used this id before but cannot find the message: it may have been sent.
            await self._end_by_ack(message, key, ack=0)
        elif refusal := refusal_of_error(outcome.error):
            await self._refuse(message, refusal)
        elif outcome.error.code is None:
            # Not a refusal by WhatsApp or wa-js: something broke, and the message was not sent.
            await self._put_back(message, outcome.error.name)
        else:
            await self._end(message, MessageStatus.FAILED, outcome.error.code)

    async def _end_undone(self, message: Message, error: CallFailure | None) -> None:
        """End an action that was not done, as far as the page shows; it may have been."""
        if error is None or error.code == _NOT_CONFIRMED:
            await self._end(message, MessageStatus.UNKNOWN, _NOT_CONFIRMED)
        elif refusal := refusal_of_error(error):
            await self._refuse(message, refusal)
        elif error.code is None:
            await self._put_back(message, error.name)
        else:
            await self._end(message, MessageStatus.FAILED, error.code)

    def _note_end(self, message: Message, status: MessageStatus, reason: str | None = None) -> None:
        """Count and log a result that is recorded."""
        if status not in (MessageStatus.EXPIRED, MessageStatus.CANCELLED):
            self.stalls.ended(acknowledged=status is not MessageStatus.UNKNOWN)
        self._metrics.send_ended(message, status, reason)
        suffix = f" ({reason})" if reason else ""
        logger.info("Message {}{}", status, suffix)

    async def _process(self, message: Message, stop: asyncio.Event) -> None:
        if message.whatsapp_id is not None:
            await self._resume_recorded(message, message.whatsapp_id, stop)
        elif self._line_deaths.blames(message):
            await self._give_up(message)
        elif (
            await self._parts_of(message) is not None
            and await self._line_stands(message, stop)
            and (prepared := await self._prepared(message))
        ):
            chat_id, key = prepared
            known = message.kind in ACTIONS or chat_id in self._known_chats
            new_chat = not known and await self._claimer.opens_chat(message.to, chat_id)
            written = await self._queue.write_down(
                self._lease, message, key, chat_id, new_chat=new_chat
            )
            self._sends.note(written)
            await self._send(written, key, stop)

    async def _give_up(self, message: Message) -> None:
        """End a message that ends every page or line: unknown if it has an id, failed if not."""
        begun = message.whatsapp_id is not None
        status = MessageStatus.UNKNOWN if begun else MessageStatus.FAILED
        await self._end(message, status, "page_error")

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
            await self._return(message, uncounted=True)
        return not stop.is_set()

    async def _prepared(self, message: Message) -> tuple[str, str] | None:
        """Return a message's chat and a new key; None if it has ended or returned to the queue."""
        try:
            if message.kind in ACTIONS:  # their chat is that of the message that they change
                return message.chat, await self._page.prepare(message.chat)
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
            logger.warning("The message could not be prepared: {}", error)
            if refusal := refusal_of_error(error):
                await self._refuse(message, refusal)
            else:
                uncounted = self._is_pages_fault(message, error)
                await self._put_back(message, error.code or "page_error", uncounted=uncounted)
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
            await self._return(message, uncounted=True)
        else:
            await self._put_off(message, ahead.due_at, ahead.reason, counts=False, tried=False)
        return True

    async def _exceeds_allowance(self, message: Message, chat_id: str) -> bool:
        """Put a message off that was claimed because its chat might be known, but is a new one."""
        if chat_id in self._known_chats:
            return False
        pause = await self._claimer.pause_for_chat(message.to, chat_id)
        if pause is not None:
            await self._put_off(message, pause.until, pause.reason, counts=True, tried=False)
        return pause is not None

    async def _denied(self, message: Message, denial: Denial) -> None:
        """Put the message off until WhatsApp is asked again, or fail it if the denial is final."""
        if denial.until is None:
            failed = MessageStatus.FAILED
            await self._end(message, failed, "not_on_whatsapp", counts=denial.asked)
        else:
            await self._put_off(message, denial.until, CHECKING_NUMBER, counts=denial.asked)

    async def _resume_recorded(self, message: Message, key: str, stop: asyncio.Event) -> None:
        """Continue with a message that has a WhatsApp id and so may have been sent."""
        if message.kind in ACTIONS:
            await self._do_again(message, key, stop)
            return
        known = await self._look_up(message, key)
        if known.ack == 0 and self._line_deaths.blames(message):
            await self._give_up(message)
        elif known.ack <= 0 and (await self._page.outcome(key)).state == "pending":
            self._began(message)
            await self._conclude(message, key)
        elif known.found and known.ack >= 0:
            await self._settle_by_ack(message, key)
        elif not known.found:
            if not await self._waits_behind(message):
                await self._send(message, key, stop)
        # It was refused, so WhatsApp does not have it.
        elif not await self._expires(message):
            await self._send_again(message, key)

    async def _do_again(self, message: Message, key: str, stop: asyncio.Event) -> None:
        """Do what may have been done already: the page does nothing that it finds done."""
        if self._line_deaths.blames(message):
            await self._give_up(message)
        else:
            await self._send(message, key, stop)

    def _began(self, message: Message) -> None:
        """Note that a send has started, if WhatsApp acknowledges every message of its kind."""
        if message.kind not in SELDOM_ANSWERED:
            self.stalls.began(self._files.take(message))

    async def _look_up(self, message: Message, key: str) -> LookUp:
        """Look a message up; raise LineDeadError if the answer means nothing without a line."""
        known = await self._page.look_up(key, message.chat)
        if known.ack <= 0 and not known.line:
            raise LineDeadError
        return known

    async def _expires(self, message: Message) -> bool:
        """End a message that has expired or was withdrawn since it was claimed; tell whether."""
        if await self._queue.is_overdue(message):
            await self._end(message, MessageStatus.EXPIRED)
        elif not await self._queue.still_holds(message):
            await self._end(message, MessageStatus.CANCELLED, SUPERSEDED)
        else:
            return False
        return True

    async def _send(self, message: Message, key: str, stop: asyncio.Event) -> None:
        if not await self._line_stands(message, stop) or await self._expires(message):
            return
        parts = await self._parts_of(message)
        if parts is None:
            return
        async with self._with_file(message, parts.content) as (is_ready, file):
            if not is_ready:
                return
            late = await self._typed(message, parts.content, stop)
            if late and await self._is_late(message, stop):
                return
            self._check_lease()
            self._began(message)
            try:
                await self._page.send(key, message.chat, parts.content, parts.refers_to, file)
            except LineDeadError:  # the page checks its line first, so nothing was sent
                await self._return(message, uncounted=True)
                raise
            await self._conclude(message, key)

    @asynccontextmanager
    async def _with_file(
        self, message: Message, content: Content
    ) -> AsyncIterator[tuple[bool, OutgoingFile | None]]:
        """Give a message's file on this disk, if it has one, until its send has ended.

        False if the file cannot be read; then the message has ended, or was put off.
        """
        async with AsyncExitStack() as stack:
            is_ready, file = True, None
            try:
                if isinstance(content, Media):
                    file = await stack.enter_async_context(self._files.of(message, content))
            except MediaKeyMissingError as error:
                is_ready = False
                logger.error("The message waits: {}", error)
                due = (message.sending_at or message.queued_at) + _KEY_MISSING_FOR
                await self._put_off(message, due, MEDIA_KEY_MISSING, counts=False, tried=False)
            except (MediaNotFoundError, MediaDamagedError) as error:
                is_ready = False
                logger.error("The message cannot be sent: {}", error)
                await self._end(message, MessageStatus.FAILED, error.code)
            yield is_ready, file

    async def _parts_of(self, message: Message) -> _Parts | None:
        """Return what to hand to the page; None if the message has ended or was put off."""
        if message.waits_for_file:
            await self._await_file(message)
            return None
        content = await self._content_of(message)
        about = message.reply_to or message.target
        if content is None:
            return None
        if about is None:
            return _Parts(content)
        found = await self._referred.find(message.connection, about)
        if found is None:
            await self._end(message, MessageStatus.FAILED, "message_not_found")
        elif found.status in NOT_SENT:
            due = (message.sending_at or message.queued_at) + _NOT_SENT_FOR
            await self._put_off(message, due, WAITS_FOR_MESSAGE, counts=False, tried=False)
        elif found.key is None or found.status is MessageStatus.FAILED:
            await self._end(message, MessageStatus.FAILED, "message_not_sent")
        else:
            return _Parts(content, found.key)
        return None

    async def _await_file(self, message: Message) -> None:
        """Let others pass a message whose file is still to be fetched."""
        self._fetch_bell.set()
        due = (message.sending_at or message.queued_at) + _FETCHED_WITHIN
        await self._put_off(message, due, FETCHING_MEDIA, counts=False, tried=False)

    async def _content_of(self, message: Message) -> Content | None:
        """Return a message's content; if it cannot be decrypted, put the message off or fail it.

        It is put off if the key is missing, since an operator can add the key.
        """
        try:
            return self._texts.open_content(message)
        except TextKeyMissingError as error:
            logger.error("The message waits: {}", error)
            due = (message.sending_at or message.queued_at) + _KEY_MISSING_FOR
            await self._put_off(message, due, TEXT_KEY_MISSING, counts=False, tried=False)
        except TextUnreadableError as error:
            logger.error("The message cannot be sent: {}", error)
            await self._end(message, MessageStatus.FAILED, error.code)
        return None

    async def _is_late(self, message: Message, stop: asyncio.Event) -> bool:
        """Tell whether sending was stopped or the message expired during the typing."""
        if stop.is_set():
            await self._return(message, uncounted=True)
            return True
        return await self._expires(message)

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

    async def _is_settled(self, message: Message, outcome: Outcome) -> bool:
        """Record a successful send, or handle a refusal; return False if it was neither."""
        if outcome.went_well:
            self.trials.went_out(message)
            self._known_chats.add(message.to, message.chat)
            if message.kind in ACTIONS:
                await self._effects.record(self._lease, message, outcome.by)
            await self._end(message, MessageStatus.SENT)
            return True
        refusal = refusal_of_outcome(outcome, message.chat)
        if refusal is None:
            return False
        self.stalls.ended(acknowledged=True)
        await self._refuse(message, refusal)
        return True

    async def _refuse(self, message: Message, refusal: Refusal) -> None:
        """Handle a refusal of a message that was not sent: pause, put off, retry or fail."""
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

    def _answered_within(self, message: Message) -> timedelta:
        """Return how long WhatsApp is given for an answer, while nothing else is sent."""
        limit = self._limits.outcome_within + self._files.take(message)
        return min(limit, _SELDOM_FOR) if message.kind in SELDOM_ANSWERED else limit

    async def _await_outcome(self, message: Message, key: str) -> Outcome:
        """Follow a started send until it is decided or its time is over.

        Raises PageCallError when the page no longer knows the send, and LineDeadError when it is
        undecided and the page has lost its line.
        """
        give_up = time.monotonic() + self._answered_within(message).total_seconds()
        while True:
            self._page_bell.clear()
            outcome = await self._page.outcome(key)
            if outcome.state == "none":
                raise PageCallError("SendLost", None, "the page was reloaded during a send")
            if outcome.state != "pending":
                return outcome
            if not outcome.line:
                raise LineDeadError
            if time.monotonic() >= give_up:
                return outcome
            await happens(self._page_bell, self._limits.outcome_poll)

    async def _settle_by_ack(self, message: Message, key: str) -> None:
        """Wait for an ack in the page's record of the message, and end the message by it."""
        wait = timedelta(0) if message.kind in SELDOM_ANSWERED else self._limits.ghost_wait
        give_up = time.monotonic() + wait.total_seconds()
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
        """End a message by the ack in the page's record of it."""
        if ack == 0:
            await self._end(message, MessageStatus.UNKNOWN, "stored_but_not_acknowledged")
        elif ack < 0:
            await self._end(message, MessageStatus.FAILED, "refused_by_whatsapp")
        else:
            await self._end(message, MessageStatus.SENT)
            # Later acks may have come already while no page was open, and will not be repeated.
            reached = Ack(min(ack, Ack.PLAYED))
            if moved := await self._queue.record_ack(self._lease, key, reached):
                self._metrics.acked(moved)

    async def _after_silence(self, message: Message, key: str) -> None:
        """Send a ghost again under its id, unless the page is still sending it or it has expired.

        A ghost is a message that the page stored but did not send, because it died or got an
        error. The page never sends it by itself. It may have been sent all the same, so it ends as
        unknown if it is not sent again.
        """
        pending = (await self._page.outcome(key)).state == "pending"
        wanted = self._limits.resend_ghosts or message.unknown_at is not None  # retried by a person
        if wanted and not pending and not await self._queue.is_overdue(message):
            await self._send_again(message, key)
        else:
            await self._end_by_ack(message, key, ack=0)

    async def _send_again(self, message: Message, key: str) -> None:
        """Send a message again that the page has stored, and end it by the page's record."""
        self._check_lease()
        if message.media is None:
            self._began(message)
            await self._page.resend(key, message.chat)
            await self._conclude_again(message, key)
            return
        content = await self._content_of(message)
        if content is None:
            return
        async with self._with_file(message, content) as (is_ready, file):
            if is_ready:
                refers_to = await self._quoted_by(message)
                self._began(message)
                await self._page.resend(key, message.chat, content, refers_to, file)
                await self._conclude_again(message, key)

    async def _quoted_by(self, message: Message) -> str | None:
        """Return the page's key of the message that a message answers, if there is one."""
        if message.reply_to is None:
            return None
        found = await self._referred.find(message.connection, message.reply_to)
        return None if found is None else found.key

    async def _conclude_again(self, message: Message, key: str) -> None:
        outcome = await self._await_outcome(message, key)
        if await self._is_settled(message, outcome):
            return
        if self._is_pages_fault(message, outcome.error):
            await self._put_back(message, "page_error", uncounted=True)
            return
        known = await self._look_up(message, key)
        # While the send is pending, a recorded refusal belongs to the previous attempt.
        refused_before = outcome.state == "pending" and known.ack < 0
        await self._end_by_ack(message, key, 0 if refused_before else known.ack)

    def _is_pages_fault(self, message: Message, error: CallFailure | PageCallError | None) -> bool:
        """Note an unexpected error; tell whether the page, not the message, may be at fault."""
        if error is None or not is_unexpected(error):
            return False
        return self.trials.threw(message, error.name, error.message)

    async def _put_back(self, message: Message, reason: str, *, uncounted: bool = False) -> None:
        """Return an unsent message to its place in the queue, or fail it after its last try."""
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
        """Return a message to its place in the queue."""
        self._returned = True
        self.stalls.left()
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
        """Return a message to its place, and let others pass it until a time.

        Without `tried`, this does not count as a try.
        """
        self._returned = True
        self.stalls.left()
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
            self._note_end(message, MessageStatus.SENT)
        else:
            self._sends.note(settled)
            self._note_end(settled, status, reason)
