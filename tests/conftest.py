"""What all tests share: one MongoDB and one Redis for the whole run, emptied after each test."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from playwright.async_api import Browser, Playwright, async_playwright
from pymongo import WriteConcern
from pymongo.database import Database as SyncDatabase
from pytest_asyncio import is_async_test

from sessions.queue.doorbell import open_redis
from sessions.storage.mongo import open_database
from tests.people import people
from tests.servers import both_servers

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.embedded import ServerUris
    from sessions.storage.mongo import Database

ROOT = Path(__file__).parents[1]
# How long an example takes is the machine's affair.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
PATIENCE = timedelta(seconds=30)
_GARBAGE = (20_000, 20, 20)
"""Of short tests little garbage stays: Python looks for it more seldom than usual."""
# Playwright's driver starts a fifth faster when it finds its scripts compiled.
os.environ.setdefault("NODE_COMPILE_CACHE", str(ROOT / ".pytest_cache/node"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among what is imported and collected, which stays: that takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(*_GARBAGE)
        gc.enable()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUris]:
    """Run both servers for the whole run; a test that kills one starts its own."""
    with both_servers(tmp_path_factory.mktemp("servers")) as uris:
        yield uris


@pytest.fixture(autouse=True)
def leaves_no_task(request: pytest.FixtureRequest) -> None:
    """End what a test has left running, since the tests of a process share one event loop."""
    if is_async_test(request.node):
        request.getfixturevalue("ends_tasks")


@pytest.fixture
async def ends_tasks(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """End the tasks that are new since the test began."""
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
def database(lasting_database: Database) -> Iterator[Database]:
    """Give a test an empty database; what is costly to make stays: collections and indexes."""
    yield lasting_database
    emptied(lasting_database)


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


def emptied(database: Database) -> None:
    """Take away every record, and leave collections and indexes.

    Nothing else happens meanwhile, so it does without Motor's threads.
    """
    synchronous: SyncDatabase[Any] = database.delegate
    names = synchronous.list_collection_names()
    if "system.profile" in names:
        synchronous.drop_collection("system.profile")
        names.remove("system.profile")
    at_once = synchronous.with_options(write_concern=WriteConcern(w=1, j=False))
    for name in _filled(synchronous, names):
        at_once[name].delete_many({})
        # Which index suits a query was found out on records that are gone.
        synchronous.command("planCacheClear", name)


def _filled(database: SyncDatabase[Any], names: Sequence[str]) -> list[str]:
    """Return the collections that hold anything: most tests write to few of them."""
    first: list[Any] = [
        {"$unionWith": {"coll": name, "pipeline": [{"$limit": 1}, {"$project": {"in": name}}]}}
        for name in names
    ]
    return [each["in"] for each in database.aggregate([{"$documents": []}, *first])]
