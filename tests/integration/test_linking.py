"""The codes that link a phone: what is published of what a real page shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from chatgrow_worker.browser.driver import Driver
from chatgrow_worker.browser.temporary import own_temporary_folder
from chatgrow_worker.connections.linking import Linking
from chatgrow_worker.connections.qr import QrPublisher
from chatgrow_worker.connections.reporter import StateReporter
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.clock import utc_now
from sessions.leases import Lease
from sessions.linking import LinkingDesk, Pairing
from tests.builders import Stores
from tests.integration.test_browser import make_launcher
from tests.waiting import until
from tests.whatsapp_web import WhatsAppWeb, whatsapp_web

PHONE = "+972501111111"
FIRST = timedelta(minutes=1)
FOLLOWING = timedelta(seconds=20)
PAIRING_CODE_LIVES = timedelta(minutes=3)


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WhatsAppWeb]:
    async with whatsapp_web(tmp_path / "web") as web:
        yield web


@asynccontextmanager
async def opened(web: WhatsAppWeb, folder: Path) -> AsyncIterator[WhatsAppPage]:
    """Open a page that is not linked."""
    root = folder / "profiles"
    root.mkdir()
    with own_temporary_folder(root) as temporary:
        driver = Driver(temporary)
        async with make_launcher(driver, web.url, root).open(
            "01aaaaaaaaaaaaaaaaaaaaaaaa"
        ) as opened:
            await _shows(opened.page, PageState.QR)
            yield opened.page
        await driver.close()


async def _shows(page: WhatsAppPage, state: PageState) -> None:
    async def there() -> bool:
        snapshot = await page.snapshot()
        return snapshot is not None and snapshot.state is state

    await until(there)


class Desk:
    """Links one connection at one moment: whatever time passes, passes in the page."""

    def __init__(self, stores: Stores, page: WhatsAppPage, lease: Lease) -> None:
        self.now = utc_now()
        self._lease = lease
        self._desk = LinkingDesk(stores.database)
        reporter = StateReporter(stores.connections, lease)
        qr = QrPublisher(page, reporter, FIRST, FOLLOWING, lambda: self.now, _always)
        self._linking = Linking(page, self._desk, lease, qr, lambda: self.now)

    async def pair(self) -> Pairing:
        """Ask for a pairing code and return the answer."""
        await self._desk.ask_for_pairing(self._lease.connection, PHONE)
        await self._linking.follow(idle=False)
        answered = await self._desk.pairing(self._lease.connection)
        assert answered is not None
        assert answered.code
        return answered


async def _always() -> bool:
    return True


async def test_a_pairing_code_that_is_there_already_does_not_live_longer(
    stores: Stores, web: WhatsAppWeb, tmp_path: Path
) -> None:
    _, lease = await stores.leased()
    async with opened(web, tmp_path) as page:
        desk = Desk(stores, page, lease)
        first, second = await desk.pair(), await desk.pair()
        assert first.code == second.code
        assert first.expires_at is not None
        assert second.expires_at is not None
        assert second.expires_at < first.expires_at <= desk.now + PAIRING_CODE_LIVES


async def test_a_pairing_code_that_ran_out_is_renewed(web: WhatsAppWeb, tmp_path: Path) -> None:
    async with opened(web, tmp_path) as page:
        first = await page.pairing_code(PHONE, PAIRING_CODE_LIVES)
        again = await page.pairing_code(PHONE, PAIRING_CODE_LIVES)
        renewed = await page.pairing_code(PHONE, timedelta(0))
        assert first.code == again.code != renewed.code
        assert again.age > renewed.age


@dataclass
class Shown:
    """A page double that shows one QR code after the other."""

    code: str = "first"
    refreshed: int = 0

    async def auth_code(self) -> str | None:
        return self.code

    async def refresh_code(self) -> None:
        self.refreshed += 1


async def test_each_round_of_qr_codes_begins_with_one_that_lives_longer(stores: Stores) -> None:
    connection, lease = await stores.leased()
    now, page = utc_now(), Shown()
    reporter = StateReporter(stores.connections, lease)
    qr = QrPublisher(page, reporter, FIRST, FOLLOWING, lambda: now, _always)

    async def published(code: str) -> timedelta:
        page.code = code
        await qr.follow(idle=False)
        shown = (await stores.connections.get(connection.id)).qr
        assert shown is not None
        assert shown.code == code
        return shown.expires_at - now

    for round_of_codes in range(2):
        lives = [await published(f"{round_of_codes} {n}") for n in range(3)]
        assert [round(each.total_seconds()) for each in lives] == [60, 20, 20]
        await qr.follow(idle=True)
        assert page.refreshed == round_of_codes + 1
