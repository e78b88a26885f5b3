"""The view of health in a real browser: its charts for those who do not point at them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from sessions.common.clock import utc_now
from tests.integration.pages.dashboard import dashboard, is_in_order
from tests.people import Person

if TYPE_CHECKING:
    from sessions.storage.mongo import Database
    from tests.integration.pages.dashboard import Client


@pytest.mark.parametrize(
    ("locale", "one_hour", "six_hours"),
    [
        ("en-GB", "Messages waiting, over one hour", "Messages waiting, over 6 hours"),
        ("he-IL", "הודעות ממתינות, במשך שעה", "הודעות ממתינות, במשך 6 שעות"),
    ],
)
async def test_a_chart_is_read_by_the_keyboard_and_by_a_screen_reader(
    client: Client, person: Person, database: Database, locale: str, one_hour: str, six_hours: str
) -> None:
    for minutes, queued in ((150, 3), (100, 30), (50, 1)):
        at = utc_now() - timedelta(minutes=minutes)
        row = {"owner": "admin", "queued": queued, "oldestSeconds": 60, "sent": 0, "failed": 0}
        await database["queueHistory"].insert_one({"at": at, "owners": [row]})
    async with dashboard(client, person, view="/health", locale=locale) as seen:
        page = seen.page
        chart = page.get_by_role("slider", name=six_hours)
        await chart.focus()
        for key, value in (("Home", "3"), ("ArrowRight", "30"), ("ArrowRight", "1")):
            await page.keyboard.press(key)
            await expect(chart).to_have_attribute("aria-valuetext", ends_with(value))
        readout = page.locator("[data-chart=waiting] [data-readout]")
        await expect(readout).to_have_text(ends_with("1"))
        for key in ("Home", "ArrowLeft"):
            await page.keyboard.press(key)
            await expect(chart).to_have_attribute("aria-valuenow", "0")
        await is_in_order(seen)
        await page.locator("input[name=hours][value='1']").check(force=True)
        await expect(page.get_by_role("slider", name=one_hour)).to_be_visible()


def ends_with(text: str) -> re.Pattern[str]:
    """Return what fits words at whose end this stands by itself."""
    return re.compile(rf"\D{text}$")
