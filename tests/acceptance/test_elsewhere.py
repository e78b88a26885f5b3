"""The same login, opened in another browser: ours takes over again, or logs out all the same."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.integration.whatsapp_web_driver import Tab, open_tab
from tests.stack_client import PATIENCE, StackClient
from tests.waiting import until

MAIN = "/api/whatsapp/connections/main"


@asynccontextmanager
async def elsewhere(system: StackClient, folder: Path) -> AsyncIterator[Tab]:
    """Give a tab of another browser, on a copy of the login."""
    await system.post(f"{MAIN}/stop")
    await system.until_state("stopped")
    (profile,) = (
        each
        for each in (Path(system.about["data"]) / "sessions").glob("*/*")
        if each.name.isalnum()
    )
    shutil.copytree(profile, folder / "copy", ignore=shutil.ignore_patterns("Singleton*"))
    await system.post(f"{MAIN}/start")
    await system.until_state("connected")
    async with (
        async_playwright() as playwright,
        open_tab(playwright, system.about["simulator"], folder / "copy") as tab,
    ):
        yield tab


async def _is_replaced(system: StackClient) -> bool:
    status = await system.status()
    told = (status["state"], status.get("reason"))
    return told == ("disconnected", "replaced_by_another_client")


@asynccontextmanager
async def replaced(system: StackClient, folder: Path) -> AsyncIterator[Tab]:
    """Link a phone, and open its login in another browser, which takes over."""
    await system.create()
    await system.scan()
    await system.until_state("connected")
    async with elsewhere(system, folder) as tab:
        await tab.open()
        await until(lambda: _is_replaced(system), within=PATIENCE)
        yield tab


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_another_browser_with_the_same_login_is_sent_away(
    system: StackClient, tmp_path: Path
) -> None:
    async with replaced(system, tmp_path) as tab:
        sent = await system.send("ours again")
        await tab.until_mode("CONFLICT")
        await system.until_message(sent, "read")
    assert [each["arrivals"] for each in await system.ledger()] == [1]
    assert len(await system.control("GET", "devices")) == 1


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_logout_ends_the_login_that_another_browser_has_taken(
    system: StackClient, tmp_path: Path
) -> None:
    async with replaced(system, tmp_path):
        assert (await system.post(f"{MAIN}/logout"))["http"] == 202
        await system.until_state("logged_out")
    assert (await system.status())["reason"] == "logged_out_by_request"
    assert await system.control("GET", "devices") == []
