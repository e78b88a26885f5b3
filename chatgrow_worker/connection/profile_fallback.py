"""Go back to an older login if pages do not load on this one but do on an empty profile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from loguru import logger

from chatgrow_worker.browser.profile import PROBE, remove_profile
from chatgrow_worker.connection.services import WorkerServices
from chatgrow_worker.login.source import LoginSource
from chatgrow_worker.page.errors import PageBrokenError, PageCallError
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from chatgrow_worker.waiting import any_of
from sessions.common.ids import new_id
from sessions.connections.model import Proxy
from sessions.connections.states import Reason

_STUCK_AT_MOST = 3
_LOOK_EVERY = timedelta(seconds=1)
_LOADED = (PageState.QR, PageState.QR_IDLE, PageState.PASSKEY)
_MAY_BE_THE_LOGIN = (Reason.PAGE_LOADING, Reason.LOADING_CHATS)
"""Failures to start the browser are not counted: Chromium starts on any damaged profile."""


class ProfileFallback:
    """Count the pages that did not load, and try another login.

    Most often WhatsApp Web, a proxy or our own script is the cause. So another login is tried only
    if a page loads on an empty profile at that time, and only once until a page has worked again.
    """

    def __init__(
        self,
        services: WorkerServices,
        source: LoginSource,
        proxy: Proxy | None,
        turn: asyncio.Event,
    ) -> None:
        """Take the event that is set when a command is pending or the connection is to end."""
        self._services = services
        self._source = source
        self._proxy = proxy
        self._turn = turn
        self._stuck = 0
        self._gave_way = False

    def page_worked(self) -> None:
        """Note that a page was ready on the current login."""
        self._stuck = 0
        self._gave_way = False

    def restart(self) -> None:
        """Start counting again, since a person has asked for a new page."""
        self._stuck = 0

    async def consider(self, reason: Reason) -> None:
        """Count a page that broke, and try another login if it is time; raise STORE_DOWN errors."""
        if reason not in _MAY_BE_THE_LOGIN:
            return
        self._stuck += 1
        if self._stuck < _STUCK_AT_MOST:
            return
        self._stuck = 0
        if await self._source.restore_backup():
            logger.warning("The page does not load on the older login either; using this one again")
        elif not self._gave_way and await self._source.has_another():
            await self._try_another()

    async def _try_another(self) -> None:
        if not await self._loads_on_an_empty_profile():
            if self._turn.is_set():
                return
            logger.warning("No page loads on an empty profile either: the login is kept")
        elif await self._source.give_way():
            self._gave_way = True
            logger.warning("The page does not load on this login; trying the older one")

    async def _loads_on_an_empty_profile(self) -> bool:
        name = f"{PROBE}{new_id()}"
        give_back = await self._services.start_slots.take(self._turn)
        if give_back is None:
            return False
        try:
            async with self._services.pages.open(name, None, self._proxy) as browser:
                return await self._shows_a_code(browser.page, give_back)
        except PageBrokenError as error:
            logger.info("A page on an empty profile broke: {}", error)
            return False
        finally:
            give_back()
            await asyncio.to_thread(remove_profile, self._services.pages.profile(name))

    async def _shows_a_code(self, page: WhatsAppPage, on_loaded: Callable[[], None]) -> bool:
        """Follow a page until it shows a QR code, which needs WhatsApp's scripts and line."""
        try:
            async with asyncio.timeout(self._services.limits.reload.total_seconds()):
                while not self._turn.is_set():
                    page.bell.clear()
                    state = await _state_of(page)
                    if state is not PageState.LOADING:
                        on_loaded()
                    if state in _LOADED:
                        return True
                    await any_of(page.bell, self._turn, within=_LOOK_EVERY)
        except TimeoutError:
            pass
        return False


async def _state_of(page: WhatsAppPage) -> PageState:
    try:
        snapshot = await page.snapshot()
    except PageCallError:
        return PageState.LOADING
    return snapshot.state if snapshot else PageState.LOADING
