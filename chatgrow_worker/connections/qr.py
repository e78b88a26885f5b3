"""Publish the QR code while the page shows one, round after round, but not for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from chatgrow_worker.connections.reporter import StateReporter
from sessions.states import ConnectionState, Reason


class QrNotScannedError(Exception):
    """The codes of a round ran out, and nobody has asked for one lately."""


class QrPage(Protocol):
    """What a publisher asks of a page; `WhatsAppPage` is the real one."""

    async def auth_code(self) -> str | None:
        """Return the text of the QR code on show, a credential."""

    async def refresh_code(self) -> None:
        """Ask for a new QR code after the last one of a round has run out."""


class QrPublisher:
    """Follows the codes of one visit; the first of a round lives longer than the others."""

    def __init__(
        self,
        page: QrPage,
        reporter: StateReporter,
        first: timedelta,
        following: timedelta,
        now: Callable[[], datetime],
        is_asked_for: Callable[[], Awaitable[bool]],
    ) -> None:
        self._page = page
        self._reporter = reporter
        self._first = first
        self._following = following
        self._now = now
        self._is_asked_for = is_asked_for
        self._first_of_round = True
        self._code: str | None = None
        self._expires_at: datetime | None = None

    async def follow(self, *, idle: bool) -> None:
        """Publish the code on show, or ask for a new round when the last one ran out.

        Raises QrNotScannedError when it ran out and nobody has asked for one lately.
        """
        if idle:
            await self._next_round()
            return
        code = await self._page.auth_code()
        if code is None:
            return
        if code != self._code:
            lives = self._first if self._first_of_round else self._following
            self._code, self._expires_at = code, self._now() + lives
            self._first_of_round = False
        await self._reporter.report(ConnectionState.AWAITING_SCAN, Reason.QR_SHOWN)
        if self._expires_at is not None:
            await self._reporter.show_code(code, self._expires_at)

    async def _next_round(self) -> None:
        if not await self._is_asked_for():
            raise QrNotScannedError
        self._first_of_round = True
        self._code = None
        await self._reporter.report(ConnectionState.AWAITING_SCAN, Reason.QR_IDLE)
        await self._page.refresh_code()
