"""Pages with a script of ours in them, outside of any worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from playwright.async_api import Browser, Page

from chatgrow_worker.page.script import init_script, read_wa_js
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from tests.integration.whatsapp_web_driver import USER_AGENT, WA_JS
from tests.waiting import until

_LIMIT = timedelta(seconds=20)


@asynccontextmanager
async def opened(
    browser: Browser, url: str, *, first: str = "", then: str = ""
) -> AsyncIterator[tuple[Page, WhatsAppPage]]:
    """Open WhatsApp Web in a context of its own; give the page and what a worker has of it.

    Our script runs before the page's own scripts, `first` before it and `then` after it.
    """
    # A service worker asks under the browser's own name, which WhatsApp Web refuses.
    context = await browser.new_context(user_agent=USER_AGENT, service_workers="block")
    try:
        await context.add_init_script(first + init_script(read_wa_js(WA_JS), url, "Test") + then)
        page = await context.new_page()
        calls = WhatsAppPage(page, asyncio.Event(), _LIMIT)
        await calls.open(f"{url}/", _LIMIT)
        yield page, calls
    finally:
        await context.close()


async def shows(calls: WhatsAppPage, state: PageState) -> bool:
    """Tell whether a page shows a state."""
    snapshot = await calls.snapshot()
    return snapshot is not None and snapshot.state is state


async def until_it_shows(calls: WhatsAppPage, state: PageState) -> None:
    """Wait until a page shows a state."""
    await until(lambda: shows(calls, state))
