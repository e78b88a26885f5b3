"""What came of a send that was started, as far as the page shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from chatgrow_worker.page.errors import LineDeadError, PageCallError
from chatgrow_worker.page.refusals import refusal_of_error, refusal_of_outcome
from chatgrow_worker.page.snapshot import CallFailure, LookUp, Outcome
from chatgrow_worker.sending.message_parts import MessageParts
from chatgrow_worker.sending.outgoing_files import OutgoingFiles
from chatgrow_worker.sending.results import SendResults
from chatgrow_worker.sending.sending_page import SendingPage
from chatgrow_worker.waiting import happens
from chatgrow_worker.whatsapp_change.send_trials import SendTrials, is_unexpected
from sessions.messages.content import ACTIONS, SELDOM_ANSWERED
from sessions.messages.effects import Effects
from sessions.messages.model import Ack, Message, MessageStatus

_SELDOM_FOR = timedelta(seconds=10)
"""How long an answer is awaited that may never come: others wait meanwhile."""
_NOT_CONFIRMED = "not_confirmed"
"""The code of our script when it cannot see whether something was done."""
_DUPLICATE = "DuplicateMessageError"
"""The error of WhatsApp's page when its storage already has a message with this id."""


class Conclusions:
    """Follow a started send to its end, look an undecided one up, and send a ghost again.

    Raises LineDeadError when a send is undecided and the page has lost its line.
    """

    def __init__(
        self,
        page: SendingPage,
        page_bell: asyncio.Event,
        results: SendResults,
        parts: MessageParts,
        files: OutgoingFiles,
        effects: Effects,
        trials: SendTrials,
        check_lease: Callable[[], None],
    ) -> None:
        self._page = page
        self._page_bell = page_bell
        self._results = results
        self._parts = parts
        self._files = files
        self._effects = effects
        self._trials = trials
        self._check_lease = check_lease
        self._queue, self._lease = results.queue, results.lease
        self._limits, self._known_chats = results.limits, results.known_chats

    def began(self, message: Message) -> None:
        """Note that a send has started, if WhatsApp acknowledges every message of its kind."""
        if message.kind not in SELDOM_ANSWERED:
            self._results.stalls.began(self._files.take(message))

    async def look_up(self, message: Message, key: str) -> LookUp:
        """Look a message up; raise LineDeadError if the answer means nothing without a line."""
        known = await self._page.look_up(key, message.chat)
        if known.ack <= 0 and not known.line:
            raise LineDeadError
        return known

    async def conclude(self, message: Message, key: str) -> None:
        """Record the result of a send that was started; look an undecided one up in the page."""
        outcome = await self._await_outcome(message, key)
        if await self._is_settled(message, outcome):
            return
        if self.is_pages_fault(message, outcome.error):
            await self._results.put_back(message, "page_error", uncounted=True)
            return
        if message.kind in ACTIONS:
            await self._end_undone(message, outcome.error)
            return
        known = await self.look_up(message, key)
        if known.found or outcome.error is None:
            await self.settle_by_ack(message, key)
        elif outcome.error.name == _DUPLICATE:
            # The page has used this id before but cannot find the message: it may have been sent.
            await self._end_by_ack(message, key, ack=0)
        elif refusal := refusal_of_error(outcome.error):
            await self._results.refuse(message, refusal)
        elif outcome.error.code is None:
            # Not a refusal by WhatsApp or wa-js: something broke, and the message was not sent.
            await self._results.put_back(message, outcome.error.name)
        else:
            await self._results.end(message, MessageStatus.FAILED, outcome.error.code)

    async def settle_by_ack(self, message: Message, key: str) -> None:
        """Wait for an ack in the page's record of the message, and end the message by it."""
        wait = timedelta(0) if message.kind in SELDOM_ANSWERED else self._limits.ghost_wait
        give_up = time.monotonic() + wait.total_seconds()
        while True:
            self._page_bell.clear()
            known = await self.look_up(message, key)
            if known.ack != 0:
                await self._end_by_ack(message, key, known.ack)
                return
            if time.monotonic() >= give_up:
                await self._after_silence(message, key)
                return
            await happens(self._page_bell, self._limits.outcome_poll)

    async def send_again(self, message: Message, key: str) -> None:
        """Send a message again that the page has stored, and end it by the page's record."""
        self._check_lease()
        if message.media is None:
            self.began(message)
            await self._page.resend(key, message.chat)
            await self._conclude_again(message, key)
            return
        content = await self._parts.content_of(message)
        if content is None:
            return
        async with self._parts.with_file(message, content) as (is_ready, file):
            if is_ready:
                refers_to = await self._parts.key_of_quoted(message)
                self.began(message)
                await self._page.resend(key, message.chat, content, refers_to, file)
                await self._conclude_again(message, key)

    async def _end_undone(self, message: Message, error: CallFailure | None) -> None:
        """End an action that was not done, as far as the page shows; it may have been."""
        if error is None or error.code == _NOT_CONFIRMED:
            await self._results.end(message, MessageStatus.UNKNOWN, _NOT_CONFIRMED)
        elif refusal := refusal_of_error(error):
            await self._results.refuse(message, refusal)
        elif error.code is None:
            await self._results.put_back(message, error.name)
        else:
            await self._results.end(message, MessageStatus.FAILED, error.code)

    async def _is_settled(self, message: Message, outcome: Outcome) -> bool:
        """Record a successful send, or handle a refusal; return False if it was neither."""
        if outcome.went_well:
            self._trials.went_out(message)
            self._known_chats.add(message.to, message.chat)
            if message.kind in ACTIONS:
                await self._effects.record(self._lease, message, outcome.by)
            await self._results.end(message, MessageStatus.SENT)
            return True
        refusal = refusal_of_outcome(outcome, message.chat)
        if refusal is None:
            return False
        self._results.stalls.ended(acknowledged=True)
        await self._results.refuse(message, refusal)
        return True

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

    async def _end_by_ack(self, message: Message, key: str, ack: int) -> None:
        """End a message by the ack in the page's record of it."""
        if ack == 0:
            await self._results.end(message, MessageStatus.UNKNOWN, "stored_but_not_acknowledged")
        elif ack < 0:
            await self._results.end(message, MessageStatus.FAILED, "refused_by_whatsapp")
        else:
            await self._results.end(message, MessageStatus.SENT)
            # Later acks may have come already while no page was open, and will not be repeated.
            reached = Ack(min(ack, Ack.PLAYED))
            if moved := await self._queue.record_ack(self._lease, key, reached):
                self._results.metrics.acked(moved)

    async def _after_silence(self, message: Message, key: str) -> None:
        """Send a ghost again under its id, unless the page is still sending it or it has expired.

        A ghost is a message that the page stored but did not send, because it died or got an
        error. The page never sends it by itself. It may have been sent all the same, so it ends as
        unknown if it is not sent again.
        """
        pending = (await self._page.outcome(key)).state == "pending"
        wanted = self._limits.resend_ghosts or message.unknown_at is not None  # retried by a person
        if wanted and not pending and not await self._queue.is_overdue(message):
            await self.send_again(message, key)
        else:
            await self._end_by_ack(message, key, ack=0)

    async def _conclude_again(self, message: Message, key: str) -> None:
        outcome = await self._await_outcome(message, key)
        if await self._is_settled(message, outcome):
            return
        if self.is_pages_fault(message, outcome.error):
            await self._results.put_back(message, "page_error", uncounted=True)
            return
        known = await self.look_up(message, key)
        # While the send is pending, a recorded refusal belongs to the previous attempt.
        refused_before = outcome.state == "pending" and known.ack < 0
        await self._end_by_ack(message, key, 0 if refused_before else known.ack)

    def is_pages_fault(self, message: Message, error: CallFailure | PageCallError | None) -> bool:
        """Note an unexpected error; tell whether the page, not the message, may be at fault."""
        if error is None or not is_unexpected(error):
            return False
        return self._trials.threw(message, error.name, error.message)
