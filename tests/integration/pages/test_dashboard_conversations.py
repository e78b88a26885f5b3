"""Conversations in a real browser: both directions, hostile texts, live changes, and answers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import Locator, Page, Request, Route, expect

from sessions.common.clock import utc_now
from sessions.connections.page_requests import Errand, PageRequests
from sessions.conversations.read_marks import ReadMarks
from sessions.messages.model import MessageStatus
from tests.integration.event_api import EventApi
from tests.integration.pages.dashboard import dashboard, is_in_order
from tests.integration.pages.looks import in_both_languages
from tests.integration.pages.test_dashboard_messages import connected
from tests.integration.received import FRIEND, Received
from tests.people import PHONE, PageSession, Person
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.async_api import ViewportSize

    from sessions.connections.leases import Lease
    from tests.builders import Stores

OTHER = "972502222222@c.us"
GROUP = "120363012345678901@g.us"
HOSTILE = (
    "\u202egnp.exe",
    "W" * 300,
    "<img src=x onerror=document.title='owned'><b>bold</b>",
    "👩‍👩‍👧‍👦🇮🇱👍🏽",
    "a" * 10_000,
    "one\n\n\n\ntwo\n" * 40,
)


@pytest.fixture
async def received(api: EventApi) -> Received:
    """Give a test people who write to a connection that is connected."""
    _, lease = await connected(api.stores)
    return Received(api.stores, lease)


def _chat(page: Page, name: str) -> Locator:
    return page.locator(".chat-link").filter(has_text=name)


def _bubbles(page: Page) -> Locator:
    return page.locator(".bubble-row")


async def _send(stores: Stores, lease: Lease, text: str, to: str = FRIEND) -> None:
    connection = await stores.connections.get(lease.connection)
    await stores.message(connection, text, to=to)
    await _send_next(stores, lease)


async def _send_next(stores: Stores, lease: Lease) -> None:
    """Have the message whose turn it is sent."""
    claimed = await stores.queue.claim_next(lease)
    assert claimed is not None
    key = f"true_{claimed.to}_{claimed.id.upper()}"
    await stores.queue.write_down(lease, claimed, key, claimed.to, new_chat=True)
    await stores.queue.settle(lease, claimed, MessageStatus.SENT)


@in_both_languages(dark="Hebrew")
async def test_a_conversation_is_read_by_everybody(
    api: EventApi,
    person: Person,
    received: Received,
    locale: str,
    viewport: ViewportSize,
    dark: bool,
) -> None:
    await received.text("Are you open?", name="Dana")
    await _send(api.stores, received.lease, "Until six")
    await received.text("Thanks", name="Dana", at=utc_now() + timedelta(seconds=1))
    view: dict[str, Any] = {"view": "/conversations", "locale": locale, "viewport": viewport}
    async with dashboard(api.client, person, dark=dark, **view) as seen:
        await expect(_chat(seen.page, "Dana")).to_contain_text("Thanks")
        await is_in_order(seen)
        await _chat(seen.page, "Dana").click()
        texts = seen.page.locator(".bubble-text")
        await expect(texts).to_have_text(["Are you open?", "Until six", "Thanks"])
        await is_in_order(seen)


async def test_what_strangers_write_is_only_text(
    api: EventApi, person: Person, received: Received
) -> None:
    chats = {f"97250222222{number}@c.us": text for number, text in enumerate(HOSTILE)}
    for chat, text in chats.items():
        await received.text(text, name=text[:150], chat=chat)
    async with dashboard(api.client, person, view="/conversations", viewport=PHONE) as seen:
        for chat, text in chats.items():
            await _is_only_text(seen, chat, text)


async def _is_only_text(seen: PageSession, chat: str, text: str) -> None:
    page = seen.page
    await page.locator(f".chat-link[data-chat='{chat}']").click()
    await expect(_bubbles(page)).to_have_count(1)
    whole = page.get_by_role("button", name="Show all of it")
    if len(text) > 5_000:
        await whole.click()
    shown = await page.locator(".bubble-text").text_content()
    assert shown == text
    assert not await seen.overflows()
    assert seen.complaints == []
    assert "owned" not in await page.title()
    # Whatever turns the direction ends with the text it stands in.
    isolated = "getComputedStyle(document.querySelector('[data-thread-title] bdi')).unicodeBidi"
    assert await page.evaluate(isolated) == "isolate"
    await page.get_by_role("button", name="Back to the chats").click()


async def test_what_is_on_the_screen_is_read_and_what_comes_is_announced(
    api: EventApi, person: Person, received: Received
) -> None:
    first = await received.text("first", name="Dana")
    async with dashboard(api.client, person, view="/conversations") as seen:
        page = seen.page
        unread = _chat(page, "Dana").locator("[data-count]")
        await expect(unread).to_have_text("1")
        async with page.expect_request("**/read?*"):
            await _chat(page, "Dana").click()
        await expect(_bubbles(page)).to_have_count(1)
        marks = ReadMarks(api.stores.database)

        async def is_read() -> bool:
            return bool(await marks.of(first.connection, [FRIEND]))

        await until(is_read)
        await expect(unread).to_be_hidden()
        await received.text("second", name="Dana", at=utc_now())
        await expect(_bubbles(page)).to_have_count(2)
        live = page.locator("[data-live]")
        await expect(live).to_have_text("New message from Dana: second")
        await expect(live).to_have_attribute("aria-live", "polite")
        await received.text("elsewhere", name="Noa", chat=OTHER, at=utc_now())
        await expect(_chat(page, "Noa")).to_contain_text("elsewhere")
        await expect(_chat(page, "Noa").locator("[data-count]")).to_have_text("1")


async def test_a_chat_that_is_being_read_stays_read_though_an_older_list_comes(
    api: EventApi, person: Person, received: Received
) -> None:
    await received.text("first", name="Dana")
    lists: list[str] = []

    async def oldest(route: Route) -> None:
        lists.append(await (await route.fetch()).text())
        await route.fulfill(content_type="application/json", body=lists[0])

    async with dashboard(api.client, person, view="/conversations") as seen:
        page = seen.page
        await page.route("**/api/whatsapp/chats?*", oldest)
        await page.reload()
        unread = _chat(page, "Dana").locator("[data-count]")
        await expect(unread).to_have_text("1")
        async with page.expect_request("**/read?*"):
            await _chat(page, "Dana").click()
        # No worker answers, so it is being read from now on. The second list comes after the
        # first one was shown.
        for name in ("Noa", "Avi"):
            async with page.expect_response("**/api/whatsapp/chats?*"):
                await received.text("elsewhere", name=name, chat=OTHER, at=utc_now())
        await expect(unread).to_be_hidden()
        await page.unroute_all()


async def test_answers_are_sent_by_keyboard_and_not_twice_when_one_is_lost(
    api: EventApi, person: Person, received: Received
) -> None:
    asked = await received.text("Are you open?", name="Dana")
    async with dashboard(api.client, person, view="/conversations") as seen:
        page = seen.page
        await _chat(page, "Dana").press("Enter")
        write = page.get_by_role("textbox", name="Write a message")
        await expect(write).to_be_focused()
        await page.locator(".bubble-menu summary").press("Enter")
        await page.get_by_role("button", name="Answer", exact=True).press("Enter")
        await expect(write).to_be_focused()
        await page.keyboard.type("Until six")
        await page.keyboard.press("Enter")
        await expect(_bubbles(page)).to_have_count(2)
        await expect(write).to_have_value("")
        await expect(_bubbles(page).nth(1)).to_contain_text("Are you open?")
        stored = await api.stores.database["messages"].find_one({}) or {}
        assert (stored["text"], stored["to"], stored["replyTo"]) == ("Until six", FRIEND, asked.id)
        await _send_next(api.stores, received.lease)
        await expect(_bubbles(page).nth(1).locator(".pill")).to_have_text("Sent")
        keys = _keys_of_sends(page)
        await page.route("**/api/whatsapp/send?*", lambda route: route.abort())
        await write.fill("Until seven")
        await page.get_by_role("button", name="Send").click()
        kept = page.get_by_role("alert").filter(has_text="Your text is still here")
        await expect(kept).to_be_visible()
        await page.unroute("**/api/whatsapp/send?*")
        await page.get_by_role("button", name="Send").click()
        await expect(_bubbles(page)).to_have_count(3)
        assert len(keys) == 2
        assert len(set(keys)) == 1


def _keys_of_sends(page: Page) -> list[str]:
    """Return a list that gets the idempotency key of each send from here on."""
    keys: list[str] = []

    def note(asked: Request) -> None:
        if asked.method == "POST" and "/send" in asked.url:
            keys.append(asked.headers["idempotency-key"])

    page.on("request", note)
    return keys


async def test_what_was_begun_in_one_chat_stays_there_and_what_cannot_be_sent_is_told(
    api: EventApi, person: Person, received: Received
) -> None:
    await received.text(name="Dana")
    await received.text(name="Noa", chat=OTHER)
    async with dashboard(api.client, person, view="/conversations") as seen:
        page = seen.page
        write = page.get_by_role("textbox", name="Write a message")
        await _chat(page, "Dana").click()
        await write.fill("for Dana")
        await _chat(page, "Noa").click()
        await expect(write).to_have_value("")
        await _chat(page, "Dana").click()
        await expect(write).to_have_value("for Dana")
        away = {"$set": {"state": "disconnected"}}
        await api.stores.database["connections"].update_many({}, away)
        await page.reload()
        await expect(page.locator("[data-thread-title]")).to_have_text("Dana")
        await expect(page.get_by_text("This connection cannot send right now")).to_be_visible()
        await page.go_back()
        await expect(page.locator("[data-thread-title]")).to_have_text("Noa")


async def test_on_a_phone_the_list_and_the_conversation_take_turns(
    api: EventApi, person: Person, received: Received
) -> None:
    await received.text(name="Dana")
    async with dashboard(api.client, person, view="/conversations", viewport=PHONE) as seen:
        page = seen.page
        await _chat(page, "Dana").click()
        await expect(_chat(page, "Dana")).to_be_hidden()
        await page.get_by_role("button", name="Back to the chats").click()
        await expect(_chat(page, "Dana")).to_be_visible()
        await expect(page.locator(".thread-head")).to_be_hidden()


async def test_older_messages_and_chats_are_behind_a_button(
    api: EventApi, person: Person, received: Received
) -> None:
    for n in range(60):
        await received.text(f"message {n}", name="Dana")
    for n in range(35):
        await received.text(f"from {n}", chat=f"9725033333{n:02d}@c.us")
    async with dashboard(api.client, person, view="/conversations") as seen:
        page = seen.page
        await expect(page.locator(".chat-link")).to_have_count(30)
        await page.get_by_role("button", name="Show more chats").click()
        await expect(page.locator(".chat-link")).to_have_count(36)
        await _chat(page, "Dana").click()
        await expect(_bubbles(page)).to_have_count(50)
        await page.get_by_role("button", name="Show older messages").click()
        await expect(_bubbles(page)).to_have_count(60)
        await expect(page.get_by_role("button", name="Show older messages")).to_be_hidden()


async def test_a_number_that_nobody_wrote_from_is_written_to(
    api: EventApi, person: Person, received: Received
) -> None:
    await received.text(name="Dana")
    async with dashboard(api.client, person, view="/conversations", locale="he-IL") as seen:
        page = seen.page
        await page.get_by_role("button", name="שיחה חדשה").click()
        await page.get_by_label("למספר הטלפון").fill("12")
        await page.get_by_role("button", name="פתיחה").click()
        await expect(page.get_by_text("זה לא מספר טלפון")).to_be_visible()
        await page.get_by_label("למספר הטלפון").fill("050-222-2222")
        await page.get_by_role("button", name="פתיחה").click()
        await expect(page.locator("[data-thread-title]")).to_contain_text("+972 50-222-2222")
        await page.get_by_role("textbox", name="כתיבת הודעה").fill("שלום")
        await page.get_by_role("button", name="שליחה").click()
        await expect(_bubbles(page)).to_have_count(1)
        stored = await api.stores.database["messages"].find_one({}) or {}
        assert (stored["text"], stored["to"]) == ("שלום", OTHER)


async def test_a_group_is_called_by_its_subject_once_whatsapp_tells_it(
    api: EventApi, person: Person, received: Received
) -> None:
    await received.text("hello", chat=GROUP, sender=FRIEND, name="Dana")
    requests = PageRequests(api.stores.database)

    async def answered() -> bool:
        asked = await requests.next_pending(received.lease.connection)
        if asked is None or asked.errand is not Errand.GROUPS:
            return False
        group = {"chatId": GROUP, "subject": "Family", "size": 2, "participants": []}
        await requests.answer(asked, [group])
        return True

    async with dashboard(api.client, person, view="/conversations") as seen:
        await expect(_chat(seen.page, "Group")).to_be_visible()
        await until(answered)
        await _chat(seen.page, "Family").click()
        await expect(seen.page.locator("[data-thread-title]")).to_have_text("Family")
        await expect(seen.page.locator(".bubble-sender")).to_have_text("Dana")
