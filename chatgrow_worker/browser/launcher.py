"""Open a connection's browser and page, and close them in any case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from loguru import logger
from playwright.async_api import BrowserContext, BrowserType, ProxySettings
from playwright.async_api import Error as PlaywrightError

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.browser.driver import Driver
from chatgrow_worker.browser.options import BrowserOptions
from chatgrow_worker.browser.profile import free_profile, profile_of
from chatgrow_worker.browser.profiles_root import check_disk
from chatgrow_worker.browser.user_agent import set_user_agent, user_agent_of
from chatgrow_worker.page.answering import Document, remove_service_workers
from chatgrow_worker.page.bridge import bounded, why
from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.page.whatsapp_page import BELL, WhatsAppPage
from chatgrow_worker.page.wipes import watch_wipes
from sessions.connections.model import Proxy
from sessions.connections.states import Reason
from sessions.network.public_addresses import AddressNotAllowedError, require_public

SavedHtmlSource = Callable[[str], Awaitable[Document | None]]


class Launcher:
    """Open pages, each in its own browser, so that a crash affects one connection only."""

    def __init__(
        self,
        driver: Driver,
        options: BrowserOptions,
        root: Path,
        saved_html: SavedHtmlSource | None = None,
    ) -> None:
        """`saved_html` returns the HTML to open a connection's page from; None: from WhatsApp."""
        self._saved_html = saved_html
        self._driver = driver
        self._options = options
        self._root = root
        self._user_agent: str | None = None

    def profile(self, connection: str) -> Path:
        """Return the path of the connection's profile, which may not exist yet."""
        return profile_of(self._root, connection)

    @asynccontextmanager
    async def open(
        self,
        connection: str,
        local_storage: dict[str, str] | None = None,
        proxy: Proxy | None = None,
    ) -> AsyncIterator[Browser]:
        """Open WhatsApp Web with the connection's profile; raise PageBrokenError if that fails.

        `local_storage` is a dump to put into localStorage before WhatsApp's scripts run.
        """
        address = await _address_of(proxy)
        profile = self.profile(connection)
        await asyncio.to_thread(check_disk, self._root, self._options.disk_full_below)
        await free_profile(profile)
        try:
            context = await self._launch(profile, proxy, address)
            gone = asyncio.Event()
            context.on("close", lambda _context: gone.set())
            browser = Browser(await self._page(context), profile)
            try:
                if local_storage is not None:
                    await browser.page.restore_local_storage(
                        self._options.url, local_storage, self._options.launch_limit
                    )
                # Only now: the document that restores localStorage does not need the long script.
                await self._add_script(context, browser.page)
                saved = await self._saved_html(connection) if self._saved_html else None
                await browser.page.open(self._options.url, self._options.launch_limit, saved)
                yield browser
            finally:
                browser.closed_in_order = not gone.is_set() and await self._close(context)
        finally:
            await asyncio.shield(free_profile(profile))

    async def _launch(
        self, profile: Path, proxy: Proxy | None, address: str | None
    ) -> BrowserContext:
        options = self._options
        try:
            chromium = await self._driver.chromium()
            server = proxy.server if proxy else None
            arguments = [*options.arguments(server, address), *await self._user_agent_of(chromium)]
            launching = asyncio.ensure_future(
                chromium.launch_persistent_context(
                    profile,
                    executable_path=options.executable,
                    headless=True,
                    viewport=options.window,
                    args=arguments,
                    chromium_sandbox=options.sandbox,
                    service_workers=options.service_workers,
                    proxy=_proxy_settings(proxy),
                    handle_sigint=False,
                )
            )
            async with asyncio.timeout(options.launch_limit.total_seconds()):
                return await self._finish(launching)
        except (PlaywrightError, TimeoutError, OSError) as error:
            raise PageBrokenError(Reason.BROWSER_UNAVAILABLE, why(error)) from error

    async def _user_agent_of(self, chromium: BrowserType) -> list[str]:
        """Return the switch for a normal browser's user agent; ask the browser only once."""
        if self._user_agent is None:
            browser = self._options.executable or Path(chromium.executable_path)
            async with asyncio.timeout(self._options.launch_limit.total_seconds()):
                self._user_agent = await user_agent_of(browser)
        return [f"--user-agent={self._user_agent}"] if self._user_agent else []

    async def _finish(self, launching: asyncio.Future[BrowserContext]) -> BrowserContext:
        """Await a launch; if cancelled, the driver continues it: then close the browser."""
        try:
            return await asyncio.shield(launching)
        except (asyncio.CancelledError, TimeoutError):
            limit = self._options.close_limit.total_seconds()
            await asyncio.wait({launching}, timeout=limit)
            if launching.done() and not launching.exception():
                await self._close(launching.result())
            launching.cancel()
            raise

    async def _page(self, context: BrowserContext) -> WhatsAppPage:
        bell = asyncio.Event()
        async with bounded(self._options.launch_limit, Reason.BROWSER_UNAVAILABLE):
            page = context.pages[0] if context.pages else await context.new_page()
            cdp = await context.new_cdp_session(page)
            await set_user_agent(cdp)
            if self._options.service_workers == "block":
                # Playwright only blocks new ones; one from an earlier session would run.
                await remove_service_workers(cdp, self._options.url)
            whatsapp = WhatsAppPage(page, bell, self._options.call_limit)
            await watch_wipes(cdp, whatsapp.hear)
        for event in ("close", "crash"):
            page.on(event, lambda _page: bell.set())
        return whatsapp

    async def _add_script(self, context: BrowserContext, page: WhatsAppPage) -> None:
        async with bounded(self._options.launch_limit, Reason.BROWSER_UNAVAILABLE):
            await context.expose_binding(BELL, lambda _source, *words: page.hear(*words))
            await context.add_init_script(self._options.script)

    async def _close(self, context: BrowserContext) -> bool:
        """Close the browser, so that its IndexedDB is written completely; tell whether it did."""
        try:
            async with asyncio.timeout(self._options.close_limit.total_seconds()):
                await context.close()
        except (PlaywrightError, TimeoutError) as error:
            logger.warning("The browser did not close in order: {}", str(error) or "no answer")
            return False
        return True


async def _address_of(proxy: Proxy | None) -> str | None:
    """Return the address of a proxy that must be public; None if any address is allowed.

    Raises PageBrokenError if its name now resolves to a private address.
    """
    if proxy is None or proxy.may_be_private:
        return None
    try:
        return await require_public(proxy.host)
    except AddressNotAllowedError as error:
        raise PageBrokenError(Reason.BROWSER_UNAVAILABLE, f"proxy: {error}") from error


def _proxy_settings(proxy: Proxy | None) -> ProxySettings | None:
    if proxy is None:
        return None
    settings = ProxySettings(server=proxy.server)
    if proxy.username is not None:
        settings["username"] = proxy.username
    if proxy.password is not None:
        settings["password"] = proxy.password.get_secret_value()
    return settings
