"""Which connections a worker takes, and which it leaves to others."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessions.connections.model import Connection
from tests.builders import Stores
from tests.integration.pageless import NoPages, PagelessWorker, pageless_worker
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis


async def test_a_worker_spares_what_another_had_when_mongodb_comes_back(
    stores: Stores, worker: PagelessWorker[NoPages]
) -> None:
    first = await _run_out(stores, "first")
    await _spares(worker, first)
    await until(lambda: _taken(worker, first))
    await stores.connections.want(first, "stopped")
    await until(lambda: not worker.pool.runs(first.id))
    second = await _run_out(stores, "second")
    worker.pool.mongo_was_away()
    await _spares(worker, second)


async def test_the_longest_queues_of_one_owner_do_not_keep_the_others_waiting(
    stores: Stores, redis: ArqRedis, tmp_path: Path
) -> None:
    for place in range(3):
        connection = await stores.connection(f"campaign_{place}", owner="dana")
        for _ in range(3 + place):
            await stores.message(connection)
    small = await stores.connection(owner="noa")
    await stores.message(small)
    pages = NoPages(tmp_path / "profiles")
    async with pageless_worker(stores, redis, tmp_path, pages, room=2) as worker:
        await worker.pool.take_all()
        assert {(each.owner, each.connection_id) for each in worker.pool.connections()} == {
            ("dana", "campaign_2"),
            ("noa", "main"),
        }


async def test_a_mongodb_that_is_always_slow_keeps_nobody_from_what_ran_out(
    stores: Stores, redis: ArqRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = NoPages(tmp_path / "profiles")
    async with pageless_worker(stores, redis, tmp_path, pages, timedelta(seconds=3)) as worker:
        connection = await _run_out(stores, "first")
        is_any_free = worker.parts.leases.is_any_free

        async def slow(*args: Any, **named: Any) -> bool:
            await asyncio.sleep(1.1)
            return await is_any_free(*args, **named)

        monkeypatch.setattr(worker.parts.leases, "is_any_free", slow)
        await until(lambda: _taken(worker, connection))


async def test_a_worker_takes_at_once_what_one_of_its_name_had(
    stores: Stores, worker: PagelessWorker[NoPages]
) -> None:
    connection = await _run_out(stores, "first", had_by="one")
    assert await worker.pool.take(connection.id)


async def test_a_lease_that_was_renewed_too_late_is_not_given_away(
    stores: Stores, redis: ArqRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pageless_worker(
        stores, redis, tmp_path, NoPages(tmp_path / "profiles"), timedelta(seconds=3)
    ) as worker:
        connection = await stores.connection()
        assert await worker.pool.take(connection.id)
        silent = asyncio.Event()
        monkeypatch.setattr(worker.parts.leases, "renew", lambda _lease: silent.wait())
        await until(lambda: not worker.pool.runs(connection.id))
        record = await stores.database["connections"].find_one({"_id": connection.id})
        assert record is not None
        assert record["lease"]["worker"] == "one"
        assert await worker.pool.take(connection.id)


async def _spares(worker: PagelessWorker[NoPages], connection: Connection) -> None:
    assert not await worker.pool.take(connection.id)
    assert await worker.pool.leaves(connection.id), "so that a job for it comes again"
    await worker.pool.take_all()
    assert not worker.pool.runs(connection.id)


async def _run_out(stores: Stores, name: str, had_by: str = "two") -> Connection:
    """Store a connection that a worker had until its lease ran out."""
    connection = await stores.connection(name)
    assert await stores.leases(had_by, timedelta(milliseconds=1)).acquire(connection.id)

    async def free() -> bool:
        return not (await stores.connections.get(connection.id)).leased

    await until(free)
    return connection


async def _taken(worker: PagelessWorker[NoPages], connection: Connection) -> bool:
    await worker.pool.take_all()
    return worker.pool.runs(connection.id)
