"""What a worker does beside its connections goes on, whatever MongoDB answers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chatgrow_worker import daemon
from tests.integration.pageless import NoPages, PagelessWorker
from tests.logged import logged
from tests.refusing import refusing
from tests.waiting import until

if TYPE_CHECKING:
    from sessions.storage.mongo import Database


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_BEAT_EVERY", "_SWEEP_EVERY"):
        monkeypatch.setattr(daemon, name, timedelta(milliseconds=1))


async def test_a_heartbeat_and_a_sweep_that_are_refused_are_tried_again(
    worker: PagelessWorker[NoPages], database: Database
) -> None:
    stop = asyncio.Event()
    connection = await worker.stores.connection()
    with logged("WARNING") as lines:
        async with refusing(database, "workers"), refusing(database, "connections"):
            tasks = [
                asyncio.create_task(daemon._beat(worker.pool, stop)),
                asyncio.create_task(daemon._sweep(worker.pool, stop)),
            ]
            for what in ("No heartbeat", "No sweep"):
                await until(lambda: any(what in line for line in lines))  # noqa: B023
        assert not any(task.done() for task in tasks)
        await until(lambda: worker.pool.runs(connection.id))
        stop.set()
        await asyncio.gather(*tasks)
    workers = database["workers"]
    assert await workers.count_documents({"_id": "one"}) == 1
