"""WhatsApp Web's service worker stands between the page and the network.

The page registers `/sw.js` for all of its origin at the end of its bootstrap
(WAWebAppSwInitializer, WAWebAppBootstrap; dump of 2026-04-27).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from playwright.async_api import CDPSession, Page


async def remove_service_workers(cdp: CDPSession, url: str) -> None:
    """Forget the service workers that earlier pages of this origin have registered."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    types = {"origin": origin, "storageTypes": "service_workers"}
    await cdp.send("Storage.clearDataForOrigin", types)


@asynccontextmanager
async def without_service_worker(page: Page) -> AsyncIterator[None]:
    """Let the page's requests pass its service worker by inside the block.

    Playwright does not route what a service worker answers: a navigation that should be answered by
    us would load WhatsApp's page instead.
    """
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("Network.enable")
    await cdp.send("Network.setBypassServiceWorker", {"bypass": True})
    try:
        yield
    finally:
        await cdp.detach()
