"""A page that is linked, for one test after the other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import aiohttp

from chatgrow_worker.page.snapshot import Outcome, PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.messages.content import Content
from tests.integration.browser.launching import PHONE, THEM
from tests.integration.scripted_pages import shows, until_it_shows
from tests.waiting import until
from tests.whatsapp_web.faults import Faults, as_json

THEIR_PHONE = "+972501234567"


class OnePage:
    """A linked page, and the simulated WhatsApp behind it; one test after the other uses it."""

    def __init__(self, page: WhatsAppPage, http: aiohttp.ClientSession) -> None:
        self.page = page
        self._http = http
        self._known = 0

    async def begin_anew(self) -> None:
        """Take faults back, have it synchronise quickly, and forget what was delivered so far.

        A page that cannot be used as a test has left it is loaded anew.
        """
        none = dict.fromkeys(as_json(Faults()))
        for number in (None, PHONE):
            await self.control("PUT", "faults", **none, **({"number": number} if number else {}))
        await self.control("PUT", "faults", syncMs=200)
        self._known += len(await self.ledger())
        if not await shows(self.page, PageState.READY):
            await self.load_anew()

    async def control(self, method: str, path: str, **body: Any) -> Any:
        async with self._http.request(method, f"/control/{path}", json=body or None) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def ledger(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = await self.control("GET", "ledger")
        return entries[self._known :]

    async def begin(self, content: Content, refers_to: str | None = None, to: str = THEM) -> str:
        """Begin to send something; return its key."""
        key = await self.page.prepare(to)
        await self.page.send(key, to, content, refers_to)
        return key

    async def outcome(self, key: str) -> Outcome:
        """Wait until a send is decided."""
        outcomes: list[Outcome] = []

        async def decided() -> bool:
            outcomes.append(await self.page.outcome(key))
            return outcomes[-1].state != "pending"

        await until(decided)
        return outcomes[-1]

    async def send(self, content: Content, refers_to: str | None = None, to: str = THEM) -> str:
        """Send something that succeeds; return its key."""
        key = await self.begin(content, refers_to, to)
        outcome = await self.outcome(key)
        assert outcome.went_well, outcome
        return key

    async def refused(self, content: Content, refers_to: str | None = None) -> str | None:
        """Send something that is refused; return the code of the refusal."""
        outcome = await self.outcome(await self.begin(content, refers_to))
        assert outcome.error is not None, outcome
        return outcome.error.code

    async def load_anew(self) -> None:
        """Load the page anew, and wait until it can send."""
        await self.page.reload(timedelta(seconds=30))
        await until_it_shows(self.page, PageState.READY)

    async def says(self, text: str) -> str:
        """Let the other phone say something; return its key once the page has it."""
        said = await self.control("POST", f"phones/{THEIR_PHONE}/say", to=PHONE, text=text)
        key = f"false_{THEM}_{said['id']}"

        async def there() -> bool:
            return (await self.page.look_up(key, THEM)).found

        await until(there)
        return key

    async def evaluate(self, script: str, argument: object = None) -> Any:
        return await self.page._page.evaluate(script, argument)
