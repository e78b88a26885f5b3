"""A ban that does not say in a way that we know until when it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Playwright

from chatgrow_worker.page.snapshot import Ban, PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.common.clock import utc_now
from tests.integration.scripted_pages import opened, until_it_shows
from tests.integration.whatsapp_web_driver import World, small_world

_PHONE = "+972501111111"
_DAY = timedelta(days=1)
_TELL = "(ban) => require('WAWebBackendEventBus').BackendEventBus.triggerTemporaryBan(ban)"
Opened = tuple[Page, WhatsAppPage]


@pytest.fixture
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


@pytest.fixture
async def unlinked(world: World, person: Browser) -> AsyncIterator[Opened]:
    async with opened(person, world.web.url) as (page, calls):
        await until_it_shows(calls, PageState.QR)
        yield page, calls


async def _ban(calls: WhatsAppPage) -> Ban | None:
    snapshot = await calls.snapshot()
    assert snapshot is not None
    return snapshot.ban


async def test_a_ban_whose_end_is_not_known_holds_for_a_day_or_until_it_is_lifted(
    unlinked: Opened,
) -> None:
    page, calls = unlinked
    unknown: list[Any] = [None, "soon", -1, 0, {}]
    shapes: list[dict[str, Any]] = [{}, *({"expire": each} for each in unknown)]
    for shape in shapes:
        before = utc_now()
        await page.evaluate(_TELL, {"banned": True, "code": 101, **shape})
        ban = await _ban(calls)
        assert ban is not None, shape
        assert before <= ban.ends_at(before) - _DAY <= utc_now()
        # The end does not move on with each try to log in.
        await page.evaluate(_TELL, {"banned": True, "code": 101, **shape})
        assert await _ban(calls) == ban
        await page.evaluate(_TELL, {"banned": False})
        assert await _ban(calls) is None


async def test_a_ban_whose_end_is_not_told_ends_when_whatsapp_takes_the_login(
    world: World, unlinked: Opened
) -> None:
    _, calls = unlinked
    shown = await calls.qr_code()
    assert shown is not None
    await world.hand.good("POST", "/control/phones", number=_PHONE)
    await world.hand.good("POST", f"/control/phones/{_PHONE}/scan", code=shown.text)
    await until_it_shows(calls, PageState.READY)
    await world.hand.faults(number=_PHONE, banSeconds=2, banWithoutEnd=True)
    await until_it_shows(calls, PageState.BANNED)
    await until_it_shows(calls, PageState.READY)
