"""The appointments of a day in a real browser: booked in two fields, confirmed, moved."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Locator, Page, ViewportSize, expect

from sessions.common.clock import utc_now
from tests.integration.pages.business import DANA, DAY, Shop
from tests.integration.pages.dashboard import dashboard, is_in_order
from tests.integration.pages.looks import in_both_languages
from tests.people import Person

if TYPE_CHECKING:
    from tests.builders import Stores
    from tests.integration.pages.dashboard import Client

PATH = f"/provider/dashboard?day={DAY}"


@pytest.fixture
async def shop(client: Client, stores: Stores) -> Shop:
    return await Shop.open(client, stores)


def _item(page: Page, name: str = DANA["name"]) -> Locator:
    return page.locator(".appointment").filter(has_text=name)


@in_both_languages(dark="English", state=("Not confirmed", "לא אושר"))
async def test_the_day_is_for_everybody(
    shop: Shop, person: Person, locale: str, viewport: ViewportSize, dark: bool, state: str
) -> None:
    await shop.remind()
    await shop.book(await shop.make("customers", **DANA))
    await shop.book(await shop.make("customers", phone="+972549999999"), hour=11)
    look = dashboard(
        shop.client, person, path=PATH, locale=locale, viewport=viewport, dark=dark, by_form=False
    )
    async with look as seen:
        await expect(_item(seen.page)).to_contain_text(state)
        await is_in_order(seen)
        await seen.page.locator(".more-views summary").click()
        await is_in_order(seen)
        await seen.page.keyboard.press("Escape")
        await seen.page.locator("[data-book]").first.click()
        await is_in_order(seen)


async def test_a_number_and_a_time_book_an_appointment(shop: Shop, person: Person) -> None:
    async with dashboard(shop.client, person, path=PATH) as seen:
        page = seen.page
        await page.get_by_role("button", name="New appointment").first.click()
        form = page.get_by_role("dialog", name="New appointment")
        await expect(form.get_by_label("Phone number")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(form.get_by_role("alert")).to_contain_text("not a phone number")
        await page.keyboard.type("+972 54-123-4567")
        await form.get_by_label("Name").fill("Dana Levi")
        await form.get_by_label("Date and time").fill(f"{DAY}T10:30")
        await form.get_by_role("button", name="Book it").click()
        await expect(_item(page)).to_contain_text("10:30")
    (booked,) = (await shop.get("appointments"))["items"]
    assert booked["connectionId"] == "main"
    assert booked["endsAt"] == f"{DAY}T11:30:00.000Z"
    (customer,) = (await shop.get("customers"))["items"]
    assert (customer["name"], customer["phone"]) == ("Dana Levi", "+972541234567")


async def test_who_has_the_number_is_found_and_booked_like_the_last_time(
    shop: Shop, person: Person
) -> None:
    dana = await shop.make("customers", **DANA)
    await shop.book(dana, service="Massage", endsAt=f"{DAY}T09:30:00Z")
    async with dashboard(shop.client, person, path=PATH, locale="he-IL") as seen:
        page = seen.page
        await expect(_item(page)).to_be_visible()
        await page.locator("[data-book]").first.click()
        form = page.get_by_role("dialog")
        await form.locator("[name=to]").fill("054-1234567")
        await expect(form.get_by_text("Dana Levi")).to_be_visible()
        await form.locator("[name=at]").fill(f"{DAY}T12:00")
        await form.locator("[type=submit]").click()
        await expect(page.locator(".appointment")).to_have_count(2)
    booked = (await shop.get("appointments"))["items"][1]
    assert (booked["customer"], booked["service"]) == (dana["id"], "Massage")
    assert booked["endsAt"] == f"{DAY}T12:30:00.000Z"


async def test_another_day_is_found_again_with_back_and_who_answers_meanwhile_is_announced(
    shop: Shop, person: Person
) -> None:
    booked = await shop.book(await shop.make("customers", **DANA))
    async with dashboard(shop.client, person, path=PATH) as seen:
        page = seen.page
        await expect(_item(page)).to_be_visible()
        await page.locator(".week-day a").nth(0).click()
        none = page.get_by_role("heading", name="No appointments on this day")
        await expect(none).to_be_visible()
        await page.get_by_role("button", name="The week after").click()
        await expect(page.locator(".week-day a[aria-current]")).to_have_count(1)
        await page.go_back()
        await page.go_back()
        await expect(_item(page)).to_be_visible()
        # Who answers meanwhile is announced, and the focus stays.
        await _item(page).locator("summary").focus()
        async with shop.client.post(f"/api/appointments/{booked['id']}/confirm") as answer:
            assert answer.status == 200
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(page.locator("[data-announce]")).to_contain_text("Dana Levi")
        await expect(_item(page).locator("summary")).to_be_focused()


async def test_an_appointment_is_confirmed_moved_and_cancelled(shop: Shop, person: Person) -> None:
    await shop.book(await shop.make("customers", **DANA))
    async with dashboard(shop.client, person, path=PATH) as seen:
        page = seen.page
        await _item(page).get_by_role("button", name="Confirm").click()
        await expect(_item(page).locator(".state")).to_have_text("Confirmed")
        await expect(page.locator("[data-number=confirmed]")).to_have_text("1")

        async def choose(name: str) -> Locator:
            await _item(page).locator("summary").click()
            await _item(page).get_by_role("button", name=name).click()
            return page.get_by_role("dialog")

        form = await choose("Move…")
        await expect(form.get_by_label("New date and time")).to_have_value(f"{DAY}T09:00")
        await form.get_by_label("New date and time").fill(f"{DAY}T15:00")
        await form.get_by_role("button", name="Move it").click()
        await expect(_item(page)).to_contain_text("15:00")
        await expect(_item(page).locator(".state")).to_have_text("Not confirmed")
        await (await choose("Cancel…")).get_by_role("button", name="Cancel the appointment").click()
        await expect(_item(page).locator(".state")).to_have_text("Cancelled")
        await _item(page).locator("summary").click()
        offered = _item(page).get_by_role("button").filter(visible=True)
        await expect(offered).to_have_text(["Delete…"])


async def test_the_messages_of_an_appointment_are_told_with_their_states(
    shop: Shop, person: Person, stores: Stores
) -> None:
    await shop.remind("3h", name="Three hours before")
    await shop.remind("1w", name="A week before")
    starts = (utc_now() + timedelta(hours=6)).replace(microsecond=0)
    await shop.remind("60d", name="Early")
    long_ago = {"enabledAt": utc_now() - timedelta(days=90)}
    await stores.database["automations"].update_one({"name": "A week before"}, {"$set": long_ago})
    await shop.book(await shop.make("customers", **DANA), startsAt=starts.isoformat())
    path = f"/provider/dashboard?day={starts.date()}"
    async with dashboard(shop.client, person, path=path) as seen:
        told = _item(seen.page).locator(".about-message")
        await expect(told).to_have_count(2)
        await expect(told.nth(0)).to_contain_text("Three hours before")
        await expect(told.nth(0)).to_contain_text("Planned")
        await expect(told.nth(1)).to_contain_text("A week before")
        await expect(told.nth(1)).to_contain_text("Not sent")
        failed = {"status": "failed", "reason": "not_on_whatsapp"}
        await stores.database["messages"].update_one({}, {"$set": failed})
        await seen.page.evaluate("dispatchEvent(new Event('online'))")
        await expect(told.nth(0).get_by_text("This number is not on WhatsApp")).to_be_visible()
