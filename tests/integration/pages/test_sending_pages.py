"""What a shop sends, in a real browser: automations, templates, subscribers, campaigns, figures."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import Locator, Page, ViewportSize, expect

from sessions.common.clock import utc_now
from tests.integration.conftest import KEY
from tests.integration.pages.business import DANA, Shop
from tests.integration.pages.dashboard import EMAIL, PASSWORD, dashboard, is_in_order
from tests.integration.pages.looks import in_both_languages
from tests.people import Person

if TYPE_CHECKING:
    from control_api.services import Services
    from sessions.storage.mongo import Database
    from tests.builders import Stores
    from tests.integration.pages.dashboard import Client

VIEWS = ("automations", "templates", "subscribers", "campaigns", "stats")
NAMES = {
    "en-GB": ("Automations", "Templates", "Subscribers", "Campaigns", "Statistics"),
    "he-IL": ("אוטומציות", "תבניות", "מנויים", "קמפיינים", "סטטיסטיקה"),
}


@pytest.fixture
async def shop(client: Client, stores: Stores) -> Shop:
    return await Shop.open(client, stores)


def _soon(**span: float) -> str:
    return (utc_now() + timedelta(**span)).isoformat().replace("+00:00", "Z")


async def _sent(database: Database, key: str, status: str, **fields: Any) -> None:
    """Store a message with what statistics count of it."""
    now = utc_now()
    message = {"_id": key, "owner": "admin", "queuedAt": now, "status": status, **fields}
    await database["messages"].insert_one(message)


async def _look_again(page: Page) -> None:
    """Have the page ask at once, as it does when it is online again."""
    await page.evaluate("dispatchEvent(new Event('online'))")


def _rule(page: Page, sentence: str) -> Locator:
    return page.locator(".rule").filter(has=page.get_by_role("heading", name=sentence))


@in_both_languages(dark="Hebrew")
async def test_the_pages_are_for_everybody(
    shop: Shop,
    person: Person,
    database: Database,
    locale: str,
    viewport: ViewportSize,
    dark: bool,
) -> None:
    automation = await shop.remind(offset="2h")
    await shop.make("templates", name="Soon", texts={"he": "שלום", "en": "Hi" * 200})
    await shop.make("subscribers", name="Avi " * 20, phone="+972541234567")
    spring = {"name": "Spring", "template": "ready_welcome", "connectionId": "main"}
    await shop.make("campaigns", **spring)
    plan = {"trigger": "before_appointment", "origin": automation["id"]}
    await _sent(database, "one", "read", plan=plan)
    look: dict[str, Any] = {"locale": locale, "viewport": viewport, "dark": dark}
    async with dashboard(shop.client, person, path="/provider/automations", **look) as seen:
        for view, name in zip(VIEWS, NAMES[locale], strict=True):
            await seen.page.goto(str(shop.client.make_url(f"/provider/{view}")))
            await expect(seen.page.get_by_role("heading", name=name, level=1)).to_be_visible()
            await expect(seen.page.locator("[data-when=loading]")).to_be_hidden()
            await is_in_order(seen)
            if view != "stats":
                await seen.page.locator("[data-act=create]").first.click()
                await is_in_order(seen)


async def test_a_ready_made_automation_is_switched_on_changed_previewed_and_deleted(
    shop: Shop, person: Person
) -> None:
    dana = await shop.make("customers", **DANA)
    await shop.book(dana, startsAt=_soon(days=6))
    asks = "One day before the appointment, at 18:00, ask whether they come."
    async with dashboard(shop.client, person, path="/provider/automations") as seen:
        page = seen.page
        await expect(page.get_by_role("switch", checked=True)).to_have_count(0)
        await page.get_by_role("radio", name="Clinic").check(force=True)
        await expect(_rule(page, asks)).to_have_count(0)
        await page.get_by_role("radio", name="Barber").check(force=True)
        await page.get_by_role("switch", name=asks).press("Space")
        await expect(page.get_by_role("switch", name=asks, checked=True)).to_be_focused()
        await _rule(page, asks).get_by_role("button", name="Preview").click()
        preview = page.get_by_role("dialog", name="What it sends")
        await expect(preview).to_contain_text("For your next appointment this goes on")
        await expect(preview).to_contain_text("Hello Dana, Haircut on")
        await page.keyboard.press("Escape")
        await _rule(page, asks).get_by_role("button", name="Change").click()
        form = page.get_by_role("dialog", name="Change the automation")
        await form.get_by_label("Number").fill("0")
        await form.get_by_label("At what hour").fill("")
        await form.get_by_role("button", name="Save").click()
        await expect(form.get_by_role("alert")).to_contain_text("at least 1")
        await form.get_by_label("Number").fill("3")
        await form.get_by_label("Unit").select_option("hours")
        await form.get_by_role("button", name="Save").click()
        shorter = "3 hours before the appointment, ask whether they come."
        await _rule(page, shorter).get_by_role("button", name="Delete").click()
        ask = page.get_by_role("dialog", name="Delete this automation?")
        await expect(ask).to_contain_text("What it has queued is cancelled")
        (appointment,) = (await shop.get("appointments"))["items"]
        assert [each["status"] for each in appointment["messages"]][-1] == "queued"
        await ask.get_by_role("button", name="Delete the automation").click()
        await expect(_rule(page, shorter)).to_have_count(0)
    (appointment,) = (await shop.get("appointments"))["items"]
    assert {each["status"] for each in appointment["messages"]} == {"cancelled"}
    (template,) = (await shop.get("templates"))["items"]
    assert set(template["texts"]) == {"en", "he"}


async def test_an_automation_tells_in_plain_words_what_was_missing(
    shop: Shop, person: Person
) -> None:
    text = {"en": "Come to {{appointment.location}}"}
    template = await shop.make("templates", name="Place", texts=text)
    await shop.remind(template=template["id"])
    await shop.book(await shop.make("customers", **DANA), startsAt=_soon(days=6))
    path = "/provider/automations"
    async with dashboard(shop.client, person, path=path, locale="he-IL") as seen:
        page = seen.page
        await expect(page.locator(".rule .problem").first).to_contain_text("וזה חסר: מקום.")
        await expect(_rule(page, "24 שעות לפני התור, להזכיר.")).to_be_visible()


async def test_a_template_is_written_with_its_preview_and_wrong_variables_are_told_at_the_field(
    shop: Shop, person: Person
) -> None:
    async with dashboard(shop.client, person, path="/provider/templates") as seen:
        page = seen.page
        await page.get_by_role("button", name="New template").first.click()
        form = page.get_by_role("dialog", name="New template")
        await form.get_by_label("Name", exact=True).fill("Soon")
        english = form.get_by_label("Text in English")
        await english.fill("Hi {{customer.nme}}")
        await expect(form.get_by_role("alert").filter(has_text="no variable")).to_be_visible()
        await expect(english).to_have_attribute("aria-invalid", "true")
        await form.get_by_role("button", name="Save the template").click()
        await expect(english).to_be_focused()
        await english.fill("Hi ")
        await form.get_by_role("button", name="First name").click()
        await expect(english).to_have_value("Hi {{customer.firstName}}")
        await expect(form.get_by_text("Hi Dana", exact=True)).to_be_visible()
        await form.get_by_role("button", name="Save the template").click()
        await expect(page.locator("[data-records] .template")).to_contain_text("Soon")
        (made,) = (await shop.get("templates"))["items"]
        await shop.remind(template=made["id"])
        await page.get_by_role("button", name="Delete…: Soon").click()
        ask = page.get_by_role("dialog", name="Delete this template?")
        await ask.get_by_role("button", name="Delete the template").click()
        await expect(ask.get_by_role("alert")).to_contain_text("It is in use")


async def test_subscribers_are_added_imported_filtered_and_unsubscribed(
    shop: Shop, person: Person
) -> None:
    table = b"phone,name,list\n+972541234561,Noa,vip\n054123,Avi,vip\n"
    async with dashboard(shop.client, person, path="/provider/subscribers") as seen:
        page = seen.page
        rows = page.locator(".subscriber")
        await page.get_by_role("button", name="Add a subscriber").first.click()
        form = page.get_by_role("dialog", name="Add a subscriber")
        await form.get_by_role("button", name="Add to the list").click()
        await expect(form.get_by_role("alert")).to_contain_text("not a phone number")
        await form.get_by_label("Phone number").fill("+972 54-123-4567")
        await form.get_by_label("Ask them first").check()
        await form.get_by_role("button", name="Add to the list").click()
        await expect(rows).to_contain_text(["Not confirmed yet"])
        await page.get_by_role("button", name="Import").click()
        dialog = page.get_by_role("dialog", name="Import from a table")
        file = {"name": "list.csv", "mimeType": "text/csv", "buffer": table}
        await dialog.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
        await dialog.get_by_role("button", name="Import").click()
        await expect(
            dialog.get_by_role("row", name=re.compile("3 The number has no"))
        ).to_be_visible()
        await dialog.get_by_role("button", name="Close").last.click()
        await page.get_by_role("search").get_by_label("List").select_option("vip")
        await expect(rows).to_have_count(1)
        await expect(page.get_by_text("One subscriber gets messages.")).to_be_visible()
        await rows.locator("summary").click()
        await rows.get_by_role("button", name="Unsubscribe").click()
        await expect(rows).to_contain_text("Opted out")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Export").click()
        assert "Noa" in (await (await download.value).path()).read_text(encoding="utf-8-sig")


async def test_a_campaign_tells_whom_it_reaches_runs_with_its_numbers_and_pauses_by_itself(
    shop: Shop, person: Person, services: Services, database: Database
) -> None:
    assert services.business is not None
    campaigns = services.business.campaigns
    for number in range(13):
        await shop.make("subscribers", phone=f"+9725412345{number:02}")
    first = (await shop.get("subscribers"))["items"][0]
    async with shop.client.patch(
        f"/api/subscribers/{first['id']}", json={"status": "unsubscribed"}
    ):
        pass
    async with dashboard(shop.client, person, path="/provider/campaigns") as seen:
        page = seen.page
        card = page.locator(".campaign")
        await page.get_by_role("button", name="New campaign").first.click()
        form = page.get_by_role("dialog", name="New campaign")
        await expect(form.get_by_text("12 people would get it now.")).to_be_visible()
        await form.get_by_label("Name").fill("Spring")
        await form.get_by_label("What it sends").select_option("Welcome")
        await form.get_by_role("button", name="Save as a draft").click()
        await expect(card).to_contain_text("Left out: one who opted out.")
        await card.get_by_role("button", name="Start").click()
        await page.get_by_role("button", name="Start the campaign").click()
        await expect(card.locator(".state-pill")).to_have_text("Running")
        await campaigns.go_on()
        messages = database["messages"]
        done = {"$set": {"status": "sent", "sentAt": utc_now(), "statusAt": utc_now()}}
        await messages.update_one({"status": "queued"}, done)
        await _look_again(page)
        for name, count in (("eligible", "12"), ("sent", "1"), ("queued", "11")):
            await expect(card.locator(f"[data-number={name}] dd")).to_have_text(count)
        failed = {"$set": {"status": "failed", "statusAt": utc_now() + timedelta(seconds=1)}}
        await messages.update_many({"status": "queued"}, failed)
        await campaigns.go_on()
        await _look_again(page)
        await expect(card).to_contain_text("ten messages in a row failed")
        await card.get_by_role("button", name="Go on").click()
        await expect(card.locator(".state-pill")).to_have_text("Running")
        await card.get_by_role("button", name="Pause").click()
        await expect(card.locator(".state-pill")).to_have_text("Paused")
        await card.get_by_role("button", name="Cancel for good").click()
        await page.get_by_role("button", name="Cancel the campaign").click()
        await expect(card.locator(".state-pill")).to_have_text("Cancelled")


NOA = "noa@example.com"
SHOWN = {
    "templates": "[data-records] .template",
    "automations": "[data-records] .rule",
    "subscribers": ".subscriber",
    "campaigns": ".campaign",
}
"""What each page shows of a record."""


@pytest.fixture
async def noa(shop: Shop, stores: Stores) -> str:
    """Give a test a user beside the administrator, with one record of each kind; return her id."""
    for email in (EMAIL, NOA):
        wish = {"email": email, "password": PASSWORD, "name": email, "setupToken": KEY}
        made = await shop.make("auth/register", **wish)
    owner = str(made["user"]["id"])
    await stores.connection("hers", owner=owner)
    hers = f"?owner={owner}"
    text = await shop.make(f"templates{hers}", name="Of Noa", texts={"en": "Hi from Noa"})
    sends = {"name": "Of Noa", "template": text["id"], "connectionId": "hers"}
    rule = {"trigger": "before_appointment", "offset": "3h", "purpose": "reminder"}
    await shop.make(f"automations{hers}", **sends, **rule, enabled=True)
    await shop.make(f"subscribers{hers}", phone="+972541234567")
    await shop.make(f"campaigns{hers}", **sends)
    return owner


@pytest.mark.parametrize(("email", "count"), [(EMAIL, 2), (NOA, 1)])
async def test_an_administrator_sees_everybodys_records_and_others_their_own(
    shop: Shop, noa: str, person: Person, database: Database, email: str, count: int
) -> None:
    await shop.make("templates", name="Ours", texts={"en": "Hi"})
    await shop.remind()
    await shop.make("subscribers", phone="+972541234568")
    ours = {"name": "Ours", "template": "ready_welcome", "connectionId": "main"}
    await shop.make("campaigns", **ours)
    for owner in ("admin", noa):
        await _sent(database, owner, "read", owner=owner)
    async with dashboard(shop.client, person, path="/provider/stats", email=email) as seen:
        page = seen.page
        await expect(page.locator("[data-figure=sent] dd")).to_have_text(str(count))
        for view, record in SHOWN.items():
            await page.goto(str(shop.client.make_url(f"/provider/{view}")))
            await expect(page.locator(record)).to_have_count(count)


async def test_an_administrator_changes_what_another_has_with_what_that_one_has(
    shop: Shop, noa: str, person: Person
) -> None:
    await shop.make("templates", name="Ours", texts={"en": "Hi"})
    async with dashboard(shop.client, person, path="/provider/automations") as seen:
        page = seen.page
        rule = _rule(page, "3 hours before the appointment, remind.")
        await expect(rule).to_contain_text("Sends “Of Noa”")
        await rule.get_by_role("button", name="Change").click()
        form = page.get_by_role("dialog", name="Change the automation")
        texts = form.get_by_label("What it sends").locator("option")
        await expect(texts.filter(has_text="Of Noa")).to_have_count(1)
        await expect(texts.filter(has_text="Ours")).to_have_count(0)
        await form.get_by_label("Number").fill("4")
        await form.get_by_role("button", name="Save").click()
        await expect(_rule(page, "4 hours before the appointment, remind.")).to_be_visible()
        await page.goto(str(shop.client.make_url("/provider/campaigns")))
        card = page.locator(".campaign")
        await expect(card).to_contain_text("One person would get it now.")
        await card.get_by_role("button", name="Start").click()
        await page.get_by_role("button", name="Start the campaign").click()
        await expect(card.locator(".state-pill")).to_have_text("Running")
    (automation,) = (await shop.get(f"automations?owner={noa}"))["items"]
    assert (automation["offset"], automation["connectionId"]) == ("4h", "hers")
    ours, path = {"connectionId": "main"}, f"/api/automations/{automation['id']}"
    async with shop.client.patch(path, json=ours) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "connection_not_found")


async def test_a_text_that_its_recipients_lack_the_values_for_is_told_in_the_form(
    shop: Shop, person: Person
) -> None:
    async with dashboard(shop.client, person, path="/provider/automations") as seen:
        page = seen.page
        await page.get_by_role("button", name="New automation").first.click()
        form = page.get_by_role("dialog", name="New automation")
        await form.get_by_label("When", exact=True).select_option("A customer's birthday")
        await form.get_by_label("What it sends").select_option("Reminder")
        await form.get_by_role("button", name="Make it and switch it on").click()
        await expect(form.get_by_text("This text needs something")).to_be_visible()


async def test_statistics_are_read_by_the_keyboard_and_as_tables(
    shop: Shop, person: Person, database: Database
) -> None:
    automation = await shop.remind(offset="2h")
    plan = {"trigger": "before_appointment", "origin": automation["id"]}
    now = utc_now()
    times = {"sentAt": now - timedelta(minutes=3), "readAt": now}
    await _sent(database, "one", "read", plan=plan, **times)
    await _sent(database, "two", "delivered", plan=plan)
    await _sent(database, "three", "failed")
    appointment = await shop.book(await shop.make("customers", **DANA), startsAt=_soon(hours=-1))
    async with shop.client.post(f"/api/appointments/{appointment['id']}/confirm"):
        pass
    async with dashboard(shop.client, person, path="/provider/stats?by=week") as seen:
        page = seen.page
        await expect(page.get_by_role("radio", name="Weeks")).to_be_checked()
        await expect(page.locator("[data-figure=time] dd")).to_have_text("3 mins")
        await expect(page.locator("[data-figure=read] dd")).to_have_text("50%")
        chart = page.get_by_role("slider", name="Messages by what became of them")
        await chart.focus()
        read = re.compile("Read 1 · Delivered 1 · Sent 0 · Waiting 0 · Failed 1")
        await expect(chart).to_have_attribute("aria-valuetext", read)
        await page.keyboard.press("ArrowLeft")
        none = re.compile("Read 0 · Delivered 0 · Sent 0 · Waiting 0 · Failed 0")
        await expect(chart).to_have_attribute("aria-valuetext", none)
        outcomes = page.locator("[data-chart=outcomes]")
        await outcomes.locator("summary").click()
        await expect(outcomes.get_by_role("row", name="Confirmed – 100%")).to_be_visible()
        rule = page.get_by_role("row", name="2 hours before the appointment, remind.")
        await expect(rule).to_contain_text("2100%50%")
        await page.get_by_label("To", exact=True).fill("2020-01-01")
        await expect(page.get_by_role("alert").filter(has_text="Give two dates")).to_be_visible()
