"""The page of a link in a real browser: what a person sees, in each state and language."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient
from playwright.async_api import Page, Route, ViewportSize, expect

from control_api.services import Services
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.linking import PairingRefusal, Refused
from sessions.connections.model import QrCode
from sessions.connections.states import ConnectionState, Reason
from tests.builders import Stores
from tests.integration.pages.looks import in_both_languages
from tests.people import PHONE, PageSession, Person, visit
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web

    Client = TestClient[web.Request, web.Application]

CODE = "2@ref,noise,identity,secret,1"
NUMBER = "+972501111111"
_S = ConnectionState
_REFUSALS = {
    Refused.NO_CODE: "לא נתן קוד",
    Refused.NUMBER_LINKED: "כבר מקושר כאן",
    Refused.NOT_AVAILABLE: "לא מציע קודים",
    Refused.TOO_MANY: "לא נותן כרגע עוד קודים",
}


@pytest.fixture
async def lease(stores: Stores) -> Lease:
    """Store a connection that shows a QR code."""
    _, lease = await stores.leased()
    await stores.connections.move(lease, _S.STARTING, _S.AWAITING_SCAN, Reason.QR_SHOWN)
    await _show(stores, lease, CODE)
    return lease


@pytest.fixture
async def link(client: Client, lease: Lease) -> str:
    """Make a link to that connection."""
    made = await client.post("/api/whatsapp/connections/main/qr-link")
    return str((await made.json())["url"])


async def _show(stores: Stores, lease: Lease, code: str, seconds: int = 60) -> None:
    until_then = utc_now() + timedelta(seconds=seconds)
    await stores.connections.show_qr(lease, QrCode(code=code, expires_at=until_then))


async def _is_in_order(seen: PageSession, link: str) -> None:
    assert await seen.barriers() == []
    assert not await seen.overflows()
    assert seen.complaints == []
    assert seen.hosts == {link.split("/")[2]}


async def _picture(page: Page) -> str:
    return str(await page.get_by_role("img", name="QR").get_attribute("src"))


@in_both_languages(dark="English", direction=("ltr", "rtl"))
async def test_the_page_is_for_everybody(
    person: Person, link: str, locale: str, viewport: ViewportSize, dark: bool, direction: str
) -> None:
    async with visit(person, link, locale=locale, viewport=viewport, dark=dark) as seen:
        page = seen.page
        assert await page.locator("html").get_attribute("dir") == direction
        if viewport is PHONE:
            await expect(page.locator("#number")).to_be_visible()
            await page.get_by_label("טלפון אחר").check()
        await expect(page.get_by_role("img", name="QR")).to_be_visible()
        await _is_in_order(seen, link)
        await page.get_by_role("link", name="English" if direction == "rtl" else "עברית").click()
        await expect(page.locator(f"html:not([dir={direction}])")).to_have_count(1)
        await expect(page.locator("#link")).to_have_attribute("data-stage", "scan")
        await _is_in_order(seen, link)
        token = link.partition("#")[2]
        assert token
        assert not any(token in url for url in seen.requested)


async def test_the_code_renews_itself_with_a_countdown_until_the_link_ends(
    person: Person, link: str, stores: Stores, lease: Lease
) -> None:
    async with visit(person, link) as seen:
        page = seen.page
        await expect(page.get_by_text("A new code appears by itself in 0:5")).to_be_visible()
        first = await _picture(page)
        await _show(stores, lease, f"{CODE}2", seconds=2)
        await expect(page.get_by_role("img", name="QR")).not_to_have_attribute("src", first)
        second = await _picture(page)
        # Nobody shows another one: the old one must go by itself.
        await expect(page.get_by_text("Preparing your code")).to_be_visible()
        await expect(page.get_by_role("img", name="QR")).to_be_hidden()
        await expect(page.get_by_role("button", name="Get a code")).to_be_disabled()
        await _show(stores, lease, f"{CODE}3")
        await expect(page.get_by_role("img", name="QR")).to_be_visible()
        assert await _picture(page) not in (first, second)
        await stores.database["connections"].delete_many({})
        await expect(page.get_by_role("heading", name="This link has expired")).to_be_visible()
        await expect(page.get_by_role("img", name="QR")).to_be_hidden()
        await _is_in_order(seen, link)


async def test_each_state_is_told_in_words_and_success_at_once(
    person: Person, link: str, stores: Stores, lease: Lease
) -> None:
    async with visit(person, link) as seen:
        notice = seen.page.get_by_role("status").get_by_role("heading")
        current = _S.AWAITING_SCAN
        for state, reason, words in [
            (_S.PASSKEY_REQUIRED, Reason.PASSKEY_WANTED, "WhatsApp asks for a passkey"),
            (_S.DISCONNECTED, Reason.NETWORK_DOWN, "WhatsApp cannot be reached"),
            (_S.DISCONNECTED, Reason.TEMPORARILY_BANNED, "WhatsApp refuses"),
            (_S.DISCONNECTED, Reason.DISK_FULL, "broken on our side"),
            (_S.SYNCING, Reason.LOADING_CHATS, "Phone found"),
            # WhatsApp's page loads anew after a scan: for the phone that is no new beginning.
            (_S.STARTING, Reason.PAGE_LOADING, "Phone found"),
            (_S.CONNECTED, None, "Your phone is linked"),
        ]:
            number = NUMBER if state is _S.CONNECTED else None
            # The page asks for the next state once it has shown this one; after success it is done.
            next_request = seen.page.expect_request("**/state?*") if not number else nullcontext()
            async with next_request:
                await stores.connections.move(lease, current, state, reason, number)
            current = state
            await expect(notice).to_contain_text(words)
            await expect(seen.page.locator("#number")).to_be_hidden()
        await _is_in_order(seen, link)
        # The link has done its work, and says so to whoever opens it again.
        await seen.page.reload()
        await expect(seen.page.get_by_role("heading", name="has been used")).to_be_visible()


async def test_a_server_that_is_away_is_said_and_found_again(
    person: Person, link: str, stores: Stores, lease: Lease
) -> None:
    async with visit(person, link) as seen:
        page = seen.page
        await expect(page.get_by_role("img", name="QR")).to_be_visible()
        notice = page.get_by_role("status").get_by_role("heading")

        async def fail(route: Route) -> None:
            await route.fulfill(status=502, body="bad gateway")

        await page.route("**/state*", fail)
        await _show(stores, lease, f"{CODE}2")
        await expect(notice).to_contain_text("We cannot be reached")
        await page.unroute("**/state*")
        await expect(page.get_by_role("img", name="QR")).to_be_visible(timeout=10_000)

        await page.context.set_offline(True)
        await _show(stores, lease, f"{CODE}3")
        await expect(notice).to_contain_text("You are offline")
        await page.context.set_offline(False)
        await expect(page.get_by_role("img", name="QR")).to_be_visible()


async def test_opening_the_page_after_a_rest_has_codes_shown_again(
    person: Person, link: str, stores: Stores, lease: Lease
) -> None:
    move = stores.connections.move
    await move(lease, _S.AWAITING_SCAN, _S.STOPPED, Reason.QR_NOT_SCANNED, rests=True)
    await stores.leases().release(lease, Reason.WAITING_FOR_WORKER)
    async with visit(person, link) as seen:

        async def wanted() -> bool:
            return (await stores.connections.get(lease.connection)).desired == "running"

        await until(wanted)
        await expect(seen.page.get_by_role("heading", name="We are not ready yet")).to_be_visible()


async def test_a_page_that_nobody_looks_at_asks_for_no_codes(
    person: Person, link: str, stores: Stores, lease: Lease
) -> None:
    async with visit(person.browser, link) as seen:
        page = seen.page
        await page.clock.install()
        await page.reload()
        await expect(page.get_by_role("img", name="QR")).to_be_visible()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.evaluate(_LOOK, True)
        # What the page waits for now is the last thing that it asks for.
        await page.clock.fast_forward(200_000)
        await page.clock.fast_forward(20_000)
        await _show(stores, lease, f"{CODE}2")
        await page.evaluate("document.readyState")
        assert asked == []
        await page.evaluate(_LOOK, False)
        await expect(page.get_by_role("img", name="QR")).to_be_visible()
        assert len(asked) >= 1


_LOOK = """(hidden) => {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


async def test_a_code_is_asked_for_by_number_and_shown_while_it_works(
    person: Person, link: str, stores: Stores, lease: Lease, services: Services
) -> None:
    async with visit(person, link, locale="he-IL", viewport=PHONE) as seen:
        page = seen.page
        ask = page.get_by_role("button", name="קבלת קוד")
        await page.fill("#number", "123")
        await ask.click()
        await expect(page.get_by_role("alert")).to_contain_text("זה לא מספר טלפון")
        await expect(page.locator("#number")).to_be_focused()

        await page.fill("#number", "050-111-1111")
        for refused, words in _REFUSALS.items():
            await ask.click()
            await _answer(services, lease, refusal=PairingRefusal(code=refused))
            await expect(page.get_by_role("alert")).to_contain_text(words)

        await ask.click()
        await _answer(services, lease, code="ABCD1234", seconds=2)
        await expect(page.get_by_text("ABCD-1234")).to_be_visible()
        await expect(page.get_by_text("הקוד כבר לא בתוקף")).to_be_visible()
        await _is_in_order(seen, link)
        await page.get_by_role("button", name="קבלת קוד אחר").click()
        await expect(page.locator("#number")).to_have_value("050-111-1111")


async def _answer(services: Services, lease: Lease, seconds: int = 180, **told: Any) -> None:
    """Answer a wish for a pairing code as a worker does."""

    async def asked() -> bool:
        wish = await services.linking.pairing(lease.connection)
        return wish is not None and wish.code is None and wish.refusal is None

    await until(asked)
    wish = await services.linking.pairing(lease.connection)
    assert wish is not None
    assert wish.phone == NUMBER
    over = utc_now() + timedelta(seconds=seconds)
    await services.linking.answer_pairing(
        lease, wish.model_copy(update=told | {"expires_at": over})
    )


async def test_where_nothing_is_to_do_the_page_says_so(
    person: Person, link: str, stores: Stores, lease: Lease, client: Client
) -> None:
    async with visit(person, link[:-4], locale="he-IL", viewport=PHONE, dark=True) as seen:
        heading = seen.page.get_by_role("heading", name="הקישור הזה לא עובד")
        await expect(heading).to_be_visible()
        await _is_in_order(seen, link)
    await stores.connections.move(lease, _S.AWAITING_SCAN, _S.CONNECTED, None, NUMBER)
    made = await client.post("/api/whatsapp/connections/main/qr-link")
    async with visit(person, str((await made.json())["url"])) as seen:
        heading = seen.page.get_by_role("heading", name="A phone is already linked")
        await expect(heading).to_be_visible()
        await _is_in_order(seen, link)


async def test_another_link_opened_in_the_same_tab_counts_and_tells_whose_it_is_and_until_when(
    person: Person, link: str, client: Client, stores: Stores, lease: Lease
) -> None:
    connection = await stores.connections.get(lease.connection)
    await stores.connections.change(connection, {"name": "<img src=x onerror=alert(1)>"})
    async with visit(person, f"{link}x") as seen:
        await expect(seen.page.get_by_role("heading", name="does not work")).to_be_visible()
        await seen.page.goto(link)
        await expect(seen.page.get_by_role("img", name="QR")).to_be_visible()
        await expect(seen.page.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
        await expect(seen.page.get_by_text("This link works until")).to_contain_text(":")
        await _is_in_order(seen, link)
        await client.delete("/api/whatsapp/connections/main/qr-link")
        await expect(seen.page.get_by_role("heading", name="has expired")).to_be_visible()
        await _is_in_order(seen, link)
