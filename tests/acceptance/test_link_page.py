"""A phone is linked from the page of a signed link, end to end, through every real part."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from playwright.async_api import Browser, Page, expect

from tests.people import PHONE, PageSession, visit
from tests.stack_client import OUR_PHONE, PATIENCE, StackClient

OTHER_PHONE = "+972502222222"
SLOW = PATIENCE.total_seconds() * 1000


# `test_link_page.py` of `tests/integration/pages` has the page; `test_linking.py` links by both
# codes.
@pytest.mark.slow
async def test_a_phone_is_linked_by_scan_and_another_by_number(
    system: StackClient, person: Browser
) -> None:
    await system.control("PUT", "faults", {"qrFirstMs": 2000, "qrNextMs": 2000, "qrCount": 2})
    await _by_scan(system, person)
    await _by_number(system, person)
    sent = await system.send("from the linked phone")
    await system.until_message(sent, "read")


async def _by_scan(system: StackClient, person: Browser) -> None:
    await system.create()
    url = await _link(system, "main")
    async with visit(person, url) as seen:
        page = seen.page
        picture = page.get_by_role("img", name="QR")
        await expect(picture).to_be_visible(timeout=SLOW)
        # Two codes make a round: the page sees one renewed, and then a new round.
        for _ in range(2):
            shown = str(await picture.get_attribute("src"))
            await expect(picture).not_to_have_attribute("src", shown, timeout=SLOW)
            await expect(picture).to_be_visible(timeout=SLOW)
        assert unquote(str(await picture.get_attribute("src"))).count("<svg") == 1
        await system.control("PUT", "faults", {"qrFirstMs": None, "qrNextMs": None})
        await system.scan()
        await _linked(seen, "Your phone is linked")
    async with visit(person, url) as seen:
        await expect(seen.page.get_by_role("heading", name="has been used")).to_be_visible()
    assert (await system.status())["phoneNumber"] == OUR_PHONE


async def _by_number(system: StackClient, person: Browser) -> None:
    await system.create("second")
    await system.control("POST", "phones", {"number": OTHER_PHONE})
    url = await _link(system, "second")
    async with visit(person, url, locale="he-IL", viewport=PHONE) as seen:
        page = seen.page
        await page.fill("#number", "050-2222222")
        await page.get_by_role("button", name="קבלת קוד").click(timeout=SLOW)
        code = await _code(page)
        await system.control("POST", f"phones/{OTHER_PHONE}/pair", {"code": code})
        await _linked(seen, "הטלפון מקושר")
    assert (await system.status("second"))["phoneNumber"] == OTHER_PHONE


async def _link(system: StackClient, connection: str) -> str:
    made = await system.post(f"/api/whatsapp/connections/{connection}/qr-link")
    assert made["http"] == 201, made
    return str(made["url"])


async def _code(page: Page) -> str:
    shown = page.locator("output")
    await expect(shown).to_be_visible(timeout=SLOW)
    return await shown.inner_text()


async def _linked(seen: PageSession, words: str) -> None:
    heading = seen.page.get_by_role("status").get_by_role("heading", name=words)
    await expect(heading).to_be_visible(timeout=SLOW)
    assert await seen.barriers() == []
    assert seen.complaints == []
    assert len(seen.hosts) == 1
