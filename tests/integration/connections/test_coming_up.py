"""A page that comes up is large, busy and slow: it is left its time, and others wait for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from sessions.connections.states import ConnectionState, Reason
from tests.builders import Stores
from tests.integration.pageless import pageless_worker
from tests.integration.ready_pages import READY, ReadyPage, ReadyPages
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

_SYNCING = READY.model_copy(update={"mode": "SYNCING", "full_ready": False})
_QR = READY.model_copy(update={"mode": "QR", "authenticated": False})
_OVER = 10**12


async def test_memory_that_was_taken_to_come_up_does_not_count(
    stores: Stores, redis: ArqRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    settles = True

    def memory_of(_profile: Path) -> int:
        nonlocal looks
        looks += 1
        return 0 if settles and looks > 1 else _OVER

    monkeypatch.setattr("chatgrow_worker.browser.recycling.memory_of", memory_of)
    pages = ReadyPages(tmp_path / "profiles")
    often = timedelta(milliseconds=20)
    async with pageless_worker(stores, redis, tmp_path, pages, browser_wear_every=often) as worker:
        connection = await stores.connection()
        assert await worker.pool.take(connection.id)
        await until(lambda: len(pages.browsers) == 1)
        await _rung_until(pages, lambda: looks > 3)
        assert len(pages.browsers) == 1
        settles = False
        await _rung_until(pages, lambda: len(pages.browsers) > 1)


async def test_a_page_that_comes_up_may_be_too_busy_to_answer(
    stores: Stores, redis: ArqRedis, tmp_path: Path
) -> None:
    pages = ReadyPages(tmp_path / "profiles", shows=_SYNCING)
    async with pageless_worker(stores, redis, tmp_path, pages) as worker:
        connection = await stores.connection()
        assert await worker.pool.take(connection.id)
        await until(lambda: len(pages.browsers) == 1)
        page = _page_of(pages)
        page.broken = Reason.PAGE_UNRESPONSIVE
        await _looked_at(page, pages, times=3)
        page.broken, page.shows = None, READY

        async def connected() -> bool:
            page.bell.set()
            found = await stores.connections.get(connection.id)
            return found.state is ConnectionState.CONNECTED

        await until(connected)
        assert len(pages.browsers) == 1
        pages.break_page(Reason.PAGE_UNRESPONSIVE)  # one that is up and does not answer is no use
        await until(lambda: len(pages.browsers) == 2)


async def test_a_browser_starts_when_the_page_of_the_one_before_has_come_up(
    stores: Stores, redis: ArqRedis, tmp_path: Path
) -> None:
    pages = ReadyPages(tmp_path / "profiles", shows=_SYNCING)
    async with pageless_worker(
        stores, redis, tmp_path, pages, room=2, start_concurrency=1
    ) as worker:
        for name in ("first", "second"):
            connection = await stores.connection(name)
            assert await worker.pool.take(connection.id)
        await until(lambda: bool(pages.browsers))
        first = _page_of(pages)
        await _looked_at(first, pages, times=50)
        assert len(pages.browsers) == 1, "its chats are still coming"
        first.shows = _QR
        first.bell.set()
        await until(lambda: len(pages.browsers) == 2)


def _page_of(pages: ReadyPages) -> ReadyPage:
    return cast("ReadyPage", pages.browsers[0].page)


async def _looked_at(page: ReadyPage, pages: ReadyPages, times: int) -> None:
    enough = page.looks + times
    await _rung_until(pages, lambda: page.looks >= enough)


async def _rung_until(pages: ReadyPages, condition: Callable[[], bool]) -> None:
    """Have the first page looked at again and again until something holds."""

    def holds() -> bool:
        _page_of(pages).bell.set()
        return condition()

    await until(holds)
