"""A page of the simulated WhatsApp Web whose messages a receiver records, without a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from chatgrow_worker.page.script import init_script, read_wa_js
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from chatgrow_worker.receiving.receiver import Receiver, ReceivingLimits
from chatgrow_worker.receiving.sweep import SweepLimits
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.conversations.model import MediaState, ReceivedMessage
from tests.builders import Stores
from tests.integration.scripted_pages import opened
from tests.integration.whatsapp_web_driver import WA_JS, World
from tests.waiting import until

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

    async def waits_for(self, state: PageState = PageState.READY) -> None:
        """Wait until the page shows a state."""

        async def shows() -> bool:
            snapshot = await self.page.snapshot()
            return snapshot is not None and snapshot.state is state

        await until(shows)


def new_receiver(page: WhatsAppPage, stores: Stores, lease: Lease, **limits: Any) -> Receiver:
    """Return a receiver for a page."""
    given = ReceivingLimits(**{"sweeps": SWEEPS, **limits})
    return Receiver(page, stores.inbox, stores.marks, lease, given, utc_now)


@asynccontextmanager
async def scripted(world: World, profile: Path) -> AsyncIterator[tuple[Page, WhatsAppPage]]:
    """Open a page with our script on a profile."""
    script = init_script(read_wa_js(WA_JS), world.web.url, "Test")
    async with opened(world.playwright, profile, script) as page:
        calls = WhatsAppPage(page, asyncio.Event(), timedelta(seconds=20))
        await calls.open(f"{world.web.url}/", timedelta(seconds=20))
        yield page, calls


async def link(line: Line) -> None:
    """Link the page to its number."""
    await line.waits_for(PageState.QR)
    shown = await line.page.qr_code()
    assert shown is not None
    await line.world.hand.good("POST", "/control/phones", number=ME)
    await line.world.hand.good("POST", f"/control/phones/{ME}/scan", code=shown.text)
    await line.waits_for()


@asynccontextmanager
async def linked_line(
    world: World, stores: Stores, lease: Lease, profile: Path
) -> AsyncIterator[Line]:
    """Give a page that is linked, and looked at once."""
    async with scripted(world, profile) as (raw, calls):
        line = Line(raw, calls, new_receiver(calls, stores, lease), world, stores)
        await link(line)
        await line.look()
        yield line
