"""A ban that does not say in a way that we know until when it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Playwright

from chatgrow_worker.page.script import init_script, read_wa_js
from chatgrow_worker.page.snapshot import Ban, PageState
from sessions.common.clock import utc_now
from tests.integration.scripted_pages import calls_of, opened
from tests.integration.whatsapp_web_driver import WA_JS, World, small_world
from tests.waiting import until

_PHONE = "+972501111111"
_DAY = timedelta(days=1)
_TELL = "(ban) => require('WAWebBackendEventBus').BackendEventBus.triggerTemporaryBan(ban)"


@pytest.fixture
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


@pytest.fixture
async def page(world: World, tmp_path: Path) -> AsyncIterator[Page]:
    script = init_script(read_wa_js(WA_JS), world.web.url, "Test")
    async with opened(world.playwright, tmp_path / "profile", script) as page:
        await calls_of(page).open(f"{world.web.url}/", timedelta(seconds=20))
        await _until_it_shows(page, PageState.QR)
        yield page


async def _until_it_shows(page: Page, state: PageState) -> None:
    async def shows() -> bool:
        snapshot = await calls_of(page).snapshot()
        return snapshot is not None and snapshot.state is state

    await until(shows)


async def _ban(page: Page) -> Ban | None:
    snapshot = await calls_of(page).snapshot()
    assert snapshot is not None
    return snapshot.ban


async def test_a_ban_whose_end_is_not_known_holds_for_a_day_or_until_it_is_lifted(
    page: Page,
) -> None:
    unknown: list[Any] = [None, "soon", -1, 0, {}]
    shapes: list[dict[str, Any]] = [{}, *({"expire": each} for each in unknown)]
    for shape in shapes:
        before = utc_now()
        await page.evaluate(_TELL, {"banned": True, "code": 101, **shape})
        ban = await _ban(page)
        assert ban is not None, shape
        assert before <= ban.ends_at(before) - _DAY <= utc_now()
        # The end does not move on with each try to log in.
        await page.evaluate(_TELL, {"banned": True, "code": 101, **shape})
        assert await _ban(page) == ban
        await page.evaluate(_TELL, {"banned": False})
        assert await _ban(page) is None


async def test_a_ban_whose_end_is_not_told_ends_when_whatsapp_takes_the_login(
    world: World, page: Page
) -> None:
    shown = await calls_of(page).qr_code()
    assert shown is not None
    await world.hand.good("POST", "/control/phones", number=_PHONE)
    await world.hand.good("POST", f"/control/phones/{_PHONE}/scan", code=shown.text)
    await _until_it_shows(page, PageState.READY)
    await world.hand.faults(number=_PHONE, banSeconds=2, banWithoutEnd=True)
    await _until_it_shows(page, PageState.BANNED)
    await _until_it_shows(page, PageState.READY)
