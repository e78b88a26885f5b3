"""Log a page out, so that the phone no longer lists us and the page has no login."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from loguru import logger

from chatgrow_worker.connection.page_session import LoggedOutError
from chatgrow_worker.connection.steady import Steady
from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.login_end import LoginEnd
from chatgrow_worker.page.snapshot import LINE_LOST, PageState, Snapshot
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from chatgrow_worker.waiting import any_of
from sessions.connections.states import Reason

_LOOK_EVERY = timedelta(milliseconds=250)
_AGAIN_AFTER = timedelta(seconds=5)
_LINE_BACK_WITHIN = timedelta(seconds=5)
_UNLINKED = (PageState.QR, PageState.QR_IDLE, PageState.PASSKEY)
_CAN_LOG_OUT = (PageState.READY, PageState.SYNCING)
_NO_LINE = ("OPENING", "OFFLINE", "TIMEOUT")
"""The line's states before the page reports that it is offline; a logout would not arrive."""


class Logout:
    """The logout of one open page."""

    def __init__(
        self,
        page: WhatsAppPage,
        login_end: LoginEnd,
        give_up: float,
        reload_limit: timedelta,
        check_lease: Callable[[], None],
        line_back_within: timedelta = _LINE_BACK_WITHIN,
    ) -> None:
        """Take the page, the signs of how the login ended, and when to give up (monotonic clock).

        `check_lease` raises LeaseLostError when the lease is not certain; the page then does not
        take the login back from another browser.
        """
        self._page = page
        self._login_end = login_end
        self._give_up = give_up
        self._reload_limit = reload_limit
        self._check_lease = check_lease
        self._without_line = Steady(line_back_within)
        self._asked = False
        self._without_login = Steady()
        self._next_try = 0.0

    async def run(self, ending: asyncio.Event) -> None:
        """Follow the page until it is logged out or `ending` is set.

        Success is seen only in the page's state, since nothing confirms WhatsApp's receipt.

        Raises LoggedOutError at the end: LOGGED_OUT_BY_REQUEST, LOGIN_LOST if the page came up
        without the login, STILL_LISTED if it could not log out in time. Raises PageBrokenError.
        """
        while not ending.is_set():
            self._page.bell.clear()
            try:
                snapshot = await self._page.snapshot()
                if snapshot is not None:
                    await self._act(snapshot)
            except PageCallError as error:
                logger.debug("The page was busy with itself: {}", error)
            if time.monotonic() >= self._give_up:
                raise LoggedOutError(Reason.STILL_LISTED)
            await any_of(self._page.bell, ending, within=_LOOK_EVERY)

    async def _act(self, snapshot: Snapshot) -> None:
        self._page.tell(self._login_end)
        self._login_end.hear(snapshot.epoch, snapshot.signs)
        state = snapshot.state
        if state in _UNLINKED:
            self._at_qr_screen(snapshot)
            return
        self._without_login.ends()
        if state not in LINE_LOST:
            self._without_line.ends()
        elif self._without_line.holds(snapshot.epoch):
            self._check_lease()
            await self._page.reload(self._reload_limit)  # takes the login back
        if time.monotonic() < self._next_try:
            return
        has_line = snapshot.online and snapshot.info not in _NO_LINE
        if state in _CAN_LOG_OUT and snapshot.authenticated and has_line:
            # Set before the call: the page may navigate away before it answers.
            self._asked = True
            await self._page.log_out()
            self._next_try = time.monotonic() + _AGAIN_AFTER.total_seconds()

    def _at_qr_screen(self, snapshot: Snapshot) -> None:
        if self._asked or self._login_end.reason is Reason.UNLINKED:
            raise LoggedOutError(Reason.LOGGED_OUT_BY_REQUEST)
        if self._without_login.holds(snapshot.epoch):
            raise LoggedOutError(Reason.LOGIN_LOST)
