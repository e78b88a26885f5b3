"""Our side with a given number of linked connections, for what is measured of us alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.bench.lab import Lab
from tests.bench.ours import Ours
from tests.bench.side import phone_of, session_name

_AT_ONCE = 4


@asynccontextmanager
async def linked(lab: Lab, count: int) -> AsyncIterator[Ours]:
    """Yield our side with so many connections that come up when it is started; stop it at the end.

    Those that are missing are linked first.
    """
    ours = Ours(lab)
    known = await lab.database["connections"].count_documents({"blobs.0": {"$exists": True}})
    if known < count:
        await _run_only(lab, 0)
        await ours.start()
        try:
            await _link(ours, known, count)
        finally:
            await ours.stop()
    await _run_only(lab, count)
    try:
        yield ours
    finally:
        await ours.stop()


async def _link(ours: Ours, first: int, end: int) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with slots:
            await (await ours.link(session_name(number), phone_of(ours.name, number)))

    async with asyncio.TaskGroup() as group:
        for number in range(first, end):
            group.create_task(one(number))


async def _run_only(lab: Lab, count: int) -> None:
    """Have the first connections run, once there is a worker, and no others."""
    async for record in lab.database["connections"].find():
        number = int(record["connectionId"].rsplit("-", 1)[1])
        deed = "start" if number < count else "stop"
        answer = await lab.system.post(f"/api/whatsapp/connections/{record['connectionId']}/{deed}")
        assert answer["http"] == 202, answer
