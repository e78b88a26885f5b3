"""An admin sends a test, finds messages, acts on them and looks after the system's health."""

from __future__ import annotations

import os
import signal
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from sessions.common.clock import utc_now
from tests.people import PageSession, go_to, sign_in, visit
from tests.stack_client import LOOK_EVERY, OUR_PHONE, PATIENCE, THEIR_PHONE, StackClient, stack
from tests.waiting import until

NOT_ON_WHATSAPP = "+972509999999"
SLOW = PATIENCE.total_seconds() * 1000


@pytest.mark.slow
async def test_an_admin_watches_finds_and_drives_messages(
    tmp_path: Path, mongo_option: tuple[str, str], person: Browser
) -> None:
    arguments = ("--data", str(tmp_path), *mongo_option, "--env", "NUMBER_RECHECK=0.1")
    async with stack(*arguments) as system:
        await system.create(name="Front desk")
        await system.scan()
        await system.until_state("connected")
        async with visit(person, system.about["api"] + "/dashboard/messages") as seen:
            await sign_in(
                seen.page,
                "dana@example.com",
                "correct horse battery staple",
                system.about["apiKey"],
            )
            await _a_test_is_seen_read(seen)
            await _one_is_found_again(seen.page, system)
            await _a_scheduled_one_is_cancelled(seen.page, system)
            await _a_failed_one_is_sent_again(seen, system)
            await _health_tells_that_the_worker_is_gone(seen, system)


async def _a_test_is_seen_read(seen: PageSession) -> None:
    page = seen.page
    await expect(page.get_by_role("heading", name="No messages yet")).to_be_visible()
    await page.get_by_role("button", name="Send a test message").first.click()
    form = page.get_by_role("dialog", name="Send a test message")
    await expect(form.get_by_label("From the connection")).to_have_text("Front desk")
    await form.get_by_label("To the phone number").fill("12")
    await form.get_by_role("button", name="Send", exact=True).click()
    await expect(form).to_contain_text("This is not a phone number")
    await form.get_by_label("To the phone number").fill(THEIR_PHONE)
    await form.get_by_role("button", name="Send", exact=True).click()
    await expect(_current_step(form)).to_contain_text("Read", timeout=SLOW)
    await _is_in_order(seen)
    await form.get_by_role("button", name="Done").click()
    await expect(_row(page, "+972 50-123-4567")).to_contain_text("Read")
    await _is_in_order(seen)


async def _one_is_found_again(page: Page, system: StackClient) -> None:
    # Nobody reloads: what backends send comes by itself.
    await system.send("to somebody else", to=OUR_PHONE)
    await expect(_row(page, "+972 50-111-1111")).to_be_visible(timeout=SLOW)
    await page.get_by_role("searchbox").fill(THEIR_PHONE)
    await page.keyboard.press("Enter")
    await expect(_row(page, "+972 50-111-1111")).to_have_count(0)
    await expect(_row(page, "+972 50-123-4567")).to_have_count(1)
    await page.get_by_role("radio", name="Failed or unclear").check()
    await page.get_by_role("button", name="Show all messages").click()
    await expect(_row(page, "+972 50-111-1111")).to_be_visible()


async def _a_scheduled_one_is_cancelled(page: Page, system: StackClient) -> None:
    later = (utc_now() + timedelta(hours=2)).isoformat()
    body = {"connectionId": "main", "to": THEIR_PHONE, "message": "later", "sendAt": later}
    accepted = await system.post("/api/whatsapp/send", body)
    await page.get_by_role("radio", name="Waiting").check()
    row = _row(page, "+972 50-123-4567")
    await expect(row).to_contain_text("Scheduled for later", timeout=SLOW)
    await row.get_by_role("button").press("Enter")
    detail = page.get_by_role("dialog", name="+972 50-123-4567")
    await detail.get_by_role("button", name="Cancel this message").click()
    await expect(_current_step(detail)).to_contain_text("Cancelled")
    await page.keyboard.press("Escape")
    await expect(detail).to_be_hidden()
    assert (await system.message(accepted["messageId"]))["status"] == "cancelled"
    await page.get_by_role("radio", name="All").check()


async def _a_failed_one_is_sent_again(seen: PageSession, system: StackClient) -> None:
    page, number = seen.page, NOT_ON_WHATSAPP.lstrip("+")
    await system.control("PUT", f"numbers/{number}", {"registered": False})
    sent = await system.send("to nobody yet", to=NOT_ON_WHATSAPP)
    row = _row(page, "+972 50-999-9999")
    await expect(row).to_contain_text("This number is not on WhatsApp", timeout=SLOW)
    failed = await system.message(sent)
    await row.click()
    detail = page.get_by_role("dialog", name="+972 50-999-9999")
    await _is_in_order(seen)
    await detail.get_by_role("button", name="Send again", exact=True).click()
    await expect(page.get_by_text("The message is back in the queue.")).to_be_visible()

    async def tried_again() -> bool:
        again, before = (await system.message(sent))["sendingAt"], failed["sendingAt"]
        return datetime.fromisoformat(again) > datetime.fromisoformat(before)

    await until(tried_again, within=PATIENCE, every=LOOK_EVERY)
    await page.keyboard.press("Escape")


async def _health_tells_that_the_worker_is_gone(seen: PageSession, system: StackClient) -> None:
    page = seen.page
    await go_to(page, "Health")
    await expect(page.get_by_role("heading", name="All is well")).to_be_visible(timeout=SLOW)
    workers = page.get_by_role("region", name="Workers")
    await expect(workers).to_contain_text("1 of")
    chart = page.get_by_role("slider", name="over 6 hours")
    await expect(chart.first).to_be_visible(timeout=SLOW)
    await _is_in_order(seen)
    os.kill(system.pid("worker-1"), signal.SIGKILL)
    told = page.get_by_role("heading", name="Nothing is sent: no worker is running")
    await expect(told).to_be_visible(timeout=SLOW)
    await expect(workers).to_contain_text("Does not answer")
    await _is_in_order(seen)


def _row(page: Page, number: str) -> Locator:
    return page.get_by_role("row").filter(has_text=number)


def _current_step(dialog: Locator) -> Locator:
    return dialog.locator("[aria-current=step]")


async def _is_in_order(seen: PageSession) -> None:
    assert await seen.barriers() == []
    assert not await seen.overflows()
    assert seen.complaints == []
    assert len(seen.hosts) == 1
