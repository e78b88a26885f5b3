"""Answer checks whether a number is on WhatsApp, at the connection's pace."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from loguru import logger

from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from chatgrow_worker.sending.pacer import Pacer, Pause
from sessions.connections.store import ConnectionStore
from sessions.messages.paced_sends import PacedSends
from sessions.recipients.known_numbers import NumbersOfOwner
from sessions.recipients.number_checks import NumberCheck, NumberCheckRequests


class AskedConnections:
    """Find the connections of a worker that have open questions, with one query now and then.

    This is for questions whose ring was lost; a ring makes a connection look at once.
    """

    def __init__(self, requests: NumberCheckRequests, every: timedelta) -> None:
        self._requests = requests
        self._every = every.total_seconds()
        self._asked: set[str] = set()
        self._next = 0.0

    async def has(self, connection: str) -> bool:
        """Tell whether a connection had a question at the last query."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every
            self._asked = await self._requests.asked()
        return connection in self._asked


class NumberChecks:
    """Answer the questions of one connection with its page."""

    def __init__(
        self,
        page: WhatsAppPage,
        requests: NumberCheckRequests,
        numbers: NumbersOfOwner,
        connections: ConnectionStore,
        asked: AskedConnections,
        pacer: Pacer,
        sends: PacedSends,
        connection: str,
        now: Callable[[], datetime],
    ) -> None:
        self._page = page
        self._requests = requests
        self._numbers = numbers
        self._connections = connections
        self._asked = asked
        self._pacer = pacer
        self._sends = sends
        self._connection = connection
        self._now = now
        self._rung = True

    def ring(self) -> None:
        """Note that there may be a question."""
        self._rung = True

    async def answer_next(self) -> bool:
        """Answer the oldest question; return False if there is none. The page must be ready."""
        if not self._rung and not await self._asked.has(self._connection):
            return False
        check = await self._requests.next_pending(self._connection)
        self._rung = check is not None
        if check is None:
            return False
        known = await self._numbers.find(check.chat_id)
        if known.exists is not None:
            await self._tell(check, known.chat_id)
        elif pause := await self._pause():
            await self._requests.answer(check, retry_at=pause.until, reason=pause.reason)
        else:
            await self._ask(check)
        return True

    async def _pause(self) -> Pause | None:
        pacing, paused = await self._connections.pace_of(self._connection)
        if paused is not None and paused.until > self._now():
            return Pause(paused.until, paused.reason)
        return await self._pacer.pause_for_check(pacing)

    async def _ask(self, check: NumberCheck) -> None:
        # Counted first: the question counts for the pace even if there is no answer.
        try:
            await self._requests.count(check)
        finally:
            self._sends.forget()
        try:
            account = await self._page.account_of(check.chat_id)
            await self._confirm_ready()
        except PageCallError as error:
            logger.warning("A number could not be checked: {} {}", error.name, error.code or "")
            await self._requests.answer(check, error=error.code or error.name)
            return
        await self._numbers.remember(check.chat_id, account)
        # An erasure removes questions first, then answers, so it removes one of these two writes.
        if not await self._tell(check, account):
            await self._numbers.forget(check.chat_id)

    async def _tell(self, check: NumberCheck, account: str | None) -> bool:
        """Answer a question; return False if it was erased meanwhile."""
        if account is None:
            return await self._requests.answer(check, exists=False)
        return await self._requests.answer(check, exists=True, account=account)

    async def _confirm_ready(self) -> None:
        """Raise PageCallError if the page has lost its line, since the answer may be wrong then."""
        snapshot = await self._page.snapshot()
        if snapshot is None or snapshot.state is not PageState.READY:
            raise PageCallError("NotReady", None, "the page is not connected any more")
