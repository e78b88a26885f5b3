"""Many who ask for the health of the service cost MongoDB one look."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessions.storage.mongo import Database
    from tests.integration.conftest import Client

ASKERS = 40


async def _commands(database: Database) -> int:
    """Return how many queries and writes of one document the server has had."""
    status = await database.client.admin.command("serverStatus")
    return int(status["opcounters"]["query"] + status["opcounters"]["update"])


async def test_many_who_ask_at_once_cost_one_look(client: Client, database: Database) -> None:
    before = await _commands(database)
    answers = await asyncio.gather(*(client.get("/health") for _ in range(ASKERS)))
    told = [await each.json() for each in answers]
    assert all(each == told[0] for each in told)
    assert {each.status for each in answers} == {503}
    assert told[0]["checks"]["mongo"] == "ok"
    # Others use this server too; each asker for itself would make some hundred.
    assert await _commands(database) - before < ASKERS
