"""What all tests share: one MongoDB and one Redis for the whole run, emptied after each test."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from playwright.async_api import Browser, Playwright, async_playwright
from pymongo import WriteConcern

from sessions.embedded import MONGO, REDIS, ServerUris
from sessions.embedded.kinds import ServerKind
from sessions.embedded.layout import Layout, find_socket
from sessions.queue.doorbell import open_redis
from sessions.storage.mongo import open_database
from tests.people import people
from tests.waiting import until_true

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.storage.mongo import Database

ROOT = Path(__file__).parents[1]
# How long an example takes is the machine's affair.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
PATIENCE = timedelta(seconds=30)
# Playwright's driver starts a fifth faster when it finds its scripts compiled.
os.environ.setdefault("NODE_COMPILE_CACHE", str(ROOT / ".pytest_cache/node"))


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUris]:
    """Run the embedded servers for the whole run; a test that kills one starts its own."""
    data = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        uris = [stack.enter_context(_Server(kind, data)).uri() for kind in (MONGO, REDIS)]
        yield ServerUris(mongo=uris[0], redis=uris[1])


@pytest.fixture(autouse=True)
async def leaves_no_task(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """End what a test has left running, since the tests of a process share one event loop."""
    before = asyncio.all_tasks()
    yield
    if "lasting_stack" not in request.fixturenames:
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture(scope="session")
async def lasting_database(servers: ServerUris) -> AsyncIterator[Database]:
    """Connect all tests to one database."""
    uri = servers.mongo.replace("/chatgrow", "/tests")
    async with open_database(uri, PATIENCE) as database:
        yield database


@pytest.fixture
async def database(lasting_database: Database) -> AsyncIterator[Database]:
    """Give a test an empty database; what is costly to make stays: collections and indexes."""
    yield lasting_database
    await _empty(lasting_database)


@pytest.fixture(scope="session")
async def lasting_redis(servers: ServerUris) -> AsyncIterator[ArqRedis]:
    """Connect all tests to Redis."""
    async with open_redis(servers.redis, PATIENCE) as redis:
        yield redis


@pytest.fixture
async def redis(lasting_redis: ArqRedis) -> ArqRedis:
    """Give a test an empty Redis."""
    await lasting_redis.flushdb()
    return lasting_redis


@pytest.fixture(scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    """Run a driver of browsers for all tests that want one."""
    async with async_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
async def person(playwright: Playwright) -> AsyncIterator[Browser]:
    """Run a browser for people; each visit has a context of its own, which keeps nothing."""
    async with people(playwright) as browser:
        yield browser


async def _empty(database: Database) -> None:
    names = await database.list_collection_names()
    if "system.profile" in names:
        await database.drop_collection("system.profile")
        names.remove("system.profile")
    at_once = database.with_options(write_concern=WriteConcern(w=1, j=False))
    filled = await _filled(database, names)
    await asyncio.gather(*(at_once[name].delete_many({}) for name in filled))
    # Which index suits a query was found out on records that are gone.
    await asyncio.gather(*(database.command("planCacheClear", name) for name in filled))


async def _filled(database: Database, names: Sequence[str]) -> list[str]:
    """Return the collections that hold anything: most tests write to few of them."""
    first: list[Any] = [
        {"$unionWith": {"coll": name, "pipeline": [{"$limit": 1}, {"$project": {"in": name}}]}}
        for name in names
    ]
    found = database.aggregate([{"$documents": []}, *first])
    return [each["in"] async for each in found]


class _Server:
    """One embedded server as a child process."""

    def __init__(self, kind: ServerKind, data: Path) -> None:
        self._kind = kind
        self._data = data

    def __enter__(self) -> _Server:
        command = [sys.executable, "-m", "sessions.embedded", self._kind.name, "--always"]
        self._process = subprocess.Popen(
            [*command, "--data", str(self._data), "--die-with-parent", str(os.getpid())],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        return self

    def uri(self) -> str:
        """Return the address, once clients can connect."""
        place = Layout.of(self._data, self._kind).socket
        until_true(lambda: find_socket(place) is not None)
        socket = find_socket(place)
        assert socket is not None
        return self._kind.uri(socket)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
