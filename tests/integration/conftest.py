"""What integration tests share: stores over the real MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from control_api.app import build_app
from control_api.rate_limits.bounded_redis import BoundedRedis
from control_api.rate_limits.growing_delay import GrowingDelay, Growth
from control_api.rate_limits.limiter import Limiter
from control_api.rate_limits.login_attempts import DELAY, LoginAttempts, SetupAttempts
from control_api.rate_limits.pairing_limits import PairingLimits
from control_api.services import Services
from control_api.settings import ApiSettings
from sessions.common.clock import utc_now
from sessions.messages.quotas import Quota
from sessions.storage.mongo import open_database
from tests.builders import Stores
from tests.conftest import PATIENCE
from tests.integration.pageless import NoPages, PagelessWorker, pageless_worker
from tests.integration.ready_pages import ReadyPages
from tests.integration.world import World, build_world
from tests.refusing_mongo import refusing_mongo

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

JWT_SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
KEY = "a key of at least thirty-two characters"


@pytest.fixture
async def stores(database: Database) -> Stores:
    """Give a test its stores, indexes made."""
    stores = Stores(database)
    await stores.prepare()
    return stores


@pytest.fixture(scope="session")
def refusing_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a MongoDB that can be told to refuse, for all tests that want one."""
    with refusing_mongo(tmp_path_factory.mktemp("refusing")) as uri:
        yield uri


@pytest.fixture
async def refusing_stores(refusing_uri: str) -> AsyncIterator[Stores]:
    """Give a test stores over a MongoDB that can be told to refuse."""
    async with open_database(refusing_uri, PATIENCE) as database:
        stores = Stores(database)
        await stores.prepare()
        yield stores
        await database.client.drop_database(database.name)


@pytest.fixture
def api_settings(tmp_path: Path) -> ApiSettings:
    """Give a test the API's settings: nothing of this machine's, and quick hashes."""
    return ApiSettings(
        _env_file=None, data_dir=tmp_path, bcrypt_rounds=4, jwt_secret=SecretStr(JWT_SECRET)
    )


@pytest.fixture
async def services(
    database: Database, redis: ArqRedis, stores: Stores, api_settings: ApiSettings
) -> Services:
    """Give a test what the API's handlers use; the first key is `KEY`.

    Its limits hold, however slow this machine is.
    """
    services = await Services.open(database, redis, stores.events, api_settings, utc_now)
    await services.keys.choose_first(KEY, utc_now())
    return limited_by(services, redis, BoundedRedis(PATIENCE))


def limited_by(
    services: Services, redis: ArqRedis, bounded: BoundedRedis, growth: Growth = DELAY
) -> Services:
    """Return the same services as another process has them, which count in this Redis."""
    limiter, delay = Limiter(redis, bounded), GrowingDelay(redis, bounded)
    return replace(
        services,
        limiter=limiter,
        login_attempts=LoginAttempts(limiter, delay, growth),
        setup_attempts=SetupAttempts(limiter),
        pairing_limits=PairingLimits(limiter),
    )


@pytest.fixture
async def worker(
    stores: Stores, redis: ArqRedis, tmp_path: Path
) -> AsyncIterator[PagelessWorker[NoPages]]:
    """Give a test the worker `one`, whose pages never come up."""
    pages = NoPages(tmp_path / "profiles")
    async with pageless_worker(stores, redis, tmp_path, pages) as worker:
        yield worker


@pytest.fixture
async def ready_worker(
    stores: Stores, redis: ArqRedis, tmp_path: Path
) -> AsyncIterator[PagelessWorker[ReadyPages]]:
    """Give a test the worker `one`, whose pages are ready at once."""
    pages = ReadyPages(tmp_path / "profiles")
    async with pageless_worker(stores, redis, tmp_path, pages) as worker:
        yield worker


@pytest.fixture
async def client(services: Services) -> AsyncIterator[Client]:
    """Serve the API over the test's stores; its requests carry a key."""
    server = TestServer(build_app(services))
    async with TestClient(server, headers={"X-Api-Key": KEY}) as client:
        yield client


@pytest.fixture
async def stranger(services: Services) -> AsyncIterator[Client]:
    """Serve the API to requests that carry no key."""
    async with TestClient(TestServer(build_app(services))) as client:
        yield client


@pytest.fixture
async def world(services: Services, database: Database) -> AsyncIterator[World]:
    """Serve the API, without limits, to people who have the same things under the same names."""
    settings = services.settings.model_copy(update={"rate_limit_max_requests": 1_000_000})
    # A test makes a connection for each operation of the API.
    many = Quota("connections", 10_000, services.connections.count)
    quotas = replace(services.quotas, connections=many)
    app = build_app(replace(services, settings=settings, quotas=quotas))
    # With a worker that lives, /health is no 503.
    worker = {"running": 0, "capacity": 1, "seenAt": datetime(2100, 1, 1, tzinfo=UTC)}
    await database["workers"].insert_one({"_id": "one", **worker})
    async with TestClient(TestServer(app)) as client:
        yield await build_world(client, KEY)
