"""Pages with a script of ours in them, outside of any worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Page, Playwright

from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from tests.integration.whatsapp_web_driver import CHROMIUM, USER_AGENT


@asynccontextmanager
async def opened(playwright: Playwright, folder: Path, script: str) -> AsyncIterator[Page]:
    """Give a page in which a script runs before its own."""
    context = await playwright.chromium.launch_persistent_context(
        folder, executable_path=CHROMIUM, args=["--no-sandbox", f"--user-agent={USER_AGENT}"]
    )
    try:
        await context.add_init_script(script)
        yield context.pages[0]
    finally:
        await context.close()


def calls_of(page: Page) -> WhatsAppPage:
    """Return what the worker has of a page."""
    return WhatsAppPage(page, asyncio.Event(), timedelta(seconds=20))
