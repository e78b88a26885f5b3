"""The whole stack, as the parts of a soak run use it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests.stack_client import StackClient, stack

Database = AsyncDatabase[dict[str, Any]]
LONG = timedelta(minutes=3)
_LOOK_EVERY = timedelta(milliseconds=100)


@asynccontextmanager
async def soak_stack(*arguments: str) -> AsyncIterator[StackClient]:
    """Run a supervised stack in a folder of its own, which stays when the block fails."""
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    (folder / "tmp").mkdir()
    private = ("--env", f"TMPDIR={folder / 'tmp'}")
    try:
        async with stack("--supervise", "--data", str(folder), *private, *arguments) as system:
            yield system
    except BaseException:
        print(f"The logs stay in {folder / 'logs'}", flush=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def database_of(system: StackClient) -> AsyncIterator[Database]:
    """Look into the stack's MongoDB."""
    async with AsyncMongoClient[dict[str, Any]](system.about["mongo"], tz_aware=True) as client:
        yield client.get_default_database()


async def eventually(
    condition: Callable[[], Awaitable[bool]], what: str, within: timedelta = LONG
) -> float:
    """Return after how many seconds the condition held; fail when it does not in time."""
    began = time.monotonic()
    while not await condition():
        assert time.monotonic() - began < within.total_seconds(), f"not within {within}: {what}"
        await asyncio.sleep(_LOOK_EVERY.total_seconds())
    return time.monotonic() - began


async def until_state(
    system: StackClient, connection: str, states: Collection[str], within: timedelta = LONG
) -> str:
    """Wait until a connection is in one of these states; return which."""
    seen: dict[str, Any] = {}

    async def there() -> bool:
        seen.update(await system.status(connection))
        return seen.get("state") in states

    try:
        await eventually(there, f"{connection} is {' or '.join(states)}", within)
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {seen}") from error
    return str(seen["state"])


def phone(number: int) -> str:
    """Return the number of the nth phone."""
    return f"+9725022{number:05d}"


async def link(system: StackClient, connection: str, number: str) -> None:
    """Create a connection and link a phone to it."""
    await system.create(connection)
    await system.scan(connection, number)
    await until_state(system, connection, {"connected"})


async def until_saved(database: Database, count: int) -> None:
    """Wait until this many connections have a blob."""

    async def saved() -> bool:
        return (
            await database["connections"].count_documents({"blobs.0": {"$exists": True}}) >= count
        )

    await eventually(saved, f"{count} connections have a blob")


async def generations(system: StackClient) -> dict[str, int]:
    """Return how often each connection has been taken by a worker."""
    async with database_of(system) as database:
        found = database["connections"].find()
        return {each["connectionId"]: each["generation"] async for each in found}


async def until_taken(system: StackClient, connection: str, generation: int) -> None:
    """Wait for an owner after this generation: until then a dead one's last word is shown."""

    async def taken() -> bool:
        return (await generations(system))[connection] > generation

    await eventually(taken, f"{connection} has a new owner")


async def device_ids(system: StackClient) -> set[str]:
    """Return the devices that are linked to the phones."""
    return {str(each["device"]) for each in await system.control("GET", "devices")}


async def until_delivered(
    system: StackClient, messages: Collection[str], within: timedelta = LONG
) -> None:
    """Wait until WhatsApp has all of these messages."""
    waiting = set(messages)

    async def gone() -> bool:
        for message in list(waiting):
            if (await system.message(message))["status"] in ("sent", "delivered", "read"):
                waiting.discard(message)
        return not waiting

    await eventually(gone, f"{len(messages)} messages are sent", within)
