"""A person's browser on our own pages, which notes everything that should not happen there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    ViewportSize,
)

from chatgrow_worker.browser.options import find_chromium
from chatgrow_worker.browser.savings import ALL, switches_of

_AXE = Path(__file__).parent / "acceptance/node_modules/axe-core/axe.min.js"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}


@dataclass
class PageSession:
    """A page that somebody looks at."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    """What the page asked for, as it goes over the wire: without what stands behind a `#`."""

    @property
    def hosts(self) -> set[str]:
        """The hosts that it asked."""
        return {urlsplit(each).netloc for each in self.requested}

    async def barriers(self) -> list[str]:
        """Return what axe-core finds that keeps people out, in what stays when all has moved."""
        await self.page.emulate_media(reduced_motion="reduce")
        if not await self.page.evaluate("Boolean(window.axe)"):
            await self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        # What is right is not looked into: that would take longer than to find what is wrong.
        options = "{resultTypes: ['violations']}"
        found: dict[str, Any] = await self.page.evaluate(f"axe.run(document, {options})")
        return [
            f"{each['id']}: {node['html'][:120]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    async def overflows(self) -> bool:
        """Tell whether the page is wider than its window."""
        wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(await self.page.evaluate(wider))


@asynccontextmanager
async def people(playwright: Playwright) -> AsyncIterator[Browser]:
    """Start a browser for people, apart from those that a worker runs.

    It saves time as those do: one process for all pages knows what each has compiled.
    """
    sandbox = os.geteuid() != 0
    browser = await playwright.chromium.launch(
        executable_path=find_chromium(None),
        chromium_sandbox=sandbox,
        args=switches_of(ALL, sandbox=sandbox),
    )
    yield browser
    await browser.close()


class Person:
    """Visits pages with one tab for each language, which knows the scripts of the visit before.

    Whom it has been, and what tests have set up in it, is forgotten after each visit.
    """

    def __init__(self, browser: Browser) -> None:
        """Visit with this browser."""
        self.browser = browser
        self._tabs: dict[str, Page] = {}

    @asynccontextmanager
    async def tab(self, locale: str) -> AsyncIterator[Page]:
        """Yield the tab for a language."""
        if locale not in self._tabs:
            context = await self.browser.new_context(locale=locale)
            self._tabs[locale] = await context.new_page()
        page = self._tabs[locale]
        try:
            yield page
        finally:
            await page.goto("about:blank")
            await page.unroute_all()
            await page.context.clear_cookies()
            await page.context.set_offline(False)


@asynccontextmanager
async def _own_tab(browser: Browser, locale: str) -> AsyncIterator[Page]:
    context = await browser.new_context(locale=locale)
    try:
        yield await context.new_page()
    finally:
        await context.close()


@asynccontextmanager
async def visit(
    who: Browser | Person,
    url: str,
    *,
    locale: str = "en-GB",
    viewport: ViewportSize = DESKTOP,
    dark: bool = False,
    before: Callable[[BrowserContext], Awaitable[None]] | None = None,
) -> AsyncIterator[PageSession]:
    """Open an address as a person does, in a tab of a context of its own or in a person's tab.

    Yields what they see. `before` gets the context before the address is opened.
    """
    tab = who.tab(locale) if isinstance(who, Person) else _own_tab(who, locale)
    async with tab as page:
        if before is not None:
            await before(page.context)
        await page.set_viewport_size(viewport)
        scheme: Literal["dark", "light"] = "dark" if dark else "light"
        await page.emulate_media(color_scheme=scheme, reduced_motion="no-preference")
        with _noting(PageSession(page)) as seen:
            await page.goto(url)
            yield seen


async def sign_in(page: Page, email: str, password: str, first_key: str) -> None:
    """Fill in the sign-in form and send it; who is the first one proves it by the first key."""
    first = page.locator("#setup-token")
    if await first.count():
        await first.fill(first_key)
    await page.locator("#email").fill(email)
    await page.locator("#password").fill(password)
    await page.locator("form [type=submit]").click()


async def go_to(page: Page, view: str) -> None:
    """Go to a view that stands in the navigation behind "More"."""
    await page.locator(".more-views summary").click()
    await page.get_by_role("link", name=view).click()


@contextmanager
def _noting(seen: PageSession) -> Iterator[PageSession]:
    """Note what the page does, until the visit ends."""

    def said(told: ConsoleMessage) -> None:
        # What a server refuses is reported as an error, too; pages say that in words.
        wrong = told.type in ("error", "warning")
        if wrong and "the server responded with a status" not in told.text:
            seen.complaints.append(told.text)

    def failed(error: Error) -> None:
        seen.complaints.append(str(error))

    def asked(request: Request) -> None:
        seen.requested.append(request.url.partition("#")[0])

    page = seen.page
    page.on("console", said)
    page.on("pageerror", failed)
    page.on("request", asked)
    try:
        yield seen
    finally:
        page.remove_listener("console", said)
        page.remove_listener("pageerror", failed)
        page.remove_listener("request", asked)
