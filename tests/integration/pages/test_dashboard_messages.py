"""The messages in a real browser: rows that events change, and numbers in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Locator, Page, expect

from sessions.connections.states import ConnectionState
from sessions.events.log import GAP
from sessions.messages.model import MessageStatus
from tests.builders import Stores
from tests.integration.event_api import EventApi
from tests.integration.pages.dashboard import dashboard, is_in_order, with_clock
from tests.people import Person

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.connections.model import Connection
    from tests.integration.pages.dashboard import Client

LIST = "/api/whatsapp/messages"


def _rows(page: Page) -> Locator:
    return page.locator("[data-rows] tr")


async def connected(stores: Stores) -> tuple[Connection, Lease]:
    """Store a connection that is connected."""
    connection, lease = await stores.leased()
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.CONNECTED, None)
    return connection, lease


async def _send(stores: Stores, lease: Lease) -> None:
    """Have the message whose turn it is sent."""
    claimed = await stores.queue.claim_next(lease)
    assert claimed is not None
    whatsapp_id = f"true_x_{claimed.id}"
    await stores.queue.write_down(lease, claimed, whatsapp_id, claimed.to, new_chat=True)
    await stores.queue.settle(lease, claimed, MessageStatus.SENT)


async def test_events_change_rows_and_only_a_gap_has_the_list_asked_for_again(
    api: EventApi, person: Person
) -> None:
    connection, lease = await connected(api.stores)
    for _ in range(2):
        await api.stores.message(connection)
    async with dashboard(api.client, person.browser, view="/messages") as seen:
        clockwork = await with_clock(seen)
        first, second = _rows(seen.page).nth(1), _rows(seen.page).nth(0)
        await expect(second).to_contain_text("Behind one other message")
        await _send(api.stores, lease)
        await expect(first).to_contain_text("Sent")
        await clockwork.settle(LIST)
        await _send(api.stores, lease)
        await expect(second).to_contain_text("Sent")
        await expect(second.locator("[data-why]")).to_be_empty()
        assert await clockwork.asked_soon() == []
        await api.stores.database["messages"].update_many({}, {"$set": {"status": "read"}})
        api.stores.events.publish(GAP)
        await api.settled()
        async with seen.page.expect_response(f"**{LIST}?*"):
            await clockwork.asked_soon()
        await expect(first).to_contain_text("Read")


async def test_what_is_open_follows_a_message_and_what_is_looked_for_no_more_goes(
    api: EventApi, person: Person
) -> None:
    connection, lease = await api.stores.leased()
    await api.stores.message(connection)
    async with dashboard(api.client, person, view="/messages") as seen:
        await _rows(seen.page).get_by_role("button").click()
        step = seen.page.get_by_role("dialog").locator("[aria-current=step]")
        await expect(step).to_contain_text("Waiting")
        await _send(api.stores, lease)
        await expect(step).to_contain_text("Sent")
        await seen.page.keyboard.press("Escape")
        await seen.page.get_by_role("radio", name="Waiting").check(force=True)
        await expect(seen.page.get_by_role("heading", name="Nothing found")).to_be_visible()
        await api.stores.message(connection)
        await expect(_rows(seen.page)).to_have_count(1)
        await _send(api.stores, lease)
        await expect(seen.page.get_by_role("heading", name="Nothing found")).to_be_visible()
        await api.stores.message(connection)
        await expect(_rows(seen.page)).to_have_count(1)
        await is_in_order(seen)


@pytest.mark.parametrize(
    ("locale", "one", "two", "many"),
    [
        (
            "en-GB",
            "Behind one other message",
            "Behind 2 other messages",
            "Behind 11 other messages",
        ),
        ("he-IL", "לפניה בתור הודעה אחת", "לפניה בתור שתי הודעות", "לפניה בתור 11 הודעות"),
    ],
)
async def test_how_many_go_before_is_said_in_the_plural_of_the_language(
    client: Client, person: Person, stores: Stores, locale: str, one: str, two: str, many: str
) -> None:
    connection, _ = await connected(stores)
    for _ in range(12):
        await stores.message(connection)
    async with dashboard(client, person, view="/messages", locale=locale) as seen:
        rows = _rows(seen.page)
        await expect(rows).to_have_count(12)
        for before, words in ((1, one), (2, two), (11, many)):
            await expect(rows.nth(11 - before).locator("[data-why]")).to_have_text(words)
