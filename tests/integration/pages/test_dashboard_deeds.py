"""What people do to messages of a conversation in a real browser, and the files that they see."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from sessions.conversations.identity import parse_key
from sessions.conversations.model import MediaState, ReceivedMedia, ReceivedMessage, ReceivedType
from sessions.conversations.seen import Response, Sighting
from sessions.media.store import NewMedia
from sessions.messages.model import Message, MessageStatus
from sessions.messages.responses import Reaction
from tests.arrivals import after
from tests.builders import OWNER
from tests.integration.event_api import EventApi
from tests.integration.pages.dashboard import dashboard, is_in_order
from tests.integration.pages.test_dashboard_messages import connected
from tests.integration.received import FRIEND, Received
from tests.people import Person
from tests.waiting import until

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAAFElEQVR4nGNgkLOJqpi25RIDZQwAihUaQUzX9bkA"
    "AAAASUVORK5CYII="
)
"""A picture of 8 × 8 pixels."""
PDF = b"%PDF-1.7\n" + bytes(2_000)


@pytest.fixture
async def received(api: EventApi) -> Received:
    """Give a test people who write to a connection that is connected."""
    _, lease = await connected(api.stores)
    return Received(api.stores, lease)


async def _sent(api: EventApi, received: Received, text: str) -> Message:
    """Let the owner have sent a text just now."""
    connection = await api.stores.connections.get(received.lease.connection)
    await api.stores.message(connection, text, to=FRIEND)
    claimed = await api.stores.queue.claim_next(received.lease)
    assert claimed is not None
    key = f"true_{FRIEND}_{claimed.id.upper()}"
    await api.stores.queue.write_down(received.lease, claimed, key, FRIEND, new_chat=True)
    await api.stores.queue.settle(received.lease, claimed, MessageStatus.SENT)
    return claimed


async def _with_file(
    api: EventApi, received: Received, content: bytes, mimetype: str, filename: str | None = None
) -> ReceivedMessage:
    """Let a friend have sent a file, which is stored."""

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    stored = await api.services.media.add(NewMedia(OWNER, filename=filename), pieces())
    media = ReceivedMedia(
        state=MediaState.STORED,
        media_id=stored.id,
        mimetype=mimetype,
        size=len(content),
        filename=filename,
    )
    kind = ReceivedType.IMAGE if mimetype.startswith("image/") else ReceivedType.DOCUMENT
    return await received.text("see there", name="Dana", type=kind, media=media)


async def _opened(page: Page) -> Locator:
    """Open the conversation with the friend; return its only message."""
    await page.locator(".chat-link").click()
    bubble = page.locator(".bubble-row")
    await expect(bubble).to_have_count(1)
    return bubble


async def _choose(bubble: Locator, name: str) -> None:
    """Take a command from the menu of a message."""
    await bubble.locator(".bubble-menu summary").click()
    await bubble.get_by_role("button", name=name, exact=True).click()


async def _queued(api: EventApi) -> dict[str, Any]:
    """Return the message that waits; nothing if none does."""
    found = await api.stores.database["messages"].find_one({"status": MessageStatus.QUEUED})
    return found or {}


async def test_a_reaction_goes_out_and_those_of_others_are_shown(
    api: EventApi, person: Person, received: Received
) -> None:
    asked = await received.text("Are you open?", name="Dana")
    async with dashboard(api.client, person, view="/conversations") as seen:
        bubble = await _opened(seen.page)
        await bubble.locator(".bubble-menu summary").click()
        # What others have written can neither be changed nor deleted.
        offered = bubble.locator(".bubble-menu li:not([hidden])")
        await expect(offered).to_have_text(["Answer", "React"])
        await bubble.get_by_role("button", name="React", exact=True).click()
        thumb = bubble.get_by_role("button", name="React 👍")
        await expect(bubble.locator("[data-asks=react] button").first).to_be_focused()
        await thumb.press("Enter")
        await expect(seen.page.get_by_text("Your reaction goes out.")).to_be_visible()
        await expect(thumb).to_be_hidden()
        queued = await _queued(api)
        assert (queued["kind"], queued["target"]) == ("reaction", asked.id)
        assert "👍" in queued["content"]
        for sender in (FRIEND, "15557654321@c.us"):
            theirs = Reaction(sender=sender, emoji="❤️", at=after(10))
            named = parse_key(asked.whatsapp_key)
            await received.inbox.record(
                received.lease, Sighting(responses=(Response(named, theirs),))
            )
        await expect(bubble.locator(".reactions li")).to_have_text("❤️ 2")
        await is_in_order(seen)


async def test_a_text_is_changed_where_it_was_written(
    api: EventApi, person: Person, received: Received
) -> None:
    sent = await _sent(api, received, "Until sixx")
    async with dashboard(api.client, person, view="/conversations") as seen:
        bubble = await _opened(seen.page)
        await _choose(bubble, "Change the text")
        write = seen.page.get_by_role("textbox", name="Write a message")
        await expect(write).to_be_focused()
        await expect(write).to_have_value("Until sixx")
        await is_in_order(seen)
        await write.fill("Until six")
        await seen.page.keyboard.press("Enter")
        await expect(write).to_have_value("")
        queued = await _queued(api)
        assert (queued["kind"], queued["target"]) == ("edit", sent.id)
        assert "Until six" in queued["content"]


async def test_a_message_is_deleted_for_everyone_only_after_a_question(
    api: EventApi, person: Person, received: Received
) -> None:
    sent = await _sent(api, received, "to nobody")
    async with dashboard(api.client, person, view="/conversations") as seen:
        bubble = await _opened(seen.page)
        await _choose(bubble, "Delete for everyone…")
        await is_in_order(seen)
        await bubble.get_by_role("button", name="Cancel").locator("visible=true").click()
        assert await _queued(api) == {}
        await _choose(bubble, "Delete for everyone…")
        await bubble.get_by_role("button", name="Delete for everyone", exact=True).click()
        await expect(seen.page.get_by_text("is being deleted for everyone")).to_be_visible()
        queued = await _queued(api)
        assert (queued["kind"], queued["target"]) == ("revoke", sent.id)


async def test_a_picture_is_shown_and_any_other_file_is_offered(
    api: EventApi, person: Person, received: Received, tmp_path: Path
) -> None:
    await _with_file(api, received, PNG, "image/png")
    async with dashboard(api.client, person, view="/conversations") as seen:
        bubble = await _opened(seen.page)
        image = bubble.get_by_role("img", name="Picture")
        await expect(image).to_be_visible()

        async def is_loaded() -> bool:
            return bool(await image.evaluate("(image) => image.naturalWidth === 8"))

        await until(is_loaded)
        await is_in_order(seen)
        await _with_file(api, received, PDF, "application/pdf", "a bill.pdf")
        bubble = seen.page.locator(".bubble-row").filter(has_text="a bill.pdf")
        await expect(bubble).to_contain_text(re.compile(r"2\s?kB"))
        async with seen.page.expect_download() as begun:
            await bubble.get_by_role("link", name="Download").click()
        download = await begun.value
        assert download.suggested_filename == "a bill.pdf"
        await download.save_as(tmp_path / "saved")
        assert (tmp_path / "saved").read_bytes() == PDF
        await is_in_order(seen)
