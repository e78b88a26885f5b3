"""A page of the simulated WhatsApp Web whose messages a receiver records, without a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from playwright.async_api import Browser, Page

from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from chatgrow_worker.receiving.receiver import Receiver, ReceivingLimits
from chatgrow_worker.receiving.sweep import SweepLimits
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.conversations.model import MediaState, ReceivedMessage
from tests.builders import Stores
from tests.integration.scripted_pages import opened, until_it_shows
from tests.integration.whatsapp_web_driver import QUICK, World
from tests.waiting import until
from tests.whatsapp_web.faults import Faults, as_json

ME = "+972501111111"
FRIEND_NUMBER = "+15551234567"
FRIEND = "15551234567@c.us"
SWEEPS = SweepLimits(retention=timedelta(days=90))


@dataclass
class Line:
    """A page that is linked, its receiver, and the phone of a friend."""

    raw: Page
    page: WhatsAppPage
    receiver: Receiver
    world: World
    stores: Stores
    lease: Lease
    ended: list[MediaState] = field(default_factory=list)
    """What has become of files, as downloads count it."""

    async def look(self) -> None:
        """Look at the page as a page session does, until nothing more has to be recorded."""
        more = True
        while more:
            look = await self.page.look("", 0, self.receiver.heard)
            assert look is not None
            more = await self.receiver.receive(look.epoch, look.received)

    async def says(self, speaker: str = FRIEND_NUMBER, **content: Any) -> str:
        """Let a phone write; return the message's own id."""
        said = await self.world.hand.good(
            "POST", f"/control/phones/{speaker}/say", **{"to": ME, **content}
        )
        return str(said["id"])

    async def does(self, what: str, speaker: str = FRIEND_NUMBER, **facts: Any) -> None:
        """Let a phone react, edit, revoke or vote."""
        await self.world.hand.good("POST", f"/control/phones/{speaker}/{what}", **facts)

    async def stored(self) -> list[ReceivedMessage]:
        """Return what is recorded, in the order of recording."""
        found = self.stores.database["receivedMessages"].find(sort=[("_id", 1)])
        return [ReceivedMessage.model_validate(each) async for each in found]

    async def records(self, count: int) -> list[ReceivedMessage]:
        """Look until so many messages are recorded."""

        async def enough() -> bool:
            await self.look()
            return len(await self.stored()) >= count

        await until(enough)
        return await self.stored()

    async def one(self, **expected: Any) -> ReceivedMessage:
        """Look until the only message is like this."""

        async def is_so() -> bool:
            await self.look()
            found = await self.stored()
            return len(found) == 1 and expected.items() <= found[0].model_dump().items()

        await until(is_so)
        return (await self.stored())[0]


def new_receiver(page: WhatsAppPage, stores: Stores, lease: Lease, **limits: Any) -> Receiver:
    """Return a receiver for a page."""
    given = ReceivingLimits(**{"sweeps": SWEEPS, **limits})
    return Receiver(page, stores.inbox, stores.marks, lease, given, utc_now)


@dataclass
class LinkedPage:
    """A page that is linked to its number, for one test after the other."""

    raw: Page
    page: WhatsAppPage
    world: World

    async def line(self, stores: Stores) -> Line:
        """Return what follows the page from here on, without faults; nothing is recorded yet."""
        none = dict.fromkeys(as_json(Faults()))
        await self.world.hand.faults(**none, number=ME)
        await self.world.hand.faults(**{**none, **QUICK})
        _, lease = await stores.leased()
        receiver = new_receiver(self.page, stores, lease)
        line = Line(self.raw, self.page, receiver, self.world, stores, lease)
        await line.look()
        await stores.database["receivedMessages"].delete_many({})
        return line


@asynccontextmanager
async def linked_page(world: World, browser: Browser) -> AsyncIterator[LinkedPage]:
    """Open a page, and link it."""
    async with opened(browser, world.web.url) as (raw, page):
        await until_it_shows(page, PageState.QR)
        shown = await page.qr_code()
        assert shown is not None
        await world.hand.good("POST", "/control/phones", number=ME)
        await world.hand.good("POST", f"/control/phones/{ME}/scan", code=shown.text)
        await until_it_shows(page, PageState.READY)
        yield LinkedPage(raw, page, world)
