"""Open pages from saved HTML when an operator asks for it, and only while it helps.

WhatsApp may serve a page that does not work. The version before it usually works for some more
days, until WhatsApp refuses it, so saved HTML is given up at the first sign of a refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from loguru import logger

from chatgrow_worker.page.answering import Document
from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.page.snapshot import PageState, Snapshot
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.connections.states import Reason
from sessions.storage.mongo import STORE_DOWN, brief
from sessions.whatsapp.saved_html import SavedHtml, SavedHtmlStore


class EmergencyHtml:
    """Decide for the connections of a worker whether to open pages from saved HTML."""

    def __init__(self, store: SavedHtmlStore, url: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._url = url
        self._now = now
        self._given: dict[str, str] = {}
        self._did_not_come_up: dict[str, str] = {}

    async def for_opening(self, connection: str) -> Document | None:
        """Return the HTML to open the connection's page from; None for what WhatsApp serves."""
        self._given.pop(connection, None)
        try:
            html = await self._store.to_serve(self._url, self._now())
        except STORE_DOWN as error:
            logger.debug("Cannot read saved HTML, MongoDB is away or refuses: {}", brief(error))
            return None
        if html is None or self._did_not_come_up.get(connection) == html.sha256:
            return None
        logger.warning("Opening the page from HTML saved at {}, {}", html.saved_at, html.version)
        self._given[connection] = html.sha256
        return Document(html.body, html.headers)

    def given(self, connection: str) -> str | None:
        """Return the digest of the saved HTML that the connection's page was opened from."""
        return self._given.get(connection)

    def broke(self, connection: str, reason: Reason) -> None:
        """Note how a page broke; after one that did not load, the other source is tried."""
        if reason is not Reason.PAGE_LOADING:
            return
        if (given := self._given.get(connection)) is not None:
            self._did_not_come_up[connection] = given
        else:
            self._did_not_come_up.pop(connection, None)

    async def live_came_up(self, connection: str) -> None:
        """Give up saved HTML that did not load, since the page that WhatsApp serves has loaded."""
        if (failed := self._did_not_come_up.get(connection)) is not None:
            await self.give_up(failed, "the page that WhatsApp serves loads, the saved one did not")
            self._did_not_come_up.pop(connection, None)

    async def give_up(self, sha256: str, why: str) -> None:
        """Stop using this HTML, on the whole fleet."""
        if await self._store.give_up(sha256, why, self._now()):
            logger.error("Saved HTML is given up, WhatsApp's own pages are used again: {}", why)

    async def keep(self, page: WhatsAppPage) -> None:
        """Save the HTML that WhatsApp served for this page, if none or only an old one is saved."""
        served, page.served = page.served, None
        now = self._now()
        if served is None or not await self._store.is_due(self._url, now):
            return
        version = (await page.about()).version
        html = SavedHtml(self._url, served.body, served.headers, version, now)
        if await self._store.save(html):
            logger.info("Saved the page's HTML, {} bytes, version {}", len(served.body), version)
        else:
            logger.warning("The page's HTML is too large to save: {} bytes", len(served.body))


class HtmlOfPage:
    """Follow one page to learn whether the HTML that it was opened from works."""

    def __init__(self, html: EmergencyHtml, connection: str, page: WhatsAppPage) -> None:
        self._html = html
        self._connection = connection
        self._page = page
        self._saved = html.given(connection)
        self._epoch: str | None = None

    @property
    def is_saved(self) -> bool:
        """Whether the page was opened from saved HTML."""
        return self._saved is not None

    async def look(self, state: PageState, snapshot: Snapshot | None) -> None:
        """Save the HTML of a page that works; give up saved HTML that WhatsApp refuses.

        Raises PageBrokenError for a page that is refused, and STORE_DOWN errors.
        """
        if self._saved is not None:
            await self._look_for_refusal(self._saved, state)
        elif state is PageState.READY and snapshot is not None:
            await self._html.live_came_up(self._connection)
            await self._keep_when_proven(snapshot.epoch)

    async def _look_for_refusal(self, saved: str, state: PageState) -> None:
        if self._page.left_with_a_reason:
            await self._html.give_up(saved, "WhatsApp logged the page out")
        elif state is PageState.OUTDATED:  # such a page also reloads itself again and again
            await self._html.give_up(saved, "WhatsApp refuses its version")
            raise PageBrokenError(Reason.UPDATE_NEEDED, "WhatsApp refuses the saved page")

    async def _keep_when_proven(self, epoch: str) -> None:
        """Save the served HTML once this load of the page has sent a message."""
        self._epoch = self._epoch or epoch
        if epoch != self._epoch:
            self._page.served = None  # the page has reloaded itself from HTML that was not captured
        elif self._page.has_sent and self._page.served is not None:
            await self._html.keep(self._page)
