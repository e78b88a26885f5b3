"""A person's browser on our own pages, which notes everything that should not happen there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page, Playwright, ViewportSize

from chatgrow_worker.browser.options import find_chromium

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
    """Start a browser for people, apart from those that a worker runs."""
    browser = await playwright.chromium.launch(
        executable_path=find_chromium(None), chromium_sandbox=os.geteuid() != 0
    )
    yield browser
    await browser.close()


@asynccontextmanager
async def visit(
    browser: Browser,
    url: str,
    *,
    locale: str = "en-GB",
    viewport: ViewportSize = DESKTOP,
    dark: bool = False,
    before: Callable[[BrowserContext], Awaitable[None]] | None = None,
) -> AsyncIterator[PageSession]:
    """Open an address as a person does; yield what they see.

    `before` gets the browser's context before the address is opened.
    """
    context = await browser.new_context(
        locale=locale, viewport=viewport, color_scheme="dark" if dark else "light"
    )
    try:
        if before is not None:
            await before(context)
        seen = PageSession(await context.new_page())
        seen.page.on("console", lambda told: _note(seen, told.type, told.text))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("request", lambda asked: seen.requested.append(asked.url.partition("#")[0]))
        await seen.page.goto(url)
        yield seen
    finally:
        await context.close()


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


def _note(seen: PageSession, kind: str, text: str) -> None:
    # What a server refuses is reported as an error, too; pages say that in words.
    if kind in ("error", "warning") and "the server responded with a status" not in text:
        seen.complaints.append(text)
