"""The account in a real browser: API keys and the password; and linking pages are revoked."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp.test_utils import TestClient
from playwright.async_api import Locator, Page, ViewportSize, expect

from sessions.accounts.api_keys import Grant
from sessions.common.callers import FIRST_OWNER, Scope
from sessions.common.clock import utc_now
from tests.builders import Stores
from tests.integration.pages.dashboard import EMAIL, PASSWORD, dashboard, is_in_order
from tests.integration.pages.looks import in_both_languages
from tests.people import Person

if TYPE_CHECKING:
    from aiohttp import web

    from control_api.services import Services

    Client = TestClient[web.Request, web.Application]

NEW = "battery staple horse correct"
ME = "/api/auth/me"


def _key(page: Page, name: str) -> Locator:
    heading = page.get_by_role("heading", name=name)
    return page.get_by_role("listitem").filter(has=heading)


async def _works(client: Client, key: str) -> bool:
    return (await client.get(ME, headers={"X-Api-Key": key})).status == 200


async def test_a_key_is_created_shown_once_and_revoked(
    client: Client, person: Person, stores: Stores
) -> None:
    await stores.connection()
    async with dashboard(client, person, view="/account") as seen:
        page = seen.page
        opener = page.get_by_role("button", name="New key")
        await opener.focus()
        await page.keyboard.press("Enter")
        form = page.get_by_role("dialog")
        await page.keyboard.type("Booking backend")
        await page.keyboard.press("Enter")
        await expect(form.get_by_text("Choose at least one thing")).to_be_in_viewport()
        await form.get_by_role("checkbox", name=re.compile("^Send ")).check()
        await form.get_by_role("radio", name="Only some").check()
        await form.get_by_role("checkbox", name="Main").check()
        await form.get_by_label("Works until").fill("2040-01-31T09:00")
        await is_in_order(seen)
        await form.get_by_role("button", name="Create the key").click()
        shown = form.get_by_label("API key", exact=True)
        await expect(shown).to_be_visible()
        key = await shown.input_value()
        await is_in_order(seen)
        assert await _works(client, key)
        await page.keyboard.press("Escape")
        await expect(page.locator("#made-key")).to_have_value("")
        row = _key(page, "Booking backend")
        await expect(row).to_contain_text(re.compile("Only these connections: .main"))
        await expect(row).to_contain_text(re.compile("31 Jan 2040.*Never used"))
        await page.get_by_role("button", name="Revoke Booking backend").click()
        await is_in_order(seen)
        await page.get_by_role("button", name="Revoke the key").click()
        await expect(row).to_have_count(0)
        assert not await _works(client, key)


@in_both_languages(dark="English")
async def test_the_account_is_for_everybody(
    client: Client,
    person: Person,
    services: Services,
    locale: str,
    viewport: ViewportSize,
    dark: bool,
) -> None:
    now = utc_now()
    over = Grant(FIRST_OWNER, "x" * 200, frozenset({Scope.READ}), expires_at=now)
    await services.keys.create(over, now - timedelta(days=1))
    seeing = dashboard(client, person, view="/account", locale=locale, viewport=viewport, dark=dark)
    async with seeing as seen:
        await expect(_key(seen.page, "x" * 200)).to_be_visible()
        await is_in_order(seen)
        await seen.page.locator("[data-create]").click()
        await is_in_order(seen)


async def test_a_wrong_password_is_said_and_a_new_one_revokes_the_keys(
    client: Client, person: Person, services: Services
) -> None:
    _, key = await services.keys.create(Grant(FIRST_OWNER, "Backend"), utc_now())
    async with dashboard(client, person, view="/account") as seen:
        page = seen.page
        current, new = page.get_by_label("Current password"), page.get_by_label("New password")
        await current.fill("a wrong password")
        await new.fill("short")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("needs at least 10 characters")).to_be_visible()
        await new.fill(NEW)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("The current password is wrong.")).to_be_visible()
        await expect(current).to_be_focused()
        await is_in_order(seen)
        await current.fill(PASSWORD)
        await page.get_by_role("checkbox", name="Revoke my API keys").check()
        await page.get_by_role("button", name="Change the password").click()
        await expect(page.get_by_text("The password is changed, and")).to_be_visible()
        await expect(page.get_by_text("You have no keys.")).to_be_visible()
        assert not await _works(client, key)
    word = {"email": EMAIL, "password": NEW}
    assert (await client.post("/api/auth/login", json=word)).status == 200


async def test_the_linking_pages_of_a_connection_are_revoked(
    client: Client, person: Person, stores: Stores
) -> None:
    await stores.connection()
    made = await (await client.post("/api/whatsapp/connections/main/qr-link")).json()
    link = {"X-Link-Token": made["url"].partition("#")[2]}
    assert (await client.get("/link/state", headers=link)).status == 200
    async with dashboard(client, person) as seen:
        page = seen.page
        await page.get_by_label("More for this connection").click()
        await page.get_by_role("button", name="Revoke linking pages…").click()
        await is_in_order(seen)
        await page.get_by_role("button", name="Revoke the pages").click()
        await expect(page.get_by_text("The linking pages of Main are revoked.")).to_be_visible()
    assert (await client.get("/link/state", headers=link)).status == 410
