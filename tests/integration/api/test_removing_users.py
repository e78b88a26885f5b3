"""A user who is removed is out, whatever they were doing and wherever we were interrupted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from control_api.auth.accounts import UserHasConnectionsError, remove_user
from sessions.common.clock import utc_now
from sessions.connections.model import Connection
from sessions.connections.store import ConnectionStore
from sessions.events.log import EventLog
from tests.integration.services import services_with
from tests.integration.world import Person, World, must
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import ClientResponse, web
    from aiohttp.test_utils import TestClient
    from arq.connections import ArqRedis

    from control_api.services import Services
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

CONNECTIONS = "/api/whatsapp/connections"


async def _remove(world: World, person: Person) -> int:
    path = f"/api/users/{person.id}"
    async with world.client.delete(path, headers=world.admin.headers) as answer:
        return answer.status


async def _without_connections(database: Database, person: Person) -> Person:
    await database["connections"].delete_many({"owner": person.id})
    return person


@asynccontextmanager
async def _under_way(
    world: World, redis: ArqRedis, person: Person, path: str, body: object
) -> AsyncIterator[asyncio.Future[ClientResponse]]:
    """Begin a request, which is known to be this person's, and send its body at the end."""
    rest = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        text = json.dumps(body).encode()
        yield text[:1]
        await rest.wait()
        yield text[1:]

    await redis.flushdb()
    headers = person.headers | {"Content-Type": "application/json"}
    request = asyncio.ensure_future(world.client.post(path, data=slowly(), headers=headers))
    # Who it is, is known before it is counted.
    await until(lambda: _is_counted(redis, person))
    yield request
    rest.set()
    await request


async def _is_counted(redis: ArqRedis, person: Person) -> bool:
    return any(person.id in str(key) for key in await redis.keys("*"))


async def test_a_key_that_was_under_way_does_not_outlive_its_owner(
    world: World, redis: ArqRedis, database: Database
) -> None:
    dana = await _without_connections(database, world.dana)
    wish = {"name": "Late", "scopes": ["read"]}
    async with _under_way(world, redis, dana, "/api/api-keys", wish) as request:
        assert await _remove(world, dana) == 204
    made: dict[str, Any] = await (await request).json()
    used = await world.client.get("/api/auth/me", headers={"X-Api-Key": made["key"]})
    assert used.status == 401


async def test_a_connection_that_was_under_way_is_not_left_to_nobody(
    world: World, redis: ArqRedis, database: Database
) -> None:
    dana = await _without_connections(database, world.dana)
    async with _under_way(world, redis, dana, CONNECTIONS, {"connectionId": "late"}) as request:
        assert await _remove(world, dana) == 204
    refused = await request
    assert (refused.status, (await refused.json())["code"]) == (404, "user_not_found")
    assert await database["connections"].find_one({"connectionId": "late"}) is None


async def test_whom_a_removed_user_has_asked_about_is_forgotten(
    world: World, services: Services, database: Database
) -> None:
    dana = await _without_connections(database, world.dana)
    await services.numbers.of(dana.id).remember("972501234567@c.us", "972501234567@c.us")
    assert await _remove(world, dana) == 204
    assert await database["knownNumbers"].find_one({"_id.owner": dana.id}) is None


async def test_the_customers_of_a_removed_user_are_forgotten(
    world: World, database: Database
) -> None:
    dana = await _without_connections(database, world.dana)
    assert await database["customers"].find_one({"owner": dana.id}) is not None
    assert await _remove(world, dana) == 204
    for name in ("customers", "appointments", "subscribers", "consents", "automations"):
        assert await database[name].find_one({"owner": dana.id}) is None, name


async def test_a_removal_that_was_cut_off_is_done_by_asking_again(
    world: World, database: Database
) -> None:
    dana = await _without_connections(database, world.dana)
    _, key = await world.new_key(dana)
    async with _keys_cannot_be_removed(database):
        assert await _remove(world, dana) == 503
    assert await _remove(world, dana) == 204
    for headers in ({"X-Api-Key": key}, dana.headers):
        assert (await world.client.get("/api/auth/me", headers=headers)).status == 401
    assert await database["apiKeys"].find_one({"owner": dana.id}) is None


@asynccontextmanager
async def _keys_cannot_be_removed(database: Database) -> AsyncIterator[None]:
    """Put a view, which takes no changes, where the keys are."""
    await database["apiKeys"].rename("apiKeysAside")
    await database.create_collection("apiKeys", viewOn="apiKeysAside")
    try:
        yield
    finally:
        await database.drop_collection("apiKeys")
        await database.drop_collection("system.views")
        await database["apiKeysAside"].rename("apiKeys")


class _OneMadeMeanwhile(ConnectionStore):
    """The real store, into which somebody puts a connection right behind the first look."""

    looked = False

    async def of_owner(self, owner: str | None) -> list[Connection]:
        found = await super().of_owner(owner)
        if not self.looked:
            self.looked = True
            await self.create(str(owner), "meanwhile", "Meanwhile", None, utc_now())
        return found


async def test_a_connection_made_meanwhile_keeps_its_owner(
    services: Services, database: Database
) -> None:
    connections = _OneMadeMeanwhile(database, EventLog())
    user = await services.users.create("dana@example.com", "Dana", "no hash", utc_now())
    with pytest.raises(UserHasConnectionsError):
        await remove_user(services_with(services, connections=connections), user)
    assert await services.users.get(user.id) == user


async def test_a_user_who_has_connections_is_not_shut_out(world: World) -> None:
    assert await _remove(world, world.dana) == 409
    await must(world.client, "GET", "/api/auth/me", world.dana.headers)
