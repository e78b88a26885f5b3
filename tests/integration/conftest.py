"""What integration tests share: stores over the real MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.services import Services
from sessions.clock import utc_now
from tests.builders import Stores

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    from sessions.mongo import Database

    Client = TestClient[web.Request, web.Application]

KEY = "a key of at least thirty-two characters"


@pytest.fixture
async def stores(database: Database) -> Stores:
    """Give a test its stores, indexes made."""
    stores = Stores(database)
    await stores.prepare()
    return stores


@pytest.fixture
async def client(database: Database, redis: ArqRedis, stores: Stores) -> AsyncIterator[Client]:
    """Serve the API over the test's stores; its requests carry a key."""
    services = await Services.open(database, redis, utc_now)
    await services.keys.ensure_first(KEY, utc_now())
    server = TestServer(build_app(services))
    async with TestClient(server, headers={"X-Api-Key": KEY}) as client:
        yield client
