"""A page that comes up is large, busy and slow: it is left its time, and others wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from chatgrow_worker.browser.wear import Wear, WearLimits
from sessions.states import ConnectionState, Reason
from tests.builders import Stores
from tests.integration.pageless import pageless_worker
from tests.integration.ready_pages import READY, ReadyPage, ReadyPages
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

_SYNCING = READY.model_copy(update={"mode": "SYNCING", "full_ready": False})
_QR = READY.model_copy(update={"mode": "QR", "authenticated": False})
_OVER = 10**12


@pytest.fixture
def huge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each browser use more memory than any may."""
    monkeypatch.setattr("chatgrow_worker.browser.wear.memory_of", lambda _profile: _OVER)


async def test_memory_counts_only_once_a_page_has_settled(
    stores: Stores, redis: ArqRedis, tmp_path: Path, huge: None
) -> None:
    pages = ReadyPages(tmp_path / "profiles", shows=_SYNCING)
    often = timedelta(milliseconds=20)
    async with pageless_worker(stores, redis, tmp_path, pages, browser_wear_every=often) as worker:
        connection = await stores.connection()
        assert await worker.pool.take(connection.id)
        await until(lambda: len(pages.browsers) == 1)
        page = _page_of(pages)
        await _looked_at(page, times=5)
        assert len(pages.browsers) == 1, "a page that takes its chats in is large"
        page.shows = READY

        def opened_anew() -> bool:
            page.bell.set()
            return len(pages.browsers) > 1

        await until(opened_anew)


def test_memory_is_over_the_limit_when_two_looks_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: Iterator[int] = iter([_OVER, 0, _OVER, _OVER])
    monkeypatch.setattr("chatgrow_worker.browser.wear.memory_of", lambda _profile: next(used))
    day = timedelta(days=1)
    wear = Wear(tmp_path, WearLimits(age=day, memory_bytes=1000, look_every=day))
    assert [wear.is_worn(settled=True) for _ in range(4)] == [False, False, False, True]


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
        await _looked_at(page, times=3)
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
        await _looked_at(first, times=3)
        assert len(pages.browsers) == 1, "its chats are still coming"
        first.shows = _QR
        first.bell.set()
        await until(lambda: len(pages.browsers) == 2)


def _page_of(pages: ReadyPages) -> ReadyPage:
    return cast("ReadyPage", pages.browsers[0].page)


async def _looked_at(page: ReadyPage, times: int) -> None:
    enough = page.looks + times

    def looked() -> bool:
        page.bell.set()
        return page.looks >= enough

    await until(looked)
