"""Answer those who ask whether a number is on WhatsApp, at a pace that does no harm."""

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
    """Knows which connections of a worker are asked something, from one question now and then.

    It is for questions whose bell was lost: the others are found at once.
    """

    def __init__(self, requests: NumberCheckRequests, every: timedelta) -> None:
        self._requests = requests
        self._every = every.total_seconds()
        self._asked: set[str] = set()
        self._next = 0.0

    async def has(self, connection: str) -> bool:
        """Tell whether a connection was asked something when that was last found out."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every
            self._asked = await self._requests.asked()
        return connection in self._asked


class NumberChecks:
    """Asks one page for one connection."""

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
        """Say that there may be a question."""
        self._rung = True

    async def answer_next(self) -> bool:
        """Answer the oldest question of a page that is ready; False when there is none."""
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
        # Counted first: what was asked counts, whatever becomes of the answer.
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
        # An erasure takes questions first and what is remembered then: one of the two is seen.
        if not await self._tell(check, account):
            await self._numbers.forget(check.chat_id)

    async def _tell(self, check: NumberCheck, account: str | None) -> bool:
        """Answer a question; return False where it was erased meanwhile."""
        if account is None:
            return await self._requests.answer(check, exists=False)
        return await self._requests.answer(check, exists=True, account=account)

    async def _confirm_ready(self) -> None:
        """Trust no answer that came while the page lost its line; raise PageCallError."""
        snapshot = await self._page.snapshot()
        if snapshot is None or snapshot.state is not PageState.READY:
            raise PageCallError("NotReady", None, "the page is not connected any more")
