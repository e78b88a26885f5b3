"""Customers in a real browser: found, added, imported, and all that is known of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import ViewportSize, expect

from business.model import Agreement, Purpose
from sessions.common.clock import utc_now
from tests.builders import OWNER
from tests.integration.event_api import EventApi
from tests.integration.pages.business import DANA, Shop
from tests.integration.pages.dashboard import dashboard, is_in_order
from tests.integration.pages.looks import in_both_languages
from tests.integration.pages.test_dashboard_messages import connected
from tests.integration.received import Received
from tests.people import Person

if TYPE_CHECKING:
    from tests.builders import Stores
    from tests.integration.pages.dashboard import Client

CHAT = "972541234567@c.us"


@pytest.fixture
async def shop(client: Client, stores: Stores) -> Shop:
    return await Shop.open(client, stores)


@in_both_languages(dark="English")
async def test_customers_are_for_everybody(
    shop: Shop, person: Person, locale: str, viewport: ViewportSize, dark: bool
) -> None:
    await shop.make("customers", **DANA, notes="Prefers mornings", consents={"marketing": "out"})
    look: dict[str, Any] = {"locale": locale, "viewport": viewport, "dark": dark}
    async with dashboard(shop.client, person, path="/provider/customers", **look) as seen:
        await expect(seen.page.get_by_role("link", name="Dana Levi")).to_be_visible()
        await is_in_order(seen)
        await seen.page.locator("[data-create]").first.click()
        await is_in_order(seen)


async def test_customers_are_found_by_name_number_and_tag(shop: Shop, person: Person) -> None:
    await shop.make("customers", **DANA)
    await shop.make("customers", name="Noa", phone="+972549999999")
    async with dashboard(shop.client, person, path="/provider/customers") as seen:
        page = seen.page
        names = page.locator(".customer h2")
        await expect(names).to_have_text(["Noa", "Dana Levi"])
        await page.get_by_role("searchbox").fill("054-123")
        await expect(names).to_have_text(["Dana Levi"])
        await page.get_by_role("searchbox").fill("nobody")
        await expect(page.get_by_text("Nothing fits what you look for.")).to_be_visible()
        await page.get_by_role("searchbox").fill("")
        await expect(names).to_have_count(2)
        await page.get_by_role("button", name="Only customers with").click()
        await expect(names).to_have_text(["Dana Levi"])
        await page.get_by_role("button", name="Customers with any tag").click()
        await expect(names).to_have_count(2)


async def test_a_customer_is_added_and_a_known_number_is_told(shop: Shop, person: Person) -> None:
    async with dashboard(shop.client, person, path="/provider/customers") as seen:
        page = seen.page
        for name in ("Dana", "Somebody else"):
            await page.get_by_role("button", name="Add a customer").first.click()
            form = page.get_by_role("dialog", name="Add a customer")
            await form.get_by_label("Name").fill(name)
            await form.get_by_label("Phone number").fill(DANA["phone"])
            await form.get_by_label("Tags").fill("regular, children")
            await form.get_by_label("Marketing").select_option("Agreed")
            await form.get_by_role("button", name="Add", exact=True).click()
            if name == "Dana":
                await expect(page.locator(".customer h2")).to_have_text(["Dana"])
        await expect(form.get_by_role("alert")).to_contain_text("with this number already")
    (made,) = (await shop.get("customers"))["items"]
    assert made["tags"] == ["regular", "children"]
    assert {purpose: each["state"] for purpose, each in made["consents"].items()} == {
        "reminder": "unknown",
        "service": "unknown",
        "marketing": "in",
    }


async def test_a_table_is_imported_and_wrong_lines_are_told(shop: Shop, person: Person) -> None:
    table = "name,phone\nDana,+972541234567\nAvi,972541234568\n"
    async with dashboard(shop.client, person, path="/provider/customers") as seen:
        page = seen.page
        await page.get_by_role("button", name="Import").click()
        dialog = page.get_by_role("dialog", name="Import from a table")
        await dialog.get_by_role("button", name="Import").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("Choose a file")
        file: Any = {"name": "c.csv", "mimeType": "text/csv", "buffer": table.encode()}
        await dialog.get_by_label("CSV file").set_input_files(file)
        await dialog.get_by_role("button", name="Import").click()
        await expect(dialog.get_by_text("Created: 1. Updated: 0. Refused: 1.")).to_be_focused()
        await expect(dialog.locator("tbody")).to_contain_text("no plus and country code")
        await is_in_order(seen)
        await page.keyboard.press("Escape")
        await expect(page.locator(".customer h2")).to_have_text(["Dana"])


@in_both_languages(dark="English")
async def test_all_that_is_known_of_a_customer_is_on_one_page(
    api: EventApi, person: Person, locale: str, viewport: ViewportSize, dark: bool
) -> None:
    _, lease = await connected(api.stores)
    received = Received(api.stores, lease)
    shop = Shop(api.client)
    dana = await shop.make("customers", **DANA)
    await shop.book(dana)
    no = await received.text("No offers, please", chat=CHAT, number=DANA["phone"])
    business = api.services.business
    assert business is not None
    refused = {Purpose.MARKETING: Agreement.OUT}
    await business.consents.record(OWNER, DANA["phone"], refused, "reply", utc_now(), no.id)
    look: dict[str, Any] = {"locale": locale, "viewport": viewport, "dark": dark}
    path = f"/provider/customers/{dana['id']}"
    async with dashboard(api.client, person, path=path, **look) as seen:
        page = seen.page
        await expect(page.get_by_role("heading", level=1)).to_have_text("Dana Levi")
        await expect(page.locator(".appointment")).to_contain_text("Haircut")
        await expect(page.locator(".bubble-text")).to_have_text(["No offers, please"])
        await page.locator(".person-consents summary").click()
        await page.locator("[data-act=evidence]").click()
        await expect(page.locator(".proof")).to_have_text("No offers, please")
        await is_in_order(seen)
        await page.locator(".composer textarea").fill("Sorry, no more of these.")
        await page.locator(".composer-send").click()
        await expect(page.locator(".bubble-text")).to_have_count(2)
        await received.text("Thanks", chat=CHAT, number=DANA["phone"], at=utc_now())
        await expect(page.locator(".bubble-text")).to_have_count(3)


async def test_a_customer_is_changed_and_erased_once_the_name_is_typed(
    shop: Shop, person: Person
) -> None:
    dana = await shop.make("customers", **DANA)
    await shop.book(dana)
    path = f"/provider/customers/{dana['id']}"
    async with dashboard(shop.client, person, path=path) as seen:
        page = seen.page
        await page.get_by_role("button", name="Change…").click()
        form = page.get_by_role("dialog", name="Change the customer")
        await expect(form.get_by_label("Name")).to_be_focused()
        await form.get_by_label("Name").fill("Dana Cohen")
        await form.get_by_label("Notes").fill("Prefers mornings")
        await form.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Dana Cohen")
        await expect(page.get_by_text("Prefers mornings")).to_be_visible()
        await page.get_by_role("button", name="New appointment").click()
        booking = page.get_by_role("dialog", name="New appointment")
        await expect(booking.get_by_label("Phone number")).to_have_value(DANA["phone"])
        await page.keyboard.press("Escape")
        await page.locator(".view-head summary").click()
        await page.get_by_role("button", name="Delete…").click()
        erase = page.get_by_role("dialog", name="Erase this customer?")
        await expect(erase.get_by_role("button", name="Erase for good")).to_be_disabled()
        await is_in_order(seen)
        await erase.get_by_label("To confirm, type the name").fill("Dana Cohen")
        await erase.get_by_role("button", name="Erase for good").click()
        await expect(page.get_by_role("heading", name="No customers yet")).to_be_visible()
        await page.goto(str(shop.client.make_url(path)))
        await expect(page.get_by_role("heading", name="There is no such customer")).to_be_visible()
    assert (await shop.get("customers"))["items"] == []
