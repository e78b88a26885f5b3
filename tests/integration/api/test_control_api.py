"""The control API over real stores: what it accepts, and how it refuses."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from control_api.app import build_app
from control_api.services import Services
from sessions.common.clock import utc_now
from sessions.common.disk_space import DiskState
from sessions.connections.model import QrCode
from sessions.connections.states import ConnectionState, Reason
from sessions.messages.model import Ack
from sessions.whatsapp.breaker import Cause
from tests.builders import OWNER, Stores, whatsapp_breaker
from tests.cases import in_one_test
from tests.integration.services import services_with
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web

    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

CODE = "2@ref,noise,identity,secret,1"
MORE_THAN_ANY_DISK = 2**62
ELSEWHERE = {
    "mongodb_uri": SecretStr("mongodb://mongo.example.org"),
    "redis_url": SecretStr("redis://redis.example.org"),
}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def _create(client: Client, connection_id: str = "business_main") -> dict[str, Any]:
    body = {
        "connectionId": connection_id,
        "name": "Main Business Line",
        "phoneNumber": "+972501234567",
    }
    answer = await client.post("/api/whatsapp/connections", json=body)
    assert answer.status == 201
    created: dict[str, Any] = await answer.json()
    return created


async def _send(client: Client, **fields: object) -> dict[str, Any]:
    body = {"connectionId": "business_main", "to": "+972501234567", "message": "Hello"}
    answer = await client.post("/api/whatsapp/send", json=body | fields)
    accepted: dict[str, Any] = await answer.json()
    return {"http": answer.status, "location": answer.headers.get("Location"), **accepted}


async def test_a_connection_is_created_and_waits_for_a_worker(client: Client) -> None:
    created = await _create(client)
    assert created["connectionId"] == "business_main"
    assert (created["state"], created["reason"]) == ("starting", "waiting_for_worker")
    status = await client.get("/api/whatsapp/connections/business_main/status")
    assert await status.json() == {
        "connectionId": "business_main",
        "state": "starting",
        "reason": "waiting_for_worker",
        "since": created["since"],
        "actsNext": "worker",
        "allowedCommands": ["stop", "link", "restart", "delete"],
        "phoneNumber": "+972501234567",
        "queue": {"queued": 0},
    }
    listed = await (await client.get("/api/whatsapp/connections")).json()
    assert listed == {"items": [created]}


async def test_a_proxys_password_is_never_shown(client: Client, stores: Stores) -> None:
    proxy = {"server": "http://127.0.0.1:3128", "username": "u", "password": "a secret"}
    made = await client.post(
        "/api/whatsapp/connections", json={"connectionId": "main", "proxy": proxy}
    )
    assert made.status == 201
    for path in ("connections", "connections/main", "connections/main/status"):
        assert "a secret" not in await (await client.get(f"/api/whatsapp/{path}")).text()
    (kept,) = await stores.connections.of_owner("admin")
    assert kept.proxy is not None
    assert "a secret" not in repr(kept)


async def test_a_proxy_is_shown_changed_and_taken_away(client: Client, stores: Stores) -> None:
    await _create(client)
    path = "/api/whatsapp/connections/business_main"
    for server in ("http://proxy.example.com:3128", "socks5://[2001:db8::1]:1080"):
        changed = await client.patch(path, json={"proxy": {"server": server}})
        assert (changed.status, (await changed.json())["proxy"]) == (200, {"server": server})
        assert "proxy" in await (await client.patch(path, json={"name": "Other"})).json()
    taken = await client.patch(path, json={"proxy": None})
    assert (taken.status, (await taken.json()).get("proxy")) == (200, None)
    (kept,) = await stores.connections.of_owner("admin")
    assert kept.proxy is None


@in_one_test(
    "server",
    [
        "http://:::80",
        "http://[::1:80",
        "http://[::zz]:80",
        "http://[1.2.3.4]:80",
        "http://h..example:80",
        "http://h:99999",
        "socks5://h:0",
        "http://h",
        "http://u:p@h:80",
        "ftp://h:80",
        "http://h:8\u0660",
    ],
)
async def test_a_proxy_that_cannot_be_is_refused(client: Client, server: str) -> None:
    wish = {"connectionId": "main", "proxy": {"server": server}}
    answer = await client.post("/api/whatsapp/connections", json=wish)
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["field"] == "proxy.server"


async def test_the_same_id_twice_is_refused_and_the_first_one_stays(client: Client) -> None:
    created = await _create(client)
    again = await client.post("/api/whatsapp/connections", json={"connectionId": "business_main"})
    assert again.status == 409
    assert (await again.json())["code"] == "connection_exists"
    listed = await (await client.get("/api/whatsapp/connections")).json()
    assert listed["items"] == [created]


async def test_a_send_to_an_unlinked_connection_is_accepted_and_says_why_it_waits(
    client: Client,
) -> None:
    await _create(client)
    accepted = await _send(client, message="שלום 👋")
    assert accepted["http"] == 202
    assert accepted["status"] == "queued"
    assert accepted["waiting"] == {
        "reason": "connection_starting",
        "detail": "waiting_for_worker",
    }
    assert accepted["location"] == f"/api/whatsapp/messages/{accepted['messageId']}"
    shown = await (await client.get(accepted["location"])).json()
    assert shown["messageId"] == accepted["messageId"]
    assert shown["status"] == "queued"
    assert shown["to"] == "972501234567@c.us"
    assert shown["waiting"] == accepted["waiting"] | {"position": 0}
    status = await client.get("/api/whatsapp/connections/business_main/status")
    assert (await status.json())["queue"] == {"queued": 1, "oldestQueuedAt": shown["queuedAt"]}


async def test_a_message_that_was_put_back_says_why(client: Client, stores: Stores) -> None:
    await _create(client)
    accepted = await _send(client)
    lease = await stores.leases().acquire()
    assert lease is not None
    for here, there in (
        (ConnectionState.STARTING, ConnectionState.SYNCING),
        (ConnectionState.SYNCING, ConnectionState.CONNECTED),
    ):
        await stores.connections.move(lease, here, there, None)
    message = await stores.queue.claim_next(lease)
    assert message is not None
    await stores.queue.put_back(lease, message, "refused_for_now")
    shown = await (await client.get(accepted["location"])).json()
    assert shown["waiting"] == {"reason": "refused_for_now", "position": 0}


async def test_a_message_shows_each_status_with_its_time(client: Client, stores: Stores) -> None:
    await _create(client)
    accepted = await _send(client)
    lease = await stores.leases().acquire()
    assert lease is not None
    message = await stores.queue.claim_next(lease)
    assert message is not None
    await stores.queue.write_down(
        lease, message, "true_972501234567@c.us_3EB0", message.to, new_chat=False
    )
    await stores.queue.record_ack(lease, "true_972501234567@c.us_3EB0", Ack.DEVICE)
    shown = await (await client.get(accepted["location"])).json()
    assert shown["status"] == "delivered"
    assert shown["whatsappId"] == "true_972501234567@c.us_3EB0"
    times = [datetime.fromisoformat(shown[f"{step}At"]) for step in ("queued", "sending", "sent")]
    assert times == sorted(times)
    assert shown["sentAt"] == shown["deliveredAt"]
    assert "waiting" not in shown
    assert shown["text"] == "Hello"


@in_one_test(
    ("body", "fields"),
    [
        ({}, {"connectionId", "to", "message"}),
        ({"connectionId": "a b", "to": "+972501234567", "message": "x"}, {"connectionId"}),
        ({"connectionId": "a\n", "to": "+972501234567", "message": "x"}, {"connectionId"}),
        ({"connectionId": "../etc", "to": "+972501234567", "message": "x"}, {"connectionId"}),
        ({"connectionId": "a" * 65, "to": "+972501234567", "message": "x"}, {"connectionId"}),
        ({"connectionId": {"$ne": ""}, "to": "+972501234567", "message": "x"}, {"connectionId"}),
        ({"connectionId": "a", "to": "12", "message": "x"}, {"to"}),
        ({"connectionId": "a", "to": "+972501234567", "message": ""}, {"message"}),
        ({"connectionId": "a", "to": "+972501234567", "message": " \n "}, {"message"}),
        ({"connectionId": "a", "to": "+972501234567", "message": "x" * 65_537}, {"message"}),
        ({"connectionId": "a", "to": 972501234567, "message": 5}, {"to", "message"}),
        ({"connectionId": "a", "to": "+972501234567", "message": "x", "text": "y"}, {"text"}),
        ([], {"(body)"}),
        ("text", {"(body)"}),
        (None, {"(body)"}),
    ],
)
async def test_a_wrong_send_is_refused_naming_each_field(
    client: Client, body: object, fields: set[str]
) -> None:
    answer = await client.post(
        "/api/whatsapp/send",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    problem = await answer.json()
    assert answer.status == 422
    assert answer.content_type == "application/problem+json"
    assert problem["code"] == "invalid_fields"
    assert {error["field"] for error in problem["errors"]} == fields
    assert all(error["message"] for error in problem["errors"])


@in_one_test(
    ("body", "fields"),
    [
        ({"connectionId": "x/../y"}, {"connectionId"}),
        ({"connectionId": "main", "phoneNumber": "123"}, {"phoneNumber"}),
        ({"connectionId": "main", "name": ""}, {"name"}),
        ({"connectionId": "main", "colour": "red"}, {"colour"}),
        ({"connectionId": "main", "proxy": {"server": "file:///x"}}, {"proxy.server"}),
        ({"connectionId": "main", "proxy": {"server": "http://p:1\n"}}, {"proxy.server"}),
        (
            {"connectionId": "main", "proxy": {"server": "socks5://p:1", "username": "u"}},
            {"proxy"},
        ),
    ],
)
async def test_a_wrong_connection_is_refused_naming_each_field(
    client: Client, body: dict[str, object], fields: set[str]
) -> None:
    answer = await client.post("/api/whatsapp/connections", json=body)
    assert answer.status == 422
    assert {error["field"] for error in (await answer.json())["errors"]} == fields
    assert (await (await client.get("/api/whatsapp/connections")).json())["items"] == []


@in_one_test(
    "body", [b"", b"{", b"{'a': 1}", b"\xff\xfe", b"[" * 100_000, b'{"message":"\\ud800"}']
)
async def test_what_is_not_json_is_a_400(client: Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/api/whatsapp/send", data=body, headers=headers)
    assert answer.status == 400
    assert (await answer.json())["code"] == "malformed_json"


async def test_other_media_types_and_large_bodies_are_refused(client: Client) -> None:
    form = await client.post(
        "/api/whatsapp/send", data=b"{}", headers={"Content-Type": "text/plain"}
    )
    assert form.status == 415
    headers = {"Content-Type": "application/json"}
    large = await client.post(
        "/api/whatsapp/connections", data=io.BytesIO(b" " * 2_000_000), headers=headers
    )
    assert large.status == 413
    assert (await large.json())["code"] == "request_entity_too_large"


@in_one_test(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/whatsapp/connections/none", 404, "connection_not_found"),
        ("GET", "/api/whatsapp/connections/none/status", 404, "connection_not_found"),
        ("GET", "/api/whatsapp/connections/none/qr", 404, "connection_not_found"),
        ("POST", "/api/whatsapp/connections/none/start", 404, "connection_not_found"),
        ("GET", "/api/whatsapp/connections/%00%2e%2e/status", 404, "connection_not_found"),
        ("GET", "/api/whatsapp/messages/none", 404, "message_not_found"),
        ("GET", "/api/whatsapp/nothing", 404, "not_found"),
        ("PUT", "/api/whatsapp/send", 405, "method_not_allowed"),
    ],
)
async def test_what_is_not_there(
    client: Client, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status == status
    assert (await answer.json())["code"] == code


async def test_a_record_that_cannot_be_read_is_our_failure_and_not_the_callers(
    client: Client, stores: Stores
) -> None:
    await _create(client)
    await stores.database["connections"].update_one({}, {"$set": {"name": 5}})
    answer = await client.get("/api/whatsapp/connections/business_main")
    assert (answer.status, (await answer.json())["code"]) == (500, "internal_error")


async def test_a_send_to_an_unknown_connection_stores_nothing(
    client: Client, stores: Stores
) -> None:
    assert (await _send(client, connectionId="none"))["http"] == 404
    assert await stores.database["messages"].count_documents({}) == 0


async def test_a_key_is_asked_for_but_on_open_paths(client: Client) -> None:
    for key in ("", "wrong", "ключ"):
        answer = await client.get("/api/whatsapp/connections", headers={"X-Api-Key": key})
        assert answer.status == 401
        assert (await answer.json())["code"] == "unauthorized"
    for path in ("/api", "/health/live"):
        assert (await client.get(path, headers={"X-Api-Key": ""})).status == 200


async def test_the_qr_code_is_served_in_every_format(client: Client, stores: Stores) -> None:
    await _create(client)
    await show_code(stores)
    path = "/api/whatsapp/connections/business_main/qr"
    as_json = await client.get(path, params={"format": "json"})
    assert (await as_json.json())["code"] == CODE
    assert as_json.headers["Cache-Control"] == "no-store"
    for accept, media_type, start in (
        ("*/*", "image/png", b"\x89PNG"),
        ("image/svg+xml", "image/svg+xml", b"<?xml"),
        ("text/plain", "text/plain", "█".encode()),
        ("application/json", "application/json", b"{"),
    ):
        answer = await client.get(path, headers={"Accept": accept})
        assert answer.content_type == media_type
        assert (await answer.read()).lstrip("\xa0 \n".encode()).startswith(start)


async def test_without_a_code_the_state_is_told(client: Client) -> None:
    await _create(client)
    answer = await client.get("/api/whatsapp/connections/business_main/qr")
    assert answer.status == 409
    problem = await answer.json()
    assert (problem["code"], problem["state"]) == ("no_qr_code", "starting")


async def test_a_code_that_ran_out_is_not_served(client: Client, stores: Stores) -> None:
    await _create(client)
    await show_code(stores, timedelta(seconds=-1))
    assert (await client.get("/api/whatsapp/connections/business_main/qr")).status == 409


async def test_a_dead_workers_code_is_not_served(client: Client, stores: Stores) -> None:
    await _create(client)
    await show_code(stores)
    # As after a crash: the lease has run out, and the record stands as it was.
    over = {"lease.expiresAt": utc_now() - timedelta(seconds=1)}
    await stores.database["connections"].update_one({}, {"$set": over})
    path = "/api/whatsapp/connections/business_main"
    for state, reason in (("disconnected", "worker_lost"), ("stopped", None)):
        answer = await client.get(f"{path}/qr")
        problem = await answer.json()
        assert (answer.status, problem["code"]) == (409, "no_qr_code")
        assert (problem["state"], problem.get("reason")) == (state, reason)
        await client.post(f"{path}/stop")
    await client.post(f"{path}/start")
    assert (await stores.connections.find("admin", "business_main")).qr is None


async def test_a_waiting_request_gets_the_code_when_it_comes(
    client: Client, stores: Stores
) -> None:
    await _create(client)
    path = "/api/whatsapp/connections/business_main/qr?format=json&wait=20"
    waiting = asyncio.create_task(client.get(path))
    await show_code(stores)
    assert (await (await waiting).json())["code"] == CODE


async def _until_a_code_is_asked_for(stores: Stores) -> None:
    async def noted() -> bool:
        return (
            await stores.database["connections"].count_documents({"qrAskedAt": {"$ne": None}}) > 0
        )

    await until(noted)


async def test_a_code_that_comes_after_the_key_was_revoked_is_not_given(
    client: Client, stores: Stores
) -> None:
    await _create(client)
    wish = {"name": "soon gone", "scopes": ["manage"]}
    made = await (await client.post("/api/api-keys", json=wish)).json()
    path = "/api/whatsapp/connections/business_main/qr?format=json&wait=20"
    waiting = asyncio.create_task(client.get(path, headers={"X-Api-Key": made["key"]}))
    await _until_a_code_is_asked_for(stores)
    assert (await client.delete(f"/api/api-keys/{made['id']}")).status == 204
    await show_code(stores)
    assert (await waiting).status == 401


async def test_who_waits_for_a_code_asks_all_the_while(
    client: Client, stores: Stores, services: Services
) -> None:
    await _create(client)
    connection = await stores.connections.find("admin", "business_main")
    waiting = asyncio.create_task(
        client.get("/api/whatsapp/connections/business_main/qr?format=json&wait=20")
    )
    await _until_a_code_is_asked_for(stores)
    await stores.connections.change(connection, {"since": LONG_AGO, "createdAt": LONG_AGO})
    assert await services.linking.qr_is_asked_for(connection.id, timedelta(milliseconds=1))
    await show_code(stores)
    assert (await waiting).status == 200


@pytest.mark.parametrize("query", ["format=gif", "wait=-1", "wait=nan", "wait=inf", "wait=1e9"])
async def test_wrong_parameters_are_named(client: Client, query: str) -> None:
    await _create(client)
    answer = await client.get(f"/api/whatsapp/connections/business_main/qr?{query}")
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["field"] == query.split("=")[0]


async def test_a_connection_nobody_has_stops_and_starts_at_once(client: Client) -> None:
    await _create(client)
    stopped = await client.post("/api/whatsapp/connections/business_main/stop")
    assert (stopped.status, (await stopped.json())["state"]) == (202, "stopped")
    started = await client.post("/api/whatsapp/connections/business_main/start")
    assert (started.status, (await started.json())["state"]) == (202, "starting")


async def test_health_names_the_part_that_is_away(client: Client) -> None:
    answer = await client.get("/health")
    assert answer.status == 503
    health = await answer.json()
    assert health["checks"].pop("disk")
    assert health["checks"] == {"mongo": "ok", "redis": "ok", "workers": 0}
    assert health["away"] == ["workers"]


@pytest.mark.parametrize(
    ("own", "disks", "told", "away"),
    [
        ({}, ["ok", "disk_low"], "disk_low", None),
        ({}, ["ok", "disk_full"], "disk_full", None),
        ({}, ["disk_full", "disk_full"], "disk_full", ["disk"]),
        ({"disk_full_below": 0, "disk_low_below": MORE_THAN_ANY_DISK}, ["ok"], "disk_low", None),
        ({"disk_full_below": MORE_THAN_ANY_DISK}, ["ok"], "disk_full", ["disk"]),
        # The servers of others are their operators' business.
        ({"disk_full_below": MORE_THAN_ANY_DISK} | ELSEWHERE, ["ok"], "ok", None),
    ],
)
async def test_health_tells_of_disks_and_is_away_where_none_has_room(
    services: Services, own: dict[str, Any], disks: list[str], told: str, away: list[str] | None
) -> None:
    for number, disk in enumerate(disks):
        await services.workers.beat(f"worker-{number}", "instance", 1, 10, DiskState(disk))
    quiet = {"disk_full_below": 0, "disk_low_below": 0}
    settings = services.settings.model_copy(update=quiet | own)
    app = build_app(services_with(services, settings=settings), upkeep=False)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/health")
        health = await answer.json()
    assert health["checks"]["disk"] == told
    assert health.get("away") == away
    assert answer.status == (503 if away else 200)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (
            "/api/auth/register",
            {"email": "a@example.com", "password": "short", "name": "A"},
            "Give at least 10 characters.",
        ),
        ("/api/api-keys", {"name": "A", "scopes": []}, "Give at least 1 item."),
        ("/api/api-keys", {"name": "A", "scopes": ["send"] * 21}, "Give at most 20 items."),
        (
            "/api/whatsapp/connections",
            {"connectionId": "my shop", "phoneNumber": 972501234567},
            'Send the number as text, in quotes: "+972501234567".',
        ),
        (
            "/api/whatsapp/connections",
            {"connectionId": "main\n"},
            "Use 1 to 64 letters of English, digits, dashes and underscores.",
        ),
        (
            "/api/whatsapp/send",
            {"contact": {"name": "Dana", "phone": 972501234567}},
            'Send the number as text, in quotes: "+972501234567".',
        ),
        ("/api/whatsapp/send", {"media": {"base64": "UE5"}}, "This is not base64."),
        (
            "/api/automations",
            {"deliveryHour": 24},
            "Give an hour from 0 to 23, or a time of day like 18:30.",
        ),
        (
            "/api/customers",
            {"phone": "+972501234567", "tags": ["a,b"]},
            "Use 1 to 50 characters on one line, no comma and no semicolon.",
        ),
        (
            "/api/webhooks",
            {"url": "crm.example.com", "events": ["*"]},
            "Give an address like https://crm.example.com/whatsapp.",
        ),
    ],
)
async def test_what_is_wrong_is_told_in_words(
    client: Client, path: str, body: dict[str, object], message: str
) -> None:
    problem = await (await client.post(path, json=body)).json()
    assert message in [each["message"] for each in problem["errors"]]


async def test_a_browser_at_the_root_gets_the_dashboard_and_a_program_a_problem(
    stranger: Client,
) -> None:
    wish = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with stranger.get("/", headers=wish, allow_redirects=False) as answer:
        assert answer.status == 303
        assert answer.headers["Location"].endswith("/dashboard")
    async with stranger.get("/", headers=wish) as page:
        assert (page.status, page.content_type) == (200, "text/html")
    async with stranger.get("/") as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")


async def test_health_tells_a_change_of_whatsapp_web_and_keeps_its_status(
    client: Client, stores: Stores, database: Database
) -> None:
    worker = {"running": 0, "capacity": 1, "seenAt": datetime(2100, 1, 1, tzinfo=UTC)}
    await database["workers"].insert_one({"_id": "one", **worker})
    await _until_health(client, "ok")
    lease = await _page_lacks_a_function(stores)
    await _until_health(client, "changed")
    breaker = whatsapp_breaker(database)
    assert await breaker.begin_probe(lease)
    await breaker.probe_passed(lease, "1")
    await _until_health(client, "ok")


async def test_what_waits_for_whatsapp_web_says_so(client: Client, stores: Stores) -> None:
    lease = await _page_lacks_a_function(stores)
    starting, away = ConnectionState.STARTING, ConnectionState.DISCONNECTED
    await stores.connections.move(lease, starting, away, Reason.WHATSAPP_CHANGED)
    message = await stores.message(await stores.connections.get(lease.connection))
    found = await (await client.get(f"/api/whatsapp/messages/{message.id}")).json()
    assert found["waiting"]["reason"] == "whatsapp_changed"


async def test_a_connection_tells_which_whatsapp_web_it_has_loaded(
    client: Client, stores: Stores
) -> None:
    lease = await stores.leased()
    await stores.connections.note_page(lease[1], "2.3000.1", "1_main")
    status = await (await client.get("/api/whatsapp/connections/main/status")).json()
    assert (status["page"]["version"], status["page"]["manifest"]) == ("2.3000.1", "1_main")


async def test_a_connection_tells_who_acts_next_and_what_may_be_asked_of_it(
    client: Client, stores: Stores
) -> None:
    connection = await stores.connection()
    path = "/api/whatsapp/connections/main"
    waiting = await (await client.get(f"{path}/status")).json()
    assert (waiting["reason"], waiting["actsNext"]) == ("waiting_for_worker", "worker")
    assert waiting["allowedCommands"] == ["stop", "link", "restart", "delete"]
    long_ago = {"since": utc_now() - timedelta(minutes=1)}
    await stores.database["connections"].update_one({"_id": connection.id}, {"$set": long_ago})
    assert (await (await client.get(f"{path}/status")).json())["actsNext"] == "operator"
    stopped = await (await client.post(f"{path}/stop")).json()
    assert (stopped["actsNext"], stopped["allowedCommands"][0]) == ("admin", "start")


async def _health(client: Client) -> tuple[int, str, str]:
    answer = await client.get("/health")
    health = await answer.json()
    return answer.status, health["status"], health["whatsapp"]


async def _until_health(client: Client, whatsapp: str) -> None:
    """Wait until the health tells this of WhatsApp, with a 200: an answer is a second old."""

    async def told() -> bool:
        return await _health(client) == (200, "ok", whatsapp)

    await until(told)


async def _page_lacks_a_function(stores: Stores) -> Lease:
    _, lease = await stores.leased()
    breaker = whatsapp_breaker(stores.database)
    await breaker.report(lease, OWNER, Cause.FUNCTION_MISSING, "missing: send", "2.3000.1")
    return lease


async def show_code(stores: Stores, lives: timedelta = timedelta(seconds=60)) -> None:
    lease = await stores.leases().acquire()
    assert lease is not None
    await stores.connections.move(
        lease, ConnectionState.STARTING, ConnectionState.AWAITING_SCAN, Reason.QR_SHOWN
    )
    await stores.connections.show_qr(lease, QrCode(code=CODE, expires_at=utc_now() + lives))
