"""Answer a page's navigations instead of WhatsApp, also if it has a service worker.

At the end of its bootstrap the page registers a service worker, `/sw.js`, for its whole origin
(WAWebAppSwInitializer, WAWebAppBootstrap; dump of 2026-04-27). Playwright's `route` does not see
requests that a service worker answers, and disables the browser's cache; so this uses CDP.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

_HTML = MappingProxyType({"content-type": "text/html; charset=utf-8"})


@dataclass(frozen=True)
class Document:
    """The answer to a navigation."""

    body: bytes = b"<!doctype html>"
    headers: Mapping[str, str] = field(default_factory=lambda: _HTML)


class Answering:
    """Answer each navigation of a page to one address until it is stopped."""

    def __init__(self, cdp: CDPSession, document: Document) -> None:
        self._cdp = cdp
        self._document = document
        self._answers: set[asyncio.Task[None]] = set()

    async def begin(self, url: str) -> None:
        """Intercept the navigations to exactly this address, before any service worker."""
        self._cdp.on("Fetch.requestPaused", self._on_paused)
        await self._cdp.send("Network.enable")
        await self._cdp.send("Network.setBypassServiceWorker", {"bypass": True})
        # `*` and `?` are wildcards unless a backslash escapes them.
        pattern = re.sub(r"([*?\\])", r"\\\1", url.partition("#")[0])
        patterns = [{"urlPattern": pattern, "resourceType": "Document"}]
        await self._cdp.send("Fetch.enable", {"patterns": patterns})

    async def stop(self) -> None:
        """Stop intercepting navigations."""
        await self._cdp.detach()

    def _on_paused(self, event: dict[str, Any]) -> None:
        answer = asyncio.create_task(self._answer(event["requestId"]), name="answer a navigation")
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    async def _answer(self, request: str) -> None:
        headers = [{"name": name, "value": text} for name, text in self._document.headers.items()]
        body = base64.b64encode(self._document.body).decode()
        answer = {"requestId": request, "responseCode": 200, "responseHeaders": headers}
        try:
            await self._cdp.send("Fetch.fulfillRequest", {**answer, "body": body})
        except PlaywrightError:
            return  # the page is gone, or already navigates elsewhere


async def answer_navigations(page: Page, url: str, document: Document) -> Answering:
    """Begin to answer the page's navigations to this address with a document."""
    await _let_reach_this_machine(page, url)
    answering = Answering(await page.context.new_cdp_session(page), document)
    await answering.begin(url)
    return answering


async def _let_reach_this_machine(page: Page, url: str) -> None:
    """Allow a page of this machine, as in tests, to send requests to this machine.

    Chromium treats a document that we answered with as one from the public network, whose requests
    to this machine it would block.
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.startswith("127."):
        await page.context.grant_permissions(["local-network-access"], origin=url)


@asynccontextmanager
async def answered(page: Page, url: str, document: Document) -> AsyncIterator[None]:
    """Answer the page's navigations to this address with a document inside the block."""
    answering = await answer_navigations(page, url, document)
    try:
        yield
    finally:
        await answering.stop()


async def remove_service_workers(cdp: CDPSession, url: str) -> None:
    """Remove the service workers that earlier pages of this origin have registered."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    types = {"origin": origin, "storageTypes": "service_workers"}
    await cdp.send("Storage.clearDataForOrigin", types)
