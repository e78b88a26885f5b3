"""A person talks with a customer in the dashboard, through every real part."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.people import PHONE, PageSession, sign_in, visit
from tests.stack_client import OUR_PHONE, PATIENCE, THEIR_PHONE, StackClient
from tests.waiting import until

SLOW = PATIENCE.total_seconds() * 1000


@pytest.mark.slow
async def test_a_customer_writes_and_gets_an_answer(system: StackClient, person: Browser) -> None:
    await system.create(name="Front desk")
    await system.scan()
    await system.until_state("connected")
    await system.control("POST", "phones", {"number": THEIR_PHONE})
    url = system.about["api"] + "/dashboard/conversations"
    async with visit(person, url, viewport=PHONE) as seen:
        await sign_in(
            seen.page, "dana@example.com", "correct horse battery staple", system.about["apiKey"]
        )
        await _a_message_arrives(seen, system)
        await _an_answer_goes_out(seen, system)
        assert await seen.barriers() == []
        assert not await seen.overflows()
        assert seen.complaints == []
        assert len(seen.hosts) == 1


async def _a_message_arrives(seen: PageSession, system: StackClient) -> None:
    said = {"to": OUR_PHONE, "text": "Are you open?"}
    await system.control("POST", f"phones/{THEIR_PHONE}/say", said)
    chat = seen.page.locator(".chat-link")
    await expect(chat).to_contain_text("Are you open?", timeout=SLOW)
    await chat.click()
    await expect(seen.page.locator(".bubble-row")).to_have_count(1)


async def _an_answer_goes_out(seen: PageSession, system: StackClient) -> None:
    page = seen.page
    await page.get_by_role("textbox", name="Write a message").fill("Until six")
    await page.get_by_role("button", name="Send").click()
    ours = page.locator(".bubble-row[data-direction=out]")
    await expect(ours.locator(".pill")).to_have_text("Read", timeout=SLOW)
    await expect(page.locator(".bubble-row")).to_have_count(2)

    async def arrived() -> bool:
        return any(each.get("text") == "Until six" for each in await system.ledger())

    await until(arrived, within=PATIENCE)
