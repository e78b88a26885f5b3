"""The connections in a real browser: what an administrator sees, and what the keyboard does."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient
from playwright.async_api import Locator, Page, Route, ViewportSize, expect

from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.states import ConnectionState, Reason
from tests.builders import Stores
from tests.integration.event_api import EventApi
from tests.integration.pages.dashboard import PASSWORD, dashboard, is_in_order, with_clock
from tests.integration.pages.looks import in_both_languages
from tests.people import Person, visit

if TYPE_CHECKING:
    from aiohttp import web

    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

_S = ConnectionState


@pytest.fixture
async def lease(stores: Stores) -> Lease:
    """Store a connection that is connected."""
    return await _connected(stores)


async def _connected(stores: Stores) -> Lease:
    _, lease = await stores.leased()
    await stores.connections.move(lease, _S.STARTING, _S.CONNECTED, None, "+972501234567")
    return lease


def _card(page: Page, name: str = "main") -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name))


@in_both_languages(dark="English", connected=("Connected", "מחובר"))
async def test_the_connections_are_for_everybody(
    client: Client,
    person: Person,
    lease: Lease,
    locale: str,
    viewport: ViewportSize,
    dark: bool,
    connected: str,
) -> None:
    seeing = dashboard(client, person, locale=locale, viewport=viewport, dark=dark, by_form=True)
    async with seeing as seen:
        await expect(_card(seen.page)).to_contain_text(connected)
        await is_in_order(seen)
        await seen.page.locator("[data-create]").first.click()
        await is_in_order(seen)


async def test_a_card_changes_goes_and_comes_by_an_event(api: EventApi, person: Person) -> None:
    lease = await _connected(api.stores)
    async with dashboard(api.client, person) as seen:
        card = _card(seen.page)
        await expect(card).to_contain_text("Connected")
        await seen.page.evaluate("document.querySelector('.connection').kept = true")
        move = api.stores.connections.move
        await move(lease, _S.CONNECTED, _S.LOGGED_OUT, Reason.UNLINKED)
        await expect(card).to_contain_text("The phone has removed this device")
        await expect(card).to_contain_text("Who acts now: you")
        await expect(card.get_by_role("button", name="Link a phone")).to_be_visible()
        said = seen.page.locator("[data-announce]")
        await expect(said).to_have_text("Main: No phone linked")
        assert await seen.page.evaluate("document.querySelector('.connection').kept")
        await api.client.delete("/api/whatsapp/connections/main")
        none = seen.page.get_by_text("Connect your first WhatsApp number")
        await expect(none).to_be_visible()
        await api.client.post("/api/whatsapp/connections", json={"connectionId": "new"})
        await expect(_card(seen.page, "new")).to_be_visible()


async def test_events_change_a_card_and_ask_for_no_list(api: EventApi, person: Person) -> None:
    connection, lease = await api.stores.leased()
    async with dashboard(api.client, person.browser) as seen:
        clockwork = await with_clock(seen)
        card = _card(seen.page)
        await expect(card).to_contain_text("Starting")
        move = api.stores.connections.move
        await move(lease, _S.STARTING, _S.CONNECTED, None, "+972501234567")
        await expect(card).to_contain_text("+972 50-123-4567")
        await clockwork.settle("/api/whatsapp/connections")
        await move(lease, _S.CONNECTED, _S.DISCONNECTED, Reason.NETWORK_DOWN)
        await expect(card).to_contain_text("The internet connection is gone")
        assert await clockwork.asked_soon() == []
        await api.stores.message(connection)
        await api.settled()
        async with seen.page.expect_response("**/api/whatsapp/connections/main?*"):
            await expect(card.locator("[data-waiting]")).to_have_text("0")
            assert set(await clockwork.asked_soon()) == {"/api/whatsapp/connections/main"}
        await expect(card.locator("[data-waiting]")).to_have_text("1")


async def test_a_card_offers_what_helps_and_says_who_acts(
    client: Client, person: Person, stores: Stores
) -> None:
    connection = await stores.connection()
    await stores.connections.want(connection, "stopped")
    async with dashboard(client, person) as seen:
        card = _card(seen.page)
        await expect(card).to_contain_text("Who acts now: you")
        await card.get_by_label("More for this connection").click()
        offered = card.get_by_role("button").filter(visible=True)
        settings = ["Revoke linking pages…", "Name and pace…"]
        await expect(offered).to_have_text([*settings, "Delete…", "Start"])
        long_ago: dict[str, Any] = {"state": "starting", "reason": "waiting_for_worker"}
        long_ago |= {"desired": "running", "since": utc_now() - timedelta(minutes=1)}
        await stores.database["connections"].update_one({}, {"$set": long_ago})
        await seen.page.reload()
        await expect(card).to_contain_text("Who acts now: whoever runs the server")
        await expect(card).to_contain_text("No worker has room for it")
        await card.get_by_label("More for this connection").click()
        menu = ["Share a linking page", *settings, "Switch off", "Restart", "Delete…"]
        await expect(offered).to_have_text([*menu, "Link a phone", "Share a linking page"])


async def test_a_taken_id_is_shown_where_it_can_be_changed(
    client: Client, person: Person, lease: Lease
) -> None:
    async with dashboard(client, person) as seen:
        page = seen.page
        await expect(_card(page)).to_be_visible(timeout=10_000)
        opener = page.get_by_role("button", name="New connection")
        await opener.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("textbox", name="Name")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(
            page.get_by_role("dialog").get_by_text("Give the connection a name.")
        ).to_be_visible()
        await page.keyboard.type("Main")
        await page.get_by_text("Advanced", exact=True).click()
        field = page.get_by_label("Id for the API")
        await expect(field).to_have_value("main_2")
        await field.fill("main")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("There is a connection with this id")).to_be_visible()
        await expect(field).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(opener).to_be_focused()


async def test_a_connection_is_renamed_slowed_down_and_deleted_once_its_name_is_typed(
    client: Client, person: Person, stores: Stores
) -> None:
    connection = await stores.connection()
    async with dashboard(client, person) as seen:
        page = seen.page
        form = page.get_by_role("dialog")
        await _choose(_card(page), "Name and pace…")
        await expect(form.get_by_label("As it is now")).to_be_checked()
        await form.get_by_label("Faster").check()
        await form.get_by_label("Name", exact=True).fill("Renamed")
        await is_in_order(seen)
        await page.get_by_role("button", name="Save").click()
        card = _card(page, "Renamed")
        await expect(card).to_be_visible()
        assert (await stores.connections.get(connection.id)).pacing.per_day == 5000
        await _choose(card, "Name and pace…")
        await expect(form.get_by_label("Faster")).to_be_checked()
        await expect(form.get_by_label("As it is now")).to_be_hidden()
        await page.keyboard.press("Escape")
        await _choose(card, "Delete…")
        delete = page.get_by_role("button", name="Delete for good")
        await expect(delete).to_be_disabled()
        field = page.get_by_label("To confirm, type its name")
        await field.fill("something else")
        await page.keyboard.press("Enter")
        await expect(delete).to_be_disabled()
        await is_in_order(seen)
        await field.fill("Renamed")
        await delete.click()
        await expect(card).to_have_count(0)
        await expect(page.get_by_text("Renamed is deleted.")).to_be_visible()
        await expect(page.get_by_text("Connect your first WhatsApp number")).to_be_visible()


async def _choose(card: Locator, name: str) -> None:
    """Take a command from the menu of a card."""
    await card.get_by_label("More for this connection").click()
    await card.get_by_role("button", name=name).click()


async def test_a_linking_page_is_shared_and_works(
    client: Client, person: Person, stores: Stores
) -> None:
    _, lease = await stores.leased()
    await stores.connections.move(lease, _S.STARTING, _S.AWAITING_SCAN, Reason.QR_SHOWN)
    async with dashboard(client, person) as seen:
        await _card(seen.page).get_by_role("button", name="Share a linking page").click()
        await expect(seen.page.get_by_text("It works until")).to_be_visible()
        url = await seen.page.get_by_label("Address of the page").input_value()
        await is_in_order(seen)
    async with visit(person, url) as stranger:
        await expect(stranger.page.get_by_role("heading").first).to_have_text("Link your WhatsApp")


async def test_an_administrator_acts_on_everybodys_connections(
    client: Client, person: Person, database: Database
) -> None:
    async with dashboard(client, person) as seen:
        page = seen.page
        noa = {"email": "noa@example.com", "password": PASSWORD, "name": "Noa"}
        made = await client.post("/api/auth/register", json=noa)
        hers = {"Authorization": f"Bearer {(await made.json())['accessToken']}", "X-Api-Key": ""}
        for headers in (hers, None):
            body = {"connectionId": "main"}
            await client.post("/api/whatsapp/connections", json=body, headers=headers)
        await page.reload()
        await expect(page.get_by_role("heading", level=2, name="Noa")).to_be_visible()
        cards = _card(page)
        await expect(cards).to_have_count(2)
        await cards.nth(1).get_by_label("More for this connection").click()
        await cards.nth(1).get_by_role("button", name="Switch off").click()
        await expect(cards.nth(1)).to_contain_text("Switched off")
        await expect(cards.nth(0)).to_contain_text("Starting")
    async with dashboard(client, person, email=noa["email"]) as seen:
        await expect(_card(seen.page)).to_have_count(1)


async def test_who_is_cut_off_or_signed_out_is_told_though_an_answer_is_on_its_way(
    client: Client, person: Person, lease: Lease, database: Database
) -> None:
    async with dashboard(client, person) as seen:
        page = seen.page
        await expect(_card(page)).to_be_visible(timeout=10_000)
        offline = page.get_by_text("You are offline")
        asked: asyncio.Future[Route] = asyncio.get_running_loop().create_future()
        await page.route(
            "**/api/whatsapp/connections?*", lambda route: asked.set_result(route), times=1
        )
        await page.evaluate("dispatchEvent(new Event('online'))")
        request = await asked
        answer = await request.fetch()
        await page.context.set_offline(True)
        await expect(offline).to_be_visible()
        late = (await answer.text()).replace('"Main"', '"Renamed"')
        await request.fulfill(response=answer, body=late)
        await expect(page.get_by_text("Renamed").first).to_be_visible()
        assert await offline.is_visible()
        await page.context.set_offline(False)
        await expect(offline).to_be_hidden()
        await database["signIns"].delete_many({})
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.get_by_role("link", name="Sign in again").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_what_cannot_be_shown_is_said_and_comes_by_itself(
    client: Client, person: Person, lease: Lease
) -> None:
    async with dashboard(client, person) as seen:
        page = seen.page
        await page.route("**/api/whatsapp/connections?*", lambda route: route.abort())
        await page.reload()
        await expect(page.get_by_role("alert")).to_contain_text("cannot be shown right now")
        await page.unroute("**/api/whatsapp/connections?*")
        await expect(_card(page)).to_be_visible(timeout=10_000)


async def test_a_name_in_the_address_is_only_the_name_of_a_message(
    client: Client, person: Person, lease: Lease
) -> None:
    async with dashboard(client, person) as seen:
        asked: list[str] = []
        seen.page.on("request", lambda request: asked.append(request.url))
        url = client.make_url("/dashboard/messages").with_query(message="../connections/main?x=")
        await seen.page.goto(str(url))
        await expect(seen.page.get_by_role("heading", name="No messages yet")).to_be_visible()
    api = str(client.make_url("/api/whatsapp"))
    assert f"{api}/messages/..%2Fconnections%2Fmain%3Fx%3D" in asked
    assert not any(each.startswith(f"{api}/connections/main") for each in asked)
