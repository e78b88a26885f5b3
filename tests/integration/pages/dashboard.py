"""Open the dashboard in a browser as somebody who has signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp.test_utils import TestClient
from playwright.async_api import Browser, BrowserContext, ViewportSize, expect

from tests.integration.conftest import KEY
from tests.people import DESKTOP, PageSession, Person, sign_in, visit
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web

    Client = TestClient[web.Request, web.Application]

EMAIL = "dana@example.com"
PASSWORD = "correct horse battery staple"
_SOON_MS = 5_000
"""Longer than a view takes to follow up an event that does not tell enough."""


@asynccontextmanager
async def dashboard(
    client: Client,
    who: Browser | Person,
    *,
    view: str = "",
    path: str | None = None,
    email: str = EMAIL,
    locale: str = "en-GB",
    viewport: ViewportSize = DESKTOP,
    dark: bool = False,
    by_form: bool = False,
) -> AsyncIterator[PageSession]:
    """Open a view, or a page by its path, as whoever this is; the first is the administrator.

    They visit it as in `visit`. With `by_form` they fill in the sign-in page; elsewhere what it
    sends is sent without the page.
    """
    url = str(client.make_url(path or f"/dashboard{view}"))

    async def sent(context: BrowserContext) -> None:
        form: dict[str, str | float | bool] = {"email": email, "password": PASSWORD}
        to = str(client.make_url("/dashboard/sign-in"))
        answer = await context.request.post(to, form=form | {"setupToken": KEY}, max_redirects=0)
        assert answer.status == 303, await answer.text()

    before = None if by_form else sent
    look = visit(who, url, locale=locale, viewport=viewport, dark=dark, before=before)
    async with look as seen:
        if by_form:
            await sign_in(seen.page, email, PASSWORD, KEY)
        await expect(seen.page.locator(".views")).to_be_visible()
        yield seen


async def is_in_order(seen: PageSession) -> None:
    """Assert that nobody is kept out, nothing is cut off, and the browser had nothing to say."""
    found = await seen.barriers()
    assert found == [], found
    assert not await seen.overflows()
    assert seen.complaints == []


class Clockwork:
    """A page whose timers run only when the test says so, and what it asks for."""

    def __init__(self, seen: PageSession) -> None:
        self._seen = seen
        self._requests_before = 0

    async def settle(self, path: str) -> None:
        """Stop the clock once the view has asked for everything, at this path, and rests."""
        page = self._seen.page
        await page.clock.pause_at(await page.evaluate("Date.now() / 1000 + 1"))
        await page.evaluate("dispatchEvent(new Event('online'))")

        async def is_quiet() -> bool:
            return path not in await self.asked_soon()

        await until(is_quiet)

    async def asked_soon(self) -> list[str]:
        """Let what is due soon happen; return the paths that were asked for since the last time."""
        page = self._seen.page
        await page.clock.run_for(_SOON_MS)
        # The last of the answers: by then the view has taken those before it.
        await page.evaluate("fetch(location.href).then((answer) => answer.text()).then(() => null)")
        asked = self._seen.requested[self._requests_before : -1]
        self._requests_before = len(self._seen.requested)
        return [urlsplit(each).path for each in asked]


async def with_clock(seen: PageSession) -> Clockwork:
    """Load the page anew with a clock that can be stopped, and follow the events there.

    A browser's context has one clock for all that is visited there.
    """
    await seen.page.clock.install()
    async with seen.page.expect_response("**/api/whatsapp/events"):
        await seen.page.reload()
    return Clockwork(seen)
