"""What one connection does around a page that works: its lease, its disk, its end."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from sessions.connections import Connection
from sessions.states import ConnectionState
from tests.integration.pageless import PagelessWorker
from tests.integration.ready_pages import ReadyPages
from tests.waiting import until

Worker = PagelessWorker[ReadyPages]


async def _connected(worker: Worker) -> Connection:
    """Store a connection, and have it up here."""
    connection = await worker.stores.connection()
    assert await worker.pool.take(connection.id)

    async def connected() -> bool:
        found = await worker.stores.connections.get(connection.id)
        return found.state is ConnectionState.CONNECTED

    await until(connected)
    return connection


async def test_a_page_that_is_cut_off_does_not_stay_open_for_a_save_that_waits(
    ready_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, mongo_answers = asyncio.Event(), asyncio.Event()

    async def save(*_: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await mongo_answers.wait()

    monkeypatch.setattr(ready_worker.parts.blobs, "save", save)
    connection = await _connected(ready_worker)
    await begun.wait()
    cutting = asyncio.create_task(ready_worker.pool.close(timedelta(0), at_once=1))
    try:
        await until(lambda: ready_worker.pages.open_now == 0)
        assert ready_worker.pool.runs(connection.id), "nothing of the save is left behind"
    finally:
        mongo_answers.set()
        await cutting
    assert not ready_worker.pool.runs(connection.id)
