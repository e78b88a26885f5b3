"""Publish the QR code while the page shows one, round after round, but not for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from chatgrow_worker.connections.parts import Limits
from chatgrow_worker.connections.reporter import StateReporter
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.states import ConnectionState, Reason


class QrNotScannedError(Exception):
    """The codes of a round ran out, and nobody has asked for one lately."""


class QrPublisher:
    """Follows the codes of one visit; the first of a round lives longer than the others."""

    def __init__(
        self,
        page: WhatsAppPage,
        reporter: StateReporter,
        limits: Limits,
        now: Callable[[], datetime],
        is_asked_for: Callable[[], Awaitable[bool]],
    ) -> None:
        self._page = page
        self._reporter = reporter
        self._limits = limits
        self._now = now
        self._is_asked_for = is_asked_for
        self._first_of_round = True
        self._code: str | None = None
        self._expires_at: datetime | None = None

    async def follow(self, *, idle: bool) -> None:
        """Publish the code on show, or ask for a new round when the last one ran out.

        XX
        """
        if idle:
            await self._next_round()
            return
        code = await self._page.auth_code()
        if code is None:
            return
        if code != self._code:
            lives = self._limits.qr_first if self._first_of_round else self._limits.qr_next
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
