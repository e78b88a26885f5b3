"""The numbers that the API shows are those of what happened."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from control_api.app import build_app
from control_api.services import Services
from sessions.common.clock import utc_now
from sessions.connections.workers import WorkerRegistry
from sessions.events.log import EventLog
from sessions.messages.model import MessageStatus
from sessions.storage.mongo import open_database
from tests.builders import Stores
from tests.conftest import PATIENCE
from tests.gate import gate_before
from tests.scraping import Scrape

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.embedded import ServerUris
    from sessions.storage.mongo import Database
    from tests.integration.conftest import Client

SEND = "/api/whatsapp/send"
OWNER = "admin"


async def _scrape(client: Client, **headers: str) -> Scrape:
    answer = await client.get("/metrics", headers=headers)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return Scrape(await answer.text())


def _body(text: str) -> dict[str, Any]:
    return {"connectionId": "main", "to": "+972501234567", "message": text}


async def test_requests_and_accepted_messages_are_counted(client: Client, stores: Stores) -> None:
    await stores.connection()
    for number in range(3):
        assert (await client.post(SEND, json=_body(f"text {number}"))).status == 202
    key = {"Idempotency-Key": "one"}
    for _ in range(2):
        assert (await client.post(SEND, json=_body("once"), headers=key)).status == 202
    bulk = {"connectionId": "main", "messages": [{"to": "+972501234567", "message": "x"}] * 10}
    assert (await client.post(f"{SEND}/bulk", json=bulk)).status == 202
    assert (await client.post(SEND, json={})).status == 422
    await client.get("/api/whatsapp/connections/main/status")
    await client.get("/nowhere/+972501234567")
    seen = await _scrape(client)
    assert seen.value("chatgrow_messages_accepted_total") == 14
    assert seen.value("chatgrow_accept_duration_seconds_count") == 6
    took = "chatgrow_http_request_duration_seconds"
    sent = {"method": "POST", "route": SEND}
    assert seen.value(f"{took}_count", **sent, status="2xx") == 5
    assert seen.value(f"{took}_count", **sent, status="4xx") == 1
    assert (seen.value(f"{took}_sum", **sent, status="2xx") or 0) > (
        seen.value("chatgrow_accept_duration_seconds_sum") or 0
    ) / 2
    status = "/api/whatsapp/connections/{id}/status"
    assert seen.value(f"{took}_count", method="GET", route=status, status="2xx") == 1
    assert seen.value(f"{took}_count", method="GET", route="(none)", status="4xx") == 1


async def test_a_queue_shows_what_is_not_sent_and_for_how_long(
    client: Client, stores: Stores, database: Database
) -> None:
    connection, lease = await stores.leased()
    label = connection.id
    first, second, third = [await stores.message(connection) for _ in range(3)]
    await stores.queue.claim_next(lease)
    await stores.queue.settle(lease, first, MessageStatus.SENT)
    await stores.queue.claim_next(lease)  # in hand: not sent yet either
    hour_ago = utc_now() - timedelta(hours=1)
    await database["messages"].update_one({"_id": second.id}, {"$set": {"dueAt": hour_ago}})
    later = utc_now() + timedelta(hours=1)
    await database["messages"].update_one({"_id": third.id}, {"$set": {"dueAt": later}})
    seen = await _scrape(client)
    assert seen.value("chatgrow_queue_messages", connection=label) == 2
    age = seen.value("chatgrow_queue_oldest_age_seconds", connection=label)
    assert age == pytest.approx(3600, abs=30)


async def test_connections_are_counted_as_they_are_in_truth(
    client: Client, stores: Stores, database: Database
) -> None:
    await stores.leased()
    await stores.connections.create(OWNER, "waiting", "Waiting", None, utc_now())
    dead = await stores.connections.create(OWNER, "dead", "Dead", None, utc_now())
    await stores.leases("two", timedelta(seconds=0)).acquire(dead.id)
    await database["connections"].update_one({"_id": dead.id}, {"$set": {"state": "connected"}})
    await WorkerRegistry(database).beat("one", "i", 1, 10)
    seen = await _scrape(client)
    states = {each["state"] for each in seen.series("chatgrow_connections")}
    counts = {state: seen.value("chatgrow_connections", state=state) for state in states}
    assert {state: count for state, count in counts.items() if count} == {
        "starting": 2,
        "disconnected": 1,
    }
    assert seen.value("chatgrow_workers_alive") == 1
    assert seen.value("chatgrow_store_up", store="mongo") == 1
    assert seen.value("chatgrow_store_up", store="redis") == 1


async def test_no_label_names_an_owner_or_a_connection(client: Client, stores: Stores) -> None:
    connection = await stores.connection("the-shop-in-the-mall", owner="an-owner")
    await stores.message(connection)
    text = await (await client.get("/metrics")).text()
    assert connection.id in text
    assert "the-shop-in-the-mall" not in text
    assert "an-owner" not in text


async def test_names_can_be_asked_for_and_no_label_holds_a_number(
    database: Database, redis: ArqRedis, api_settings: ApiSettings, stores: Stores
) -> None:
    settings = api_settings.model_copy(update={"metrics_names": True})
    services = await Services.over(database, redis, EventLog(), settings, utc_now)
    for name in ("972501234567", "972501230567"):
        await stores.message(await stores.connection(name))
    async with TestClient(TestServer(build_app(services, upkeep=False))) as client:
        seen = await _scrape(client)
    labels = [each["connection"] for each in seen.series("chatgrow_queue_messages")]
    assert len(set(labels)) == 2
    assert all(label.startswith("admin/***567~") for label in labels)


async def test_the_token_is_wanted_where_one_is_set(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    token = SecretStr("a token of sixteen and more")
    settings = api_settings.model_copy(update={"metrics_token": token})
    services = await Services.over(database, redis, EventLog(), settings, utc_now)
    async with TestClient(TestServer(build_app(services, upkeep=False))) as client:
        for header in ("", "Bearer", "Bearer a token of sixteen and mor", token.get_secret_value()):
            refused = await client.get("/metrics", headers={"Authorization": header})
            assert refused.status == 401
            assert "chatgrow_" not in await refused.text()
        await _scrape(client, Authorization=f"Bearer {token.get_secret_value()}")


async def test_metrics_are_closed_in_production_without_a_token(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    settings = api_settings.model_copy(update={"app_env": "production"})
    services = await Services.over(database, redis, EventLog(), settings, utc_now)
    async with TestClient(TestServer(build_app(services, upkeep=False))) as client:
        for headers in ({}, {"Authorization": "Bearer of a token that nobody has set"}):
            refused = await client.get("/metrics", headers=headers)
            assert refused.status == 403
            assert (await refused.json())["code"] == "metrics_closed"


async def test_a_scrape_is_answered_though_mongodb_is_frozen(
    servers: ServerUris, database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    await Stores(database).connection()
    with gate_before(servers.mongo) as gate:
        uri = f"mongodb://127.0.0.1:{gate.port}/{database.name}?directConnection=true"
        async with open_database(uri, PATIENCE) as through:
            services = await Services.over(through, redis, EventLog(), api_settings, utc_now)
            async with TestClient(TestServer(build_app(services, upkeep=False))) as client:
                gate.shut()
                began = time.monotonic()
                for _ in range(3):
                    frozen = await _scrape(client)
                # Once for the look that is given up, and then not again.
                assert time.monotonic() - began < 8
                gate.open()
    assert frozen.value("chatgrow_store_up", store="mongo") == 0
    assert frozen.value("chatgrow_store_up", store="redis") == 1
    for name in ("chatgrow_queue_messages", "chatgrow_connections", "chatgrow_workers_alive"):
        assert frozen.series(name) == []
    assert "chatgrow_http_request_duration_seconds" in frozen.metrics()
