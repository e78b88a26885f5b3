"""One stack for test after test: started when first asked for, cleared between them.

The programs go on running; what they keep is taken away. A stack that cannot be cleared in time
is ended, and the next test has a new one. Tests to which a linked phone is enough share it, too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient
from redis.asyncio import Redis

from tests.ports import LOOPBACK
from tests.processes import alive
from tests.stack_client import LOOK_EVERY, PATIENCE, StackClient, stack
from tests.waiting import until
from tests.whatsapp_web.faults import Faults, as_json

if TYPE_CHECKING:
    from pymongo.asynchronous.database import AsyncDatabase

    Database = AsyncDatabase[dict[str, Any]]

_PROGRAMS_OWN = ("apiKeys", "workers")
"""Collections that a program fills when it starts, for as long as it runs."""
_SETTINGS = {"WEBHOOK_ALLOWED_HOSTS": LOOPBACK, "GHOST_WAIT": "1s"}
"""Webhooks may be sent to the receivers of tests, and tests wait no longer for ghosts than that."""


class LastingStack:
    """Lends a stack that has nothing in it."""

    def __init__(self, new_folder: Callable[[], Path]) -> None:
        """Prepare it; each stack that is started keeps its data and its logs in a new folder."""
        self._new_folder = new_folder
        self._running = AsyncExitStack()
        self._system: StackClient | None = None
        self._linked = False

    async def lend(self) -> StackClient:
        """Return the stack that runs, or a new one, with nothing in it."""
        if self._linked:
            await self.take_back()
        return await self._started()

    async def lend_linked(self) -> StackClient:
        """Return a stack whose connection `main` is linked, and that has delivered nothing yet."""
        system = await self._started()
        async with self._ended_if_it_fails():
            if not self._linked:
                await system.link()
                self._linked = True
            await system.forget_deliveries()
        return system

    async def take_back_linked(self) -> None:
        """Take back the faults; a stack whose connection is not linked any more is ended."""
        if self._system is None:
            return
        async with self._ended_if_it_fails():
            await _put_right(self._system)
            await self._system.until_state("connected")
            self._system.forget_restarts()

    async def _started(self) -> StackClient:
        if self._system is None:
            settings = (f"--env={name}={value}" for name, value in _SETTINGS.items())
            supervised = stack("--supervise", "--data", str(self._new_folder()), *settings)
            self._system = await self._running.enter_async_context(supervised)
            await _hurry(self._system)
        return self._system

    async def take_back(self) -> None:
        """Clear it for the next test; a stack that is not clear in time is ended."""
        if self._system is None:
            return
        self._linked = False
        async with self._ended_if_it_fails():
            await _clear(self._system)

    @asynccontextmanager
    async def _ended_if_it_fails(self) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:
            await self.end()
            raise

    async def end(self) -> None:
        """Stop it."""
        self._system, self._linked = None, False
        await self._running.aclose()


async def _clear(system: StackClient) -> None:
    """Take away what a test left: faults, connections, phones, then every record.

    Connections go before the phones: a page whose line is cut waits for it before it logs out.
    """
    await _put_right(system)
    async with AsyncMongoClient[dict[str, Any]](system.about["mongo"]) as client:
        database = client.get_default_database()
        await _delete_connections(system, database)
        await system.control("POST", "reset")
        system.forgotten = 0
        await _hurry(system)
        for name in await database.list_collection_names():
            if name not in _PROGRAMS_OWN:
                await database[name].delete_many({})
    async with Redis.from_url(system.about["redis"]) as redis:
        await redis.flushall()
    await until(lambda: _is_healthy(system), within=PATIENCE, every=LOOK_EVERY)
    system.forget_restarts()


async def _hurry(system: StackClient) -> None:
    """Have pages synchronise in less than the second that they take by default."""
    await system.control("PUT", "faults", {"syncMs": 200})


async def _put_right(system: StackClient) -> None:
    """Take back every fault, of everyone and of each number that is linked, once all run."""
    await until(lambda: _all_run(system), within=PATIENCE, every=LOOK_EVERY)
    none = dict.fromkeys(as_json(Faults()))
    devices: list[dict[str, Any]] = await system.control("GET", "devices")
    for number in (None, *{each["number"] for each in devices}):
        await system.control("PUT", "faults", none if number is None else none | {"number": number})
    await _hurry(system)


async def _delete_connections(system: StackClient, database: Database) -> None:
    for each in await database["connections"].find({"deletedAt": None}).to_list():
        await system.delete(f"/api/whatsapp/connections/{each['connectionId']}")

    async def gone() -> bool:
        return not await database["connections"].count_documents({}) and not _profiles(system)

    await until(gone, within=PATIENCE, every=LOOK_EVERY)


def _profiles(system: StackClient) -> list[Path]:
    folders = (Path(system.about["data"]) / "sessions").glob("*/*")
    return [each for each in folders if each.name.isalnum()]


def _all_run(system: StackClient) -> bool:
    names = ("api", "mongo", "redis", "simulator", "worker-1")
    return all(alive(system.pid(name)) for name in names)


async def _is_healthy(system: StackClient) -> bool:
    return bool((await system.get("/health")).get("status") == "ok")
