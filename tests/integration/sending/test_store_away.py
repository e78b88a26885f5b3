"""What the API answers when MongoDB goes away in the middle of a request: never what is not so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import monitoring

from control_api.app import build_app
from control_api.services import Services
from sessions.common.clock import utc_now
from sessions.embedded import ServerUris
from sessions.messages.model import Draft, MessageStatus
from tests.builders import TO, Stores
from tests.gate import Gate, gate_before
from tests.integration.conftest import KEY
from tests.integration.event_api import event_api
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

SEND = "/api/whatsapp/send"
BODY = {"connectionId": "main", "to": "+972501234567", "message": "Hello"}
_NOTHING_DONE = "MongoDB does not answer; nothing was done. Try again."
_SOON = 300  # milliseconds


class _ShutAt(monitoring.CommandListener):
    """Shuts a gate as a command on a collection is sent, or once it has succeeded."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.before = self.after = ("", "")
        self._collections: dict[int, str] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self._collections[event.request_id] = str(event.command.get(event.command_name))
        if self.before == (event.command_name, self._collections[event.request_id]):
            self._gate.shut()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if self.after == (event.command_name, self._collections.get(event.request_id)):
            self._gate.shut()

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


@pytest.fixture
def gate(servers: ServerUris) -> Iterator[Gate]:
    with gate_before(servers.mongo) as gate:
        yield gate


@pytest.fixture
def shut_at(gate: Gate) -> _ShutAt:
    return _ShutAt(gate)


@pytest.fixture
async def behind(
    gate: Gate,
    shut_at: _ShutAt,
    stores: Stores,
    redis: ArqRedis,
    api_settings: ApiSettings,
) -> AsyncIterator[Client]:
    """Serve the API over a MongoDB behind the gate, and with little patience."""
    async with _impatient(gate, shut_at, stores.database.name) as database:
        services = await Services.over(database, redis, stores.events, api_settings, utc_now)
        await services.keys.choose_first(KEY, utc_now())
        server = TestServer(build_app(services, upkeep=False))
        async with TestClient(server, headers={"X-Api-Key": KEY}) as client:
            yield client
            gate.open()


@asynccontextmanager
async def _impatient(gate: Gate, shut_at: _ShutAt, name: str) -> AsyncIterator[Database]:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        f"mongodb://127.0.0.1:{gate.port}/?directConnection=true",
        tz_aware=True,
        journal=True,
        serverSelectionTimeoutMS=_SOON,
        connectTimeoutMS=_SOON,
        socketTimeoutMS=_SOON,
        event_listeners=[shut_at],
    )
    yield client[name]
    client.close()


async def test_what_is_stored_is_accepted_though_nothing_more_is_known_of_it(
    behind: Client, gate: Gate, shut_at: _ShutAt, stores: Stores
) -> None:
    connection = await stores.connection()
    shut_at.after = ("insert", "messages")
    async with behind.post(SEND, json=BODY) as answer:
        accepted = await answer.json()
    assert (answer.status, accepted["status"]) == (202, "queued")
    stored = await stores.outbox.find(connection.owner, accepted["messageId"])
    assert stored.status is MessageStatus.QUEUED


async def test_what_was_under_way_is_not_known_and_its_key_completes_it(
    behind: Client, gate: Gate, shut_at: _ShutAt, stores: Stores
) -> None:
    await stores.connection()
    shut_at.before = ("insert", "messages")
    async with behind.post(SEND, json=BODY, headers={"Idempotency-Key": "k"}) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (503, "store_unavailable")
    assert "not known" in problem["detail"]
    assert "Idempotency-Key" in problem["detail"]
    async with behind.get("/api/whatsapp/messages") as answer:
        assert answer.status == 503
        assert (await answer.json())["detail"] == _NOTHING_DONE
    shut_at.before = ("", "")
    gate.open()
    async with behind.post(SEND, json=BODY, headers={"Idempotency-Key": "k"}) as answer:
        assert answer.status == 202
    assert await stores.database["messages"].count_documents({}) == 1


async def test_where_nobody_could_be_looked_up_nothing_was_done(
    behind: Client, shut_at: _ShutAt, stores: Stores
) -> None:
    await stores.connection()
    shut_at.before = ("aggregate", "apiKeys")
    async with behind.post(SEND, json=BODY) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (503, "store_unavailable")
    assert problem["detail"] == _NOTHING_DONE


async def test_a_stream_goes_on_while_nobody_can_be_looked_up(
    gate: Gate, shut_at: _ShutAt, stores: Stores, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    async with (
        _impatient(gate, shut_at, stores.database.name) as database,
        event_api(database, redis, api_settings) as api,
    ):
        follower = await api.follow()
        await follower.until_marked()
        shut_at.before = ("aggregate", "apiKeys")
        await until(lambda: gate.holds)
        await Stores(stores.database, api.stores.events).connection()
        await follower.until("connection.state", connectionId="main")
        gate.open()


async def test_a_message_driven_again_is_accepted_though_nothing_more_is_known_of_it(
    behind: Client, gate: Gate, shut_at: _ShutAt, stores: Stores
) -> None:
    connection = await stores.connection()
    message = await stores.message(connection)
    await stores.outbox.cancel(connection.owner, message.id)
    shut_at.after = ("findAndModify", "messages")
    async with behind.post(f"/api/whatsapp/messages/{message.id}/retry") as answer:
        assert (answer.status, (await answer.json())["status"]) == (202, "queued")


async def test_a_new_connection_is_told_though_nothing_more_is_known_of_it(
    behind: Client, gate: Gate, shut_at: _ShutAt, stores: Stores
) -> None:
    shut_at.after = ("insert", "connections")
    async with behind.post("/api/whatsapp/connections", json={"connectionId": "main"}) as answer:
        made = await answer.json()
    assert (answer.status, made["queue"]) == (201, {"queued": 0})


async def test_a_refresh_token_that_is_used_up_gives_the_next_one(
    behind: Client, gate: Gate, shut_at: _ShutAt
) -> None:
    person = {
        "email": "dana@example.com",
        "password": "correct horse battery",
        "setupToken": KEY,
    }
    async with behind.post("/api/auth/register", json=person) as answer:
        signed_in = await answer.json()
    shut_at.after = ("update", "signIns")
    wish = {"refreshToken": signed_in["refreshToken"]}
    async with behind.post("/api/auth/refresh", json=wish) as answer:
        assert answer.status == 200


async def test_nothing_waits_for_a_connection_that_was_deleted_as_it_was_stored(
    stores: Stores,
) -> None:
    kept, deleted = [await stores.connection(name) for name in ("kept", "deleted")]
    waits = await stores.message(kept)
    # As a process leaves it that cannot tell any more that the connection is gone.
    late = Draft("late", TO, "Hello").to_message(deleted, 0, utc_now())
    await stores.database["connections"].delete_one({"_id": deleted.id})
    await stores.database["messages"].insert_one(late.model_dump(by_alias=True, exclude_none=True))
    await stores.outbox.cancel_left()
    ended = await stores.outbox.find(None, late.id)
    assert (ended.status, ended.reason) == (MessageStatus.CANCELLED, "connection_deleted")
    assert (await stores.outbox.find(None, waits.id)).status is MessageStatus.QUEUED
