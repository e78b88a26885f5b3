"""The codes that link a phone: what is published of what a real page shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest
from playwright.async_api import Browser

from chatgrow_worker.connection.linking import Linking, PairingPage
from chatgrow_worker.connection.qr import QrPage, QrPublisher
from chatgrow_worker.connection.state_reporter import StateReporter
from chatgrow_worker.page.errors import PageBrokenError, PageCallError
from chatgrow_worker.page.qr_form import QrForm
from chatgrow_worker.page.snapshot import PageState, PairingCode, ShownCode
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.linking import LinkingRequests, Pairing, PairingRefusal, Refused
from sessions.connections.model import QrCode
from sessions.connections.states import ConnectionState, Reason
from tests.builders import Stores
from tests.integration import scripted_pages
from tests.integration.scripted_pages import until_it_shows
from tests.waiting import until
from tests.whatsapp_web import WhatsAppWeb, whatsapp_web
from tests.whatsapp_web.linking import QR_URL

PHONE = "+972501111111"
_S = ConnectionState
PAIRING_PAUSE = timedelta(minutes=15)
PAIRING_CODE_LIVES = timedelta(minutes=3)


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WhatsAppWeb]:
    async with whatsapp_web(tmp_path / "web") as web:
        yield web


@asynccontextmanager
async def opened(web: WhatsAppWeb, browser: Browser) -> AsyncIterator[WhatsAppPage]:
    """Open a page that is not linked."""
    async with scripted_pages.opened(browser, web.url) as (_, calls):
        await until_it_shows(calls, PageState.QR)
        yield calls


class LinkingPage(PairingPage, QrPage, Protocol):
    """What linking needs of a page."""


class Desk:
    """Links one connection at one moment: whatever time passes, passes in the page."""

    def __init__(self, stores: Stores, page: LinkingPage, lease: Lease) -> None:
        self.now = utc_now()
        self._lease = lease
        self._requests = LinkingRequests(stores.database)
        reporter = StateReporter(stores.connections, lease)
        qr = QrPublisher(page, reporter, QrForm.PAGE, lambda: self.now, _always)
        self._linking = Linking(page, self._requests, lease, qr, lambda: self.now, PAIRING_PAUSE)

    async def look(self, *, idle: bool) -> None:
        """Look at a page whose QR codes have run out, or not."""
        await self._linking.follow(idle=idle)

    async def ask(self) -> Pairing:
        """Ask for a pairing code and return the answer."""
        await self._requests.ask_for_pairing(self._lease.connection, PHONE)
        await self._linking.follow(idle=False)
        answered = await self._requests.pairing(self._lease.connection)
        assert answered is not None
        return answered

    async def pair(self) -> Pairing:
        """Ask for a pairing code and return it."""
        answered = await self.ask()
        assert answered.code
        return answered


async def _always() -> bool:
    return True


async def test_a_pairing_code_that_is_there_already_does_not_live_longer(
    stores: Stores, web: WhatsAppWeb, person: Browser
) -> None:
    _, lease = await stores.leased()
    async with opened(web, person) as page:
        requests = Desk(stores, page, lease)
        first, second = await requests.pair(), await requests.pair()
        assert first.code == second.code
        assert first.expires_at is not None
        assert second.expires_at is not None
        assert second.expires_at < first.expires_at <= requests.now + PAIRING_CODE_LIVES


async def test_a_pairing_code_that_ran_out_is_renewed(web: WhatsAppWeb, person: Browser) -> None:
    async with opened(web, person) as page:
        first = await page.pairing_code(PHONE, PAIRING_CODE_LIVES)
        again = await page.pairing_code(PHONE, PAIRING_CODE_LIVES)
        renewed = await page.pairing_code(PHONE, timedelta(0))
        assert first.code == again.code != renewed.code
        assert again.age > renewed.age


async def test_a_pairing_code_that_does_not_come_is_an_answer_and_no_broken_page(
    stores: Stores, web: WhatsAppWeb, person: Browser
) -> None:
    _, lease = await stores.leased()
    async with opened(web, person) as page:
        requests = Desk(stores, page, lease)
        await _faults(web, pairingSilent=True)
        refusal = (await requests.ask()).refusal
        assert refusal is not None
        assert (refusal.code, refusal.detail) == (Refused.NO_CODE, "no_answer")
        await _faults(web, pairingSilent=False)
        assert (await requests.pair()).code


async def test_a_qr_code_links_though_a_pairing_code_was_asked_for(
    web: WhatsAppWeb, person: Browser
) -> None:
    async with opened(web, person) as page:
        before = await page.qr_code()
        await page.pairing_code(PHONE, PAIRING_CODE_LIVES)
        shown = await page.qr_code()
        assert before is not None
        assert shown is not None
        assert shown.text != before.text, "the code from before is void"
        await _scan(web, shown.text)
        await until_it_shows(page, PageState.READY)


async def test_new_codes_come_when_those_of_a_round_have_run_out(
    web: WhatsAppWeb, person: Browser
) -> None:
    await _faults(web, qrFirstMs=1000, qrNextMs=200)
    async with opened(web, person) as page:
        await until_it_shows(page, PageState.QR_IDLE)
        await _faults(web, qrFirstMs=60_000)
        await page.refresh_code()
        await until_it_shows(page, PageState.QR)
        shown = await page.qr_code()
        assert shown is not None
        assert timedelta(seconds=20) < shown.left <= timedelta(seconds=60)
        await _scan(web, shown.text)
        await until_it_shows(page, PageState.READY)


async def test_the_text_of_a_qr_code_is_what_the_page_draws_unless_another_is_set(
    web: WhatsAppWeb, person: Browser
) -> None:
    async with opened(web, person) as page:
        texts = {}
        for form in QrForm:
            shown = await page.qr_code(form)
            assert shown is not None
            texts[form] = shown.text
        assert texts[QrForm.PAGE] == texts[QrForm.URL] == QR_URL + texts[QrForm.SHORT]
        assert texts[QrForm.SHORT].split(",")[4:] == ["1"]
        await _faults(web, qrUrl=False)
        await until(lambda: _is_drawn(page, texts[QrForm.SHORT]))


async def _is_drawn(page: WhatsAppPage, text: str) -> bool:
    shown = await page.qr_code()
    return shown is not None and shown.text == text


async def _faults(web: WhatsAppWeb, **faults: Any) -> None:
    async with aiohttp.ClientSession(web.url) as http:
        await http.put("/control/faults", json=faults)


async def _scan(web: WhatsAppWeb, text: str) -> None:
    async with aiohttp.ClientSession(web.url) as http:
        await http.post("/control/phones", json={"number": PHONE})
        scanned = await http.post(f"/control/phones/{PHONE}/scan", json={"code": text})
        assert scanned.status == 200


@dataclass
class Shown:
    """A page double that shows a QR code, and gives a pairing code or an error."""

    code: ShownCode | None = None
    refreshed: int = 0
    paired: list[str] = field(default_factory=list)
    error: str | None = None

    async def pairing_code(self, phone: str, lives: timedelta) -> PairingCode:
        self.paired.append(phone)
        if self.error:
            raise PageCallError("CompanionHelloError", self.error, "refused")
        return PairingCode(code="ABCD1234", age_ms=0)

    async def qr_code(self, form: QrForm) -> ShownCode | None:
        return self.code

    async def refresh_code(self) -> None:
        self.refreshed += 1


class Publisher:
    """Publishes what a page double shows, at a moment that the test sets."""

    def __init__(self, stores: Stores, lease: Lease) -> None:
        self.now, self.page = utc_now(), Shown()
        self._stores, self._lease = stores, lease
        reporter = StateReporter(stores.connections, lease)
        self.qr = QrPublisher(self.page, reporter, QrForm.PAGE, lambda: self.now, _always)

    async def published(self, text: str, left: timedelta) -> QrCode:
        """Show a code and return what was published of it."""
        self.page.code = ShownCode(text=text, left_ms=left / timedelta(milliseconds=1))
        await self.qr.show()
        shown = (await self._stores.connections.get(self._lease.connection)).qr
        assert shown is not None
        return shown


async def test_a_qr_code_lives_as_long_as_the_page_shows_it(stores: Stores) -> None:
    _, lease = await stores.leased()
    publisher = Publisher(stores, lease)
    for text, seconds in (("one", 60), ("two", 20), ("three", 3)):
        shown = await publisher.published(text, timedelta(seconds=seconds))
        assert shown.code == text
        assert round((shown.expires_at - publisher.now).total_seconds()) == seconds


async def test_a_page_that_fetches_new_codes_is_not_made_to_begin_again(stores: Stores) -> None:
    _, lease = await stores.leased()
    publisher = Publisher(stores, lease)
    await publisher.qr.next_round()
    await publisher.qr.next_round()
    assert publisher.page.refreshed == 1
    publisher.now += timedelta(seconds=10)
    await publisher.qr.next_round()
    assert publisher.page.refreshed == 2
    await publisher.published("one", timedelta(seconds=60))
    await publisher.qr.next_round()
    assert publisher.page.refreshed == 3, "the round after is asked for at once"


async def test_a_page_that_gives_no_new_codes_is_given_up(stores: Stores) -> None:
    _, lease = await stores.leased()
    publisher = Publisher(stores, lease)
    for _ in range(3):
        await publisher.qr.next_round()
        publisher.now += timedelta(seconds=10)
    with pytest.raises(PageBrokenError):
        await publisher.qr.next_round()
    assert publisher.page.refreshed == 3


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("429", Refused.TOO_MANY),
        ("452", Refused.NOT_AVAILABLE),
        ("403", Refused.NUMBER_REFUSED),
        ("400", Refused.NUMBER_REFUSED),
        ("500", Refused.NO_CODE),
        ("cannot_get_code_for_already_authenticated", Refused.ALREADY_LINKED),
    ],
)
async def test_a_refused_pairing_code_keeps_whatsapps_word(
    stores: Stores, error: str, code: Refused
) -> None:
    _, lease = await stores.leased()
    requests = Desk(stores, Shown(error=error), lease)
    refusal = (await requests.ask()).refusal
    assert refusal is not None
    assert (refusal.code, refusal.detail) == (code, error)
    paused = await LinkingRequests(stores.database).paused_until(PHONE, requests.now)
    if code is Refused.TOO_MANY:
        assert paused == refusal.retry_at
        assert paused is not None
        assert paused > requests.now + PAIRING_PAUSE - timedelta(seconds=1)
    else:
        assert paused is None


@pytest.mark.parametrize("number", [PHONE, "+551187654321"])
async def test_no_code_is_asked_for_a_number_whose_login_a_connection_here_has(
    stores: Stores, number: str
) -> None:
    other = await stores.connection("other")
    holder = await stores.leases().acquire(other.id)
    assert holder is not None
    await stores.connections.move(holder, _S.STARTING, _S.CONNECTED, None, number)
    _, lease = await stores.leased()
    asked = PHONE if number == PHONE else "+5511987654321"
    page, requests = Shown(), LinkingRequests(stores.database)
    linking = Desk(stores, page, lease)
    await requests.ask_for_pairing(lease.connection, asked)
    await linking.look(idle=False)
    answered = await requests.pairing(lease.connection)
    assert answered is not None
    assert answered.refusal == PairingRefusal(code=Refused.NUMBER_LINKED)
    assert page.paired == []
    await stores.connections.move(holder, _S.CONNECTED, _S.LOGGED_OUT, Reason.UNLINKED)
    await requests.ask_for_pairing(lease.connection, asked)
    await linking.look(idle=False)
    assert page.paired == [asked], "a login that has ended is in nobody's way"


async def test_new_qr_codes_wait_for_the_end_of_a_pairing_code(stores: Stores) -> None:
    """To fetch new ones the page begins its line anew, and WhatsApp forgets the pairing code."""
    _, lease = await stores.leased()
    page = Shown()
    requests = Desk(stores, page, lease)
    await requests.pair()
    await requests.look(idle=True)
    assert page.refreshed == 0
    requests.now += PAIRING_CODE_LIVES
    await requests.look(idle=True)
    assert page.refreshed == 1
