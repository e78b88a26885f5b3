"""An admin opens the dashboard, links phones and sees what is true, through every real part."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.people import PHONE, PageSession, sign_in, visit
from tests.stack_client import PATIENCE, StackClient, stack

OTHER_PHONE = "+972502222222"
EMAIL = "dana@example.com"
PASSWORD = "correct horse battery staple"
SLOW = PATIENCE.total_seconds() * 1000


@pytest.mark.slow
async def test_an_admin_links_phones_and_sees_what_is_true(
    tmp_path: Path, mongo_option: tuple[str, str], person: Browser
) -> None:
    async with stack("--data", str(tmp_path), *mongo_option) as system:
        await _from_the_first_visit_to_a_linked_phone(system, person)
        await _by_phone_in_hebrew_with_a_code(system, person)
        await _a_worker_dies_and_the_card_tells(system, person)


async def _from_the_first_visit_to_a_linked_phone(system: StackClient, person: Browser) -> None:
    async with visit(person, system.about["api"] + "/dashboard") as seen:
        page = seen.page
        await expect(page.get_by_role("heading")).to_have_text("Welcome to ChatGrow")
        await page.get_by_label("Your name").fill("Dana")
        await sign_in(page, EMAIL, PASSWORD, system.about["apiKey"])
        await page.get_by_role("button", name="Connect a number").click()
        await page.get_by_role("textbox", name="Name").fill("Front desk")
        await page.get_by_text("Advanced", exact=True).click()
        await expect(page.get_by_label("Id for the API")).to_have_value("front_desk")
        await page.get_by_role("button", name="Create and link a phone").click()
        await expect(page.get_by_role("img", name="QR")).to_be_visible(timeout=SLOW)
        await _is_in_order(seen)
        await system.scan("front_desk")
        told = page.get_by_role("heading", name="The phone is linked")
        await expect(told).to_be_visible(timeout=SLOW)
        await page.get_by_role("button", name="Done").click()
        card = _card(page, "Front desk")
        await expect(card).to_contain_text("Connected", timeout=SLOW)
        await expect(card).to_contain_text("+972 50-111-1111")
        sent = await system.send("hello", "front_desk")
        await system.until_message(sent, "read")
        await expect(card.locator("[data-sent]")).to_have_text("1", timeout=SLOW)
        await _is_in_order(seen)


async def _a_worker_dies_and_the_card_tells(system: StackClient, person: Browser) -> None:
    async with _signed_in(system, person) as seen:
        card = _card(seen.page, "Front desk")
        await expect(card).to_contain_text("Connected", timeout=SLOW)
        os.kill(system.pid("worker-1"), signal.SIGKILL)
        await expect(card).to_contain_text("Interrupted", timeout=SLOW)
        await expect(card).to_contain_text("The worker that ran it is gone")
        await expect(card).to_contain_text("just now")
        assert seen.complaints == []


async def _by_phone_in_hebrew_with_a_code(system: StackClient, person: Browser) -> None:
    await system.control("POST", "phones", {"number": OTHER_PHONE})
    async with visit(
        person, system.about["api"] + "/dashboard", locale="he-IL", viewport=PHONE
    ) as seen:
        page = seen.page
        await sign_in(page, EMAIL, PASSWORD, system.about["apiKey"])
        await page.get_by_role("button", name="חיבור חדש").click()
        await page.get_by_role("textbox", name="שם").fill("סניף תל אביב")
        await page.get_by_role("button", name="יצירה וקישור טלפון").click()
        await page.get_by_label("מספר הטלפון").fill("050-2222222")
        await page.get_by_role("button", name="קבלת קוד").click(timeout=SLOW)
        shown = page.locator("output")
        await expect(shown).to_be_visible(timeout=SLOW)
        code = await shown.inner_text()
        await system.control("POST", f"phones/{OTHER_PHONE}/pair", {"code": code})
        told = page.get_by_role("heading", name="הטלפון מקושר")
        await expect(told).to_be_visible(timeout=SLOW)
        await page.get_by_role("button", name="סיום").click()
        card = _card(page, "סניף תל אביב")
        await expect(card).to_contain_text("מחובר", timeout=SLOW)
        await _is_in_order(seen)
        await card.get_by_label("פעולות נוספות").click()
        await card.get_by_role("button", name="ניתוק הטלפון…").click()
        await page.get_by_role("button", name="ניתוק הטלפון", exact=True).click()
        await expect(card).to_contain_text("ניתקתם את הטלפון", timeout=SLOW)


@asynccontextmanager
async def _signed_in(system: StackClient, person: Browser) -> AsyncIterator[PageSession]:
    async with visit(person, system.about["api"] + "/dashboard") as seen:
        await sign_in(seen.page, EMAIL, PASSWORD, system.about["apiKey"])
        yield seen


def _card(page: Page, name: str) -> Locator:
    heading = page.get_by_role("heading", name=name)
    return page.get_by_role("listitem").filter(has=heading)


async def _is_in_order(seen: PageSession) -> None:
    assert await seen.barriers() == []
    assert not await seen.overflows()
    assert seen.complaints == []
    assert len(seen.hosts) == 1
