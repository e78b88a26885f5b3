"""Publish the QR code while the page shows one, round after round, but not for ever."""

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
"""For so long a page that was asked for new codes is not asked again: it would begin anew."""

_REFRESHES = 3
"""So often is a page asked for new codes before another browser is tried."""


class QrNotScannedError(Exception):
    """The codes of a round ran out, and nobody has asked for one lately."""


class QrPage(Protocol):
    """What a publisher asks of a page; `WhatsAppPage` is the real one."""

    async def qr_code(self, form: QrForm) -> ShownCode | None:
        """Return the QR code on show."""

    async def refresh_code(self) -> None:
        """Ask for a new QR code after the last one of a round has run out."""


class QrPublisher:
    """Follows the codes of one visit."""

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
        """Publish the code on show, and for how long the page shows it."""
        code = await self._page.qr_code(self._form)
        if code is None:
            return
        self._refreshed_at, self._refreshes = None, 0
        await self._reporter.report(ConnectionState.AWAITING_SCAN, Reason.QR_SHOWN)
        await self._reporter.show_code(code.text, self._now() + code.left)

    async def next_round(self) -> None:
        """Ask for a new round of codes when the last one ran out.

        Raises QrNotScannedError when nobody has asked for one lately, and PageBrokenError when none
        come although the page was asked.
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
        """Say that there is no code now, and that a phone can be linked all the same."""
        await self._reporter.report(ConnectionState.AWAITING_SCAN, Reason.QR_IDLE)
