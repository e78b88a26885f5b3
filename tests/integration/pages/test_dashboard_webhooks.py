"""Webhooks in a real browser: made, tested, changed, and what was delivered to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import Locator, Page, expect

from sessions.common.clock import utc_now
from sessions.webhooks.model import Delivery, DeliveryStatus, Try
from tests.builders import Stores
from tests.integration.pages.dashboard import dashboard, is_in_order
from tests.integration.pages.looks import in_both_languages
from tests.integration.webhooks.receiver import Receiver, receiving, status
from tests.people import Person
from tests.ports import LOOPBACK

if TYPE_CHECKING:
    from playwright.async_api import ViewportSize

    from control_api.settings import ApiSettings
    from sessions.storage.mongo import Database
    from tests.integration.pages.dashboard import Client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def api_settings(api_settings: ApiSettings) -> ApiSettings:
    return api_settings.model_copy(update={"webhook_allowed_hosts": (LOOPBACK,)})


def _hook(page: Page) -> Locator:
    return page.locator(".hook")


async def _make(client: Client, url: str, **fields: object) -> dict[str, Any]:
    body = {"url": url, "events": ["message.received"], "description": "CRM", **fields}
    answer = await client.post("/api/webhooks", json=body)
    assert answer.status == 201, await answer.text()
    made: dict[str, Any] = await answer.json()
    return made


async def _deliver(database: Database, webhook: str, **fields: Any) -> None:
    """Store a delivery with one try, as the worker does."""
    now = utc_now()
    tried = Try(at=now, duration_ms=120, status_code=500, answer="<b>broken</b>")
    place: dict[str, Any] = {
        "id": f"event.1{webhook}",
        "webhook": webhook,
        "owner": "admin",
        "event": "event.1",
        "type": "message.received",
        "order": "1",
        "body": "{}",
        "due_at": now,
        "created_at": now,
        "tries": [tried],
        "tried": 1,
    }
    delivery = Delivery.model_validate(place | fields)
    await database["webhookDeliveries"].insert_one(delivery.to_document())


@in_both_languages(dark="Hebrew", new=("New webhook", "Webhook חדש"))
async def test_the_view_is_used_by_everybody(
    client: Client,
    person: Person,
    receiver: Receiver,
    database: Database,
    locale: str,
    viewport: ViewportSize,
    dark: bool,
    new: str,
) -> None:
    view: dict[str, Any] = {"view": "/webhooks", "locale": locale, "viewport": viewport}
    async with dashboard(client, person, dark=dark, **view) as seen:
        page = seen.page
        await is_in_order(seen)
        await page.get_by_role("button", name=new).first.click()
        await is_in_order(seen)
        await page.keyboard.press("Escape")
        made = await _make(client, f"{receiver.url}/{'long' * 40}")
        await _deliver(database, made["id"])
        await page.reload()
        await expect(_hook(page)).to_contain_text("CRM")
        await is_in_order(seen)
        await _hook(page).locator("[data-act=deliveries]").click()
        await page.locator(".delivery summary").click()
        await expect(page.locator(".try")).to_contain_text("500")
        await expect(page.locator(".try pre")).to_have_text("<b>broken</b>")
        await is_in_order(seen)


async def test_a_webhook_is_made_and_its_secret_is_shown_once(
    client: Client, person: Person, stores: Stores
) -> None:
    await stores.connection("main")
    async with dashboard(client, person, view="/webhooks") as seen:
        page = seen.page
        await page.get_by_role("button", name="New webhook").first.click()
        form = page.get_by_role("dialog", name="New webhook")
        await form.get_by_role("button", name="Create the webhook").click()
        await expect(form.get_by_role("alert")).to_contain_text("begins with https")
        await form.get_by_label("Address").fill("https://127.0.0.2/hook")
        await form.get_by_role("button", name="Create the webhook").click()
        await expect(form.get_by_role("alert")).to_contain_text("not on the public internet")
        await form.get_by_label("Address").fill("https://crm.example.com/hook")
        await form.get_by_label("What it is for").fill("CRM")
        await form.get_by_role("radio", name="Only some").first.check()
        await form.get_by_role("checkbox", name="Somebody votes").check()
        await form.get_by_role("radio", name="Only some").last.check()
        await form.get_by_role("button", name="Create the webhook").click()
        await expect(form.get_by_role("alert")).to_contain_text("at least one connection")
        await form.get_by_role("checkbox", name="Main").check()
        await form.get_by_role("button", name="Create the webhook").click()
        made = page.get_by_role("dialog", name="The secret of your webhook")
        secret = await made.get_by_label("Secret", exact=True).input_value()
        assert secret.startswith("whsec_")
        await made.get_by_role("button", name="Done").click()
        await expect(_hook(page)).to_contain_text("A message comes in")
        await expect(_hook(page)).to_contain_text("Somebody votes")
        await expect(_hook(page)).to_contain_text("main")
        assert secret not in await page.content()
    (stored,) = (await (await client.get("/api/webhooks")).json())["items"]
    assert stored["events"] == ["message.received", "message.status", "poll.vote"]
    assert stored["connectionIds"] == ["main"]


async def test_what_was_given_up_is_sent_again(
    client: Client, person: Person, receiver: Receiver, database: Database
) -> None:
    made = await _make(client, receiver.url)
    ended = {"status": DeliveryStatus.FAILED, "ended_at": utc_now()}
    await _deliver(database, made["id"], **ended)
    later = utc_now() + timedelta(hours=1)
    await _deliver(database, made["id"], id="other", event="event.2", order="2", due_at=later)
    async with dashboard(client, person, view="/webhooks") as seen:
        page = seen.page
        await _hook(page).get_by_role("button", name="Deliveries").click()
        dialog = page.get_by_role("dialog", name="Deliveries")
        await expect(dialog.locator(".delivery")).to_have_count(2)
        await dialog.get_by_role("radio", name="Given up").check(force=True)
        await expect(dialog.locator(".delivery")).to_have_count(1)
        await dialog.locator(".delivery summary").click()
        await dialog.get_by_role("button", name="Send it again").click()
        await expect(page.get_by_text("It is sent again.")).to_be_visible()
        await expect(dialog.get_by_text("Nothing here.")).to_be_visible()
        await dialog.get_by_role("radio", name="Under way").check(force=True)
        await expect(dialog.locator(".delivery")).to_have_count(2)


async def test_a_webhook_is_tried_changed_switched_off_and_deleted(
    client: Client, person: Person, receiver: Receiver
) -> None:
    made = await _make(client, receiver.url)
    receiver.answers.append(status(500, "<b>broken</b>"))
    async with dashboard(client, person, view="/webhooks") as seen:
        page = seen.page
        await _hook(page).get_by_role("button", name="Send a test").click()
        dialog = page.get_by_role("dialog", name="Test")
        await expect(dialog.get_by_text("did not take the event")).to_be_visible()
        await expect(dialog.locator("pre")).to_have_text("<b>broken</b>")
        await dialog.get_by_role("button", name="Test again").click()
        await expect(dialog.get_by_text("It works")).to_be_visible()
        assert len(receiver.got) == 2
        await page.keyboard.press("Escape")

        async def choose(name: str) -> None:
            await _hook(page).locator("summary").click()
            await _hook(page).get_by_role("button", name=name).click()

        await choose("Change…")
        form = page.get_by_role("dialog", name="Change the webhook")
        await expect(form.get_by_role("checkbox", name="A message comes in")).to_be_checked()
        await form.get_by_role("radio", name="Everything").check()
        await form.get_by_role("button", name="Save").click()
        await expect(_hook(page).locator(".hook-events")).to_have_text("Everything")
        await choose("New secret…")
        rotate = page.get_by_role("dialog", name="Make a new secret?")
        await rotate.get_by_role("button", name="Make a new secret").click()
        shown = page.get_by_role("dialog", name="The secret of your webhook")
        secret = await shown.get_by_label("Secret", exact=True).input_value()
        assert secret not in ("", made["secret"])
        await shown.get_by_role("button", name="Done").click()
        await choose("Switch off")
        await expect(_hook(page)).to_contain_text("Somebody has switched it off")
        await _hook(page).get_by_role("button", name="Switch on").click()
        await expect(_hook(page)).not_to_contain_text("Somebody has switched it off")
        await choose("Delete…")
        await page.get_by_role("button", name="Delete the webhook").click()
        await expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
