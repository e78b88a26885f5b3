"""What integration tests share: stores over the real MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator
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
from sessions.encryption.keys import Key
from sessions.events.log import EventLog
from sessions.messages.quotas import Quota
from sessions.outgoing_events.relay import Relay
from sessions.webhooks.families import all_families
from tests.builders import Stores
from tests.conftest import PATIENCE
from tests.integration.pageless import NoPages, PagelessWorker, pageless_worker
from tests.integration.ready_pages import ReadyPages
from tests.integration.services import services_with
from tests.integration.world import KeptWorld, World
from tests.seen_commands import SeenCommands, noting

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    from sessions.embedded import ServerUris
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

JWT_SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
KEY = "a key of at least thirty-two characters"
SEALING_KEY = Key("tests", b"t" * 32)
WITH_UPKEEP = pytest.mark.parametrize("upkeep", [True], ids=["with upkeep"])
"""Marks a test in which the API does the regular work on records, too."""


@pytest.fixture(scope="session")
async def indexes(
    lasting_database: Database, lasting_redis: ArqRedis, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Create the indexes once for all tests: `database` leaves them where they are."""
    settings = quick_settings(tmp_path_factory.mktemp("indexes"))
    events = EventLog()
    services = await Services.over(lasting_database, lasting_redis, events, settings, utc_now)
    await services.prepare()
    await Relay(lasting_database, all_families(services.texts), services.deliveries).prepare()


@pytest.fixture
def database(database: Database, indexes: None) -> Database:
    """Give a test an empty database with all indexes."""
    return database


@pytest.fixture
async def noted(
    database: Database, servers: ServerUris
) -> AsyncIterator[tuple[Database, SeenCommands]]:
    """Give a test its database once more, with a client whose commands are noted."""
    async with noting(database, servers.mongo) as noted:
        yield noted


@pytest.fixture
def stores(database: Database) -> Stores:
    """Give a test its stores."""
    return Stores(database)


@pytest.fixture
def api_settings(tmp_path: Path) -> ApiSettings:
    """Give a test the API's settings."""
    return quick_settings(tmp_path)


def quick_settings(folder: Path) -> ApiSettings:
    """Return settings of the API with nothing of this machine's, and quick hashes."""
    return ApiSettings(
        _env_file=None,
        data_dir=folder,
        bcrypt_rounds=4,
        jwt_secret=SecretStr(JWT_SECRET),
        session_encryption_keys=SecretStr(SEALING_KEY.text()),
    )


@pytest.fixture
async def services(
    database: Database, redis: ArqRedis, stores: Stores, api_settings: ApiSettings
) -> Services:
    """Give a test what the API's handlers use; the first key is `KEY`.

    Its limits hold, however slow this machine is.
    """
    services = await Services.over(database, redis, stores.events, api_settings, utc_now)
    await services.keys.choose_first(KEY, utc_now())
    return limited_by(services, redis, BoundedRedis(PATIENCE))


def limited_by(
    services: Services, redis: ArqRedis, bounded: BoundedRedis, growth: Growth = DELAY
) -> Services:
    """Return the same services as another process has them, which count in this Redis."""
    limiter, delay = Limiter(redis, bounded), GrowingDelay(redis, bounded)
    return services_with(
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
def upkeep() -> bool:
    """Leave the regular work on records undone, of which few tests tell: see `WITH_UPKEEP`."""
    return False


@pytest.fixture
async def client(services: Services, upkeep: bool) -> AsyncIterator[Client]:
    """Serve the API over the test's stores; its requests carry a key."""
    server = TestServer(build_app(services, upkeep=upkeep))
    async with TestClient(server, headers={"X-Api-Key": KEY}) as client:
        yield client


@pytest.fixture
async def stranger(services: Services, upkeep: bool) -> AsyncIterator[Client]:
    """Serve the API to requests that carry no key."""
    async with TestClient(TestServer(build_app(services, upkeep=upkeep))) as client:
        yield client


@pytest.fixture(scope="session")
def kept_world() -> KeptWorld:
    """Keep the first world for all tests."""
    return KeptWorld()


@pytest.fixture
async def world(
    services: Services, database: Database, kept_world: KeptWorld
) -> AsyncIterator[World]:
    """Serve the API, without limits, to people who have the same things under the same names."""
    settings = services.settings.model_copy(update={"rate_limit_max_requests": 1_000_000})
    # A test makes a connection for each operation of the API.
    many = Quota("connections", 10_000, services.connections.count)
    quotas = replace(services.quotas, connections=many)
    app = build_app(services_with(services, settings=settings, quotas=quotas), upkeep=False)
    # With a worker that lives, /health is no 503.
    worker = {"running": 0, "capacity": 1, "seenAt": datetime(2100, 1, 1, tzinfo=UTC)}
    await database["workers"].insert_one({"_id": "one", **worker})
    await kept_world.put_back(database)
    async with TestClient(TestServer(app)) as client:
        yield await kept_world.lend(client, database, KEY)
