"""Publish the page's QR codes as long as somebody asks for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from chatgrow_worker.connection.state_reporter import StateReporter
from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.page.qr_form import QrForm
from chatgrow_worker.page.snapshot import ShownCode
from sessions.connections.states import ConnectionState, Reason

_REFRESH_TAKES = timedelta(seconds=10)
"""How long to wait for new codes before asking the page again, which would restart them."""

_REFRESHES = 3
"""How many times a page is asked for new codes before another browser is tried."""


class QrNotScannedError(Exception):
    """The QR codes have expired, and nobody has asked for one lately."""


class QrPage(Protocol):
    """What a publisher needs of a page; `WhatsAppPage` is the real one."""

    async def qr_code(self, form: QrForm) -> ShownCode | None:
        """Return the QR code on show."""

    async def refresh_code(self) -> None:
        """Ask for new QR codes after the last one has expired."""


class QrPublisher:
    """Publish the QR codes of one page."""

    def __init__(
        self,
        page: QrPage,
        reporter: StateReporter,
        form: QrForm,
        now: Callable[[], datetime],
        is_asked_for: Callable[[], Awaitable[bool]],
    ) -> None:
        self._page = page
        self._reporter = reporter
        self._form = form
        self._now = now
        self._is_asked_for = is_asked_for
        self._refreshed_at: datetime | None = None
        self._refreshes = 0

    async def show(self) -> None:
        """Publish the code on show, and when it expires."""
        code = await self._page.qr_code(self._form)
        if code is None:
            return
        self._refreshed_at, self._refreshes = None, 0
        await self._reporter.report(ConnectionState.AWAITING_SCAN, Reason.QR_SHOWN)
        await self._reporter.show_code(code.text, self._now() + code.left)

    async def next_round(self) -> None:
        """Ask the page for new codes when the last one has expired.

        Raises QrNotScannedError if nobody has asked for one lately, and PageBrokenError if the
        page shows none although it was asked.
        """
        if not await self._is_asked_for():
            raise QrNotScannedError
        await self.rest()
        last, now = self._refreshed_at, self._now()
        if last is not None and now - last < _REFRESH_TAKES:
            return
        if self._refreshes == _REFRESHES:
            raise PageBrokenError(Reason.PAGE_UNRESPONSIVE, "the page shows no new QR codes")
        self._refreshed_at, self._refreshes = now, self._refreshes + 1
        await self._page.refresh_code()

    async def rest(self) -> None:
        """Report that no QR code is shown now, while a phone can still be linked."""
        await self._reporter.report(ConnectionState.AWAITING_SCAN, Reason.QR_IDLE)
