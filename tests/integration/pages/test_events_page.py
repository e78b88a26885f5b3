"""Events in a real browser: added, filled up to the last place, and then a waiting list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import ViewportSize, expect

from tests.integration.pages.business import DANA, DAY, Shop
from tests.integration.pages.dashboard import dashboard, is_in_order
from tests.integration.pages.looks import in_both_languages
from tests.people import Person

if TYPE_CHECKING:
    from tests.builders import Stores
    from tests.integration.pages.dashboard import Client

PATH = "/provider/events"


@pytest.fixture
async def shop(client: Client, stores: Stores) -> Shop:
    return await Shop.open(client, stores)


@in_both_languages(dark="English")
async def test_events_are_for_everybody(
    shop: Shop, person: Person, locale: str, viewport: ViewportSize, dark: bool
) -> None:
    event = await shop.make("events", name="Open evening", startsAt=f"{DAY}T18:00:00Z", capacity=1)
    dana = await shop.make("customers", **DANA)
    await shop.make(f"events/{event['id']}/registrations", customer=dana["id"])
    look: dict[str, Any] = {"locale": locale, "viewport": viewport, "dark": dark}
    async with dashboard(shop.client, person, path=PATH, **look) as seen:
        await expect(seen.page.get_by_role("heading", name="Open evening")).to_be_visible()
        await is_in_order(seen)
        await seen.page.locator("[data-act=registrations]").click()
        await expect(seen.page.locator(".registration")).to_have_count(1)
        await is_in_order(seen)


async def test_an_event_is_filled_and_who_waits_gets_the_next_place(
    shop: Shop, person: Person
) -> None:
    await shop.make("customers", **DANA)
    async with dashboard(shop.client, person, path=PATH) as seen:
        page = seen.page
        await page.get_by_role("button", name="New event").first.click()
        form = page.get_by_role("dialog", name="New event")
        await form.get_by_label("Name").fill("Open evening")
        await form.get_by_label("Begins").fill(f"{DAY}T18:00")
        await form.get_by_label("Ends").fill(f"{DAY}T17:00")
        await form.get_by_role("button", name="Add the event").click()
        await expect(form.get_by_role("alert")).to_contain_text("end after it begins")
        await form.get_by_label("Ends").fill("")
        await form.get_by_label("Places").fill("1")
        await form.get_by_role("button", name="Add the event").click()
        await expect(page.locator(".places")).to_have_text("0 of 1 places taken")
        await page.get_by_role("button", name="Registrations").click()
        dialog = page.get_by_role("dialog", name="Registrations")
        for number in (DANA["phone"], "+972549999999"):
            await dialog.get_by_label("Phone number").fill(number)
            await dialog.get_by_role("button", name="Register", exact=True).click()
            await expect(dialog.get_by_label("Phone number")).to_have_value("")
        states = dialog.locator(".registration-state")
        await expect(states).to_have_text(["Has a place", "Waits for a place"])
        await dialog.get_by_role("button", name="Remove").first.click()
        await expect(states).to_have_text(["Has a place"])
        await page.keyboard.press("Escape")
        await expect(page.locator(".places")).to_have_text("1 of 1 places taken")
        await page.locator(".event summary").click()
        await page.get_by_role("button", name="Cancel…").click()
        await page.get_by_role("button", name="Cancel the event").click()
        await expect(page.get_by_role("heading", name="No events yet")).to_be_visible()
