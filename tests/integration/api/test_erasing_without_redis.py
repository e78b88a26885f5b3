"""While Redis is away nothing can be erased in it: that is said, and goes on later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer
from arq.connections import ArqRedis

from control_api import background
from control_api.app import build_app
from control_api.services import Services
from sessions.deletion.recipients import DeletedData, Erasures
from tests.builders import TO, Stores
from tests.integration.conftest import KEY
from tests.integration.services import services_with
from tests.logged import logged
from tests.ports import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from sessions.storage.mongo import Database
    from tests.integration.conftest import Client

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def without_redis(
    services: Services, database: Database, stores: Stores
) -> AsyncIterator[Services]:
    """Give a test services whose erasures find no Redis."""
    redis = ArqRedis(host="127.0.0.1", port=free_port())
    yield services_with(
        services,
        erasures=Erasures(database, redis, stores.events),
        deleted_data=DeletedData(database, redis),
    )
    await redis.aclose(close_connection_pool=True)


@pytest.fixture
async def client(without_redis: Services, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    for name in ("_ERASURES_EVERY", "_DELETED_DATA_EVERY"):
        monkeypatch.setattr(background, name, timedelta(milliseconds=10))
    server = TestServer(build_app(without_redis))
    async with TestClient(server, headers={"X-Api-Key": KEY}) as client:
        yield client


async def test_an_erasure_is_refused_and_goes_on_by_itself(
    client: Client, services: Services, stores: Stores, database: Database
) -> None:
    await stores.message(await stores.connection())
    async with client.delete(f"/api/recipients/{TO}") as answer:
        assert answer.status == 503
        assert (await answer.json())["code"] == "store_unavailable"
    await services.erasures.go_on()
    assert await database["messages"].count_documents({}) == 0


async def test_the_api_outlives_an_erasure_and_deleted_data_that_wait(
    client: Client, database: Database
) -> None:
    with logged("WARNING") as lines:
        asked = {"_id": "one", "owner": None, "ids": [TO], "before": LONG_AGO}
        await database["erasures"].insert_one(asked)
        await database["removedConnections"].insert_one({"_id": "gone", "removedAt": LONG_AGO})
        for what in ("erasures", "deleted data"):
            await until(
                lambda: any(f"Redis is away ({what})" in line for line in lines)  # noqa: B023
            )
    assert (await client.get("/api/whatsapp/connections")).status == 200
