"""Signed links over HTTP: who makes them, what their page is told, and when they end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestClient, TestServer
from motor.motor_asyncio import AsyncIOMotorClient

from control_api.app import build_app
from control_api.rate_limits.bounded_redis import BoundedRedis
from control_api.services import Services
from control_api.settings import ApiSettings
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.model import Connection, QrCode
from sessions.connections.states import ConnectionState, Reason
from sessions.connections.store import ConnectionStore
from tests.builders import Stores
from tests.conftest import PATIENCE
from tests.integration.conftest import limited_by
from tests.integration.services import services_with
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

CODE = "2@ref,noise,identity,secret,1"
PHONE = "+972501111111"
_S = ConnectionState


async def link_to(client: Client, connection: str = "main") -> str:
    """Make a link; return its token."""
    made = await client.post(f"/api/whatsapp/connections/{connection}/qr-link")
    assert made.status == 201, await made.text()
    assert made.headers["Cache-Control"] == "no-store"
    url = urlsplit((await made.json())["url"])
    assert (url.path, url.query) == ("/link", "")
    return str(url.fragment)


def by(link: str) -> dict[str, str]:
    """Return the header with which the page of a link asks."""
    return {"X-Link-Token": link}


async def state_of(client: Client, link: str, **query: str) -> dict[str, Any]:
    answer = await client.get("/link/state", params=query, headers=by(link))
    told: dict[str, Any] = await answer.json()
    return told | {"http": answer.status}


async def shows_a_code(stores: Stores) -> tuple[Connection, Lease]:
    connection, lease = await stores.leased()
    await stores.connections.move(lease, _S.STARTING, _S.AWAITING_SCAN, Reason.QR_SHOWN)
    code = QrCode(code=CODE, expires_at=utc_now() + timedelta(minutes=1))
    await stores.connections.show_qr(lease, code)
    return connection, lease


async def test_a_link_is_made_for_a_known_connection_by_who_may_manage_it(
    client: Client, stranger: Client, stores: Stores
) -> None:
    await stores.connection()
    made = await client.post("/api/whatsapp/connections/main/qr-link")
    body = await made.json()
    host = f"http://{client.server.host}:{client.server.port}"
    assert body["url"].startswith(f"{host}/link#")
    assert body["expiresAt"] > utc_now().isoformat()
    assert (await client.post("/api/whatsapp/connections/other/qr-link")).status == 404
    assert (await stranger.post("/api/whatsapp/connections/main/qr-link")).status == 401


async def test_a_link_has_the_public_address_when_one_is_set(
    database: Database, redis: ArqRedis, stores: Stores, api_settings: ApiSettings
) -> None:
    await stores.connection()
    settings = ApiSettings.model_validate(
        api_settings.model_dump() | {"public_url": "https://grow.example/wa/"}
    )
    services = await Services.over(database, redis, stores.events, settings, utc_now)
    await services.keys.choose_first("k" * 32, utc_now())
    headers = {"X-Api-Key": "k" * 32}
    async with TestClient(TestServer(build_app(services)), headers=headers) as client:
        made = await client.post("/api/whatsapp/connections/main/qr-link")
        assert (await made.json())["url"].startswith("https://grow.example/wa/link#")


async def test_the_page_speaks_the_readers_language_and_remembers_another(
    stranger: Client,
) -> None:
    async def language(path: str, accepted: str) -> str:
        answer = await stranger.get(path, headers={"Accept-Language": accepted})
        assert answer.status == 200
        return answer.headers["Content-Language"]

    assert await language("/link", "he-IL,he;q=0.9,en;q=0.8") == "he"
    assert await language("/link", "iw") == "he"
    assert await language("/link", "fr-FR, en;q=0.5") == "en"
    assert await language("/link", "fr") == "en"
    assert await language("/link?lang=xx", "he") == "he"
    assert await language("/link?lang=en", "he") == "en"
    assert await language("/link", "he") == "en", "the choice is kept"


async def test_the_page_is_kept_nowhere_and_tells_nobody_its_address(stranger: Client) -> None:
    answer = await stranger.get("/link")
    assert answer.content_type == "text/html"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = await answer.text()
    assert "<script>" not in text
    assert " style=" not in text


async def test_static_files_are_kept_for_ever_under_their_version_and_not_under_another(
    stranger: Client,
) -> None:
    text = await (await stranger.get("/link")).text()
    address = text.partition('rel="stylesheet" href=".')[2].partition('"')[0]
    found = await stranger.get(address)
    assert (found.status, found.content_type) == (200, "text/css")
    assert "immutable" in found.headers["Cache-Control"]
    older = await stranger.get("/static/0123456789abcdef/link/main.js")
    assert (older.status, older.content_type) == (200, "text/javascript")
    assert older.headers["Cache-Control"] == "no-store"
    for path in ("/static/x/../../settings.py", "/static/x/%2e%2e/shell.py", "/static/x/no.css"):
        assert (await stranger.get(path)).status == 404


async def _ended(stranger: Client, link: str, status: int, code: str) -> None:
    """Check that nothing of a link works."""
    state = await stranger.get("/link/state", headers=by(link))
    assert (state.status, (await state.json())["code"]) == (status, code)
    for path in ("start", "pairing-code"):
        body = {"phoneNumber": PHONE}
        answer = await stranger.post(f"/link/{path}", json=body, headers=by(link))
        assert (answer.status, (await answer.json())["code"]) == (status, code)


async def test_a_link_ends_when_its_connection_does(
    client: Client, stranger: Client, stores: Stores, database: Database
) -> None:
    await stores.connection()
    link = await link_to(client)
    await database["connections"].delete_many({})
    await _ended(stranger, link, 410, "link_expired")


async def test_a_link_ends_when_a_phone_was_linked_and_no_restart_revives_it(
    client: Client, stranger: Client, stores: Stores
) -> None:
    connection, lease = await shows_a_code(stores)
    link = await link_to(client)
    move = stores.connections.move
    await move(lease, _S.AWAITING_SCAN, _S.CONNECTED, None, PHONE)
    await _ended(stranger, link, 410, "link_used")
    await move(lease, _S.CONNECTED, _S.LOGGED_OUT, Reason.UNLINKED)
    await stores.connections.want(connection, "running")
    await _ended(stranger, link, 410, "link_used")
    assert (await state_of(stranger, await link_to(client)))["http"] == 200, "a new link works"


async def test_a_link_ends_when_it_is_revoked(
    client: Client, stranger: Client, stores: Stores
) -> None:
    await shows_a_code(stores)
    await stores.connection("other")
    links, other = [await link_to(client) for _ in range(2)], await link_to(client, "other")
    shown = await state_of(stranger, links[0])
    query = {"seen": shown["version"], "wait": "30"}
    waiting = asyncio.ensure_future(state_of(stranger, links[0], **query))
    path = "/api/whatsapp/connections/main/qr-link"
    assert (await stranger.delete(path)).status == 401
    assert (await client.delete(path)).status == 204
    assert (await waiting)["code"] == "link_expired"
    for link in links:
        await _ended(stranger, link, 410, "link_expired")
    assert (await client.delete(path)).status == 204, "again changes nothing"
    assert (await state_of(stranger, await link_to(client)))["http"] == 200
    assert (await state_of(stranger, other))["http"] == 200
    assert (await client.delete("/api/whatsapp/connections/none/qr-link")).status == 404


async def test_a_logout_revokes_links(client: Client, stranger: Client, stores: Stores) -> None:
    _, lease = await shows_a_code(stores)
    await stores.connections.move(lease, _S.AWAITING_SCAN, _S.CONNECTED, None, PHONE)
    link = await link_to(client)
    assert (await state_of(stranger, link))["stage"] == "linked"
    assert (await client.post("/api/whatsapp/connections/main/logout")).status == 202
    await _ended(stranger, link, 410, "link_expired")


async def test_a_token_in_a_path_opens_nothing(
    client: Client, stranger: Client, stores: Stores
) -> None:
    await shows_a_code(stores)
    link = await link_to(client)
    assert (await stranger.get(f"/link/{link}")).status == 404
    assert (await stranger.get(f"/link/{link}/state")).status == 404
    assert (await stranger.get("/link/state", params={"token": link})).status == 422
    assert (await state_of(stranger, ""))["code"] == "link_unknown"


async def test_a_restored_login_is_no_new_one(
    client: Client, stranger: Client, stores: Stores
) -> None:
    _, lease = await shows_a_code(stores)
    move = stores.connections.move
    await move(lease, _S.AWAITING_SCAN, _S.CONNECTED, None, PHONE)
    link = await link_to(client)
    await move(lease, _S.CONNECTED, _S.DISCONNECTED, Reason.NETWORK_DOWN)
    assert (await state_of(stranger, link))["stage"] == "returning"
    await move(lease, _S.DISCONNECTED, _S.CONNECTED, None, PHONE)
    assert (await state_of(stranger, link))["stage"] == "linked"


async def test_a_database_that_is_away_is_told_apart_from_a_link_that_does_not_work(
    services: Services, stores: Stores
) -> None:
    token, _ = services.links.make(await stores.connection())
    nobody = AsyncIOMotorClient[dict[str, Any]]("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=1)
    away = services_with(services, connections=ConnectionStore(nobody["chatgrow"], stores.events))
    async with TestClient(TestServer(build_app(away))) as client:
        answer = await state_of(client, token)
        assert (answer["http"], answer["code"]) == (503, "store_unavailable")
        assert (await state_of(client, f"{token}x"))["http"] == 404
    nobody.close()


async def test_too_many_requests_are_told_in_words_too(
    database: Database, redis: ArqRedis, stores: Stores, api_settings: ApiSettings
) -> None:
    few = api_settings.model_copy(update={"rate_limit_max_requests": 1})
    opened = await Services.over(database, redis, stores.events, few, utc_now)
    services = limited_by(opened, redis, BoundedRedis(PATIENCE))
    token, _ = services.links.make(await stores.connection())
    async with TestClient(TestServer(build_app(services))) as client:
        assert (await client.get("/link")).status == 200
        page = await client.get("/link")
        assert (page.status, page.content_type) == (429, "text/html")
        assert int(page.headers["Retry-After"]) > 0
        assert "Too many requests" in await page.text()
        state = await state_of(client, token)
        assert (state["http"], state["code"]) == (429, "rate_limited")


@pytest.mark.parametrize("token", ["", "x", "x/", "a.b.c", "%00", "é", "x" * 3000, "../../etc"])
async def test_what_is_no_link_of_ours_gets_a_page_that_says_what_to_do(
    stranger: Client, token: str
) -> None:
    answer = await stranger.get(f"/link/{token}", headers={"Accept-Language": "he"})
    assert answer.status == 404
    if "etc" not in token:
        assert "בקשו קישור חדש" in await answer.text()


async def test_a_changed_link_is_unknown(client: Client, stranger: Client, stores: Stores) -> None:
    await stores.connection()
    link = await link_to(client)
    changed = link[:-3] + ("AAA" if link[-3:] != "AAA" else "BBB")
    await _ended(stranger, changed, 404, "link_unknown")


async def test_the_state_has_the_code_on_show_and_asking_keeps_codes_coming(
    client: Client, stranger: Client, stores: Stores, services: Services
) -> None:
    connection, _ = await shows_a_code(stores)
    link = await link_to(client)
    long_ago = utc_now() - timedelta(hours=1)
    old = dict.fromkeys(("qrAskedAt", "since", "createdAt"), long_ago)
    await stores.connections.change(connection, old)
    assert not await services.linking.qr_is_asked_for(connection.id, timedelta(minutes=1))
    state = await state_of(stranger, link)
    assert state["stage"] == "scan"
    assert state["qr"]["svg"].startswith("<?xml")
    assert 50 < state["qr"]["expiresInSeconds"] <= 60
    assert await services.linking.qr_is_asked_for(connection.id, timedelta(minutes=1))


async def test_a_request_that_waits_is_answered_when_something_changes(
    client: Client, stranger: Client, stores: Stores
) -> None:
    _, lease = await shows_a_code(stores)
    link = await link_to(client)
    first = await state_of(stranger, link)
    again = await state_of(stranger, link, seen=first["version"], wait="0.3")
    assert again["version"] == first["version"]
    waiting = asyncio.ensure_future(state_of(stranger, link, seen=first["version"], wait="30"))
    next_code = QrCode(code=f"{CODE}2", expires_at=utc_now() + timedelta(seconds=20))
    await stores.connections.show_qr(lease, next_code)
    second = await waiting
    assert second["stage"] == "scan"
    assert second["qr"]["svg"] != first["qr"]["svg"]
    waiting = asyncio.ensure_future(state_of(stranger, link, seen=second["version"], wait="30"))
    await stores.connections.move(lease, _S.AWAITING_SCAN, _S.CONNECTED, None, PHONE)
    assert (await waiting)["code"] == "link_used"


async def test_a_request_that_waits_does_not_hold_up_the_servers_end(
    services: Services, stores: Stores
) -> None:
    connection, _ = await shows_a_code(stores)
    token, _ = services.links.make(connection)
    async with TestClient(TestServer(build_app(services))) as client:
        first = await state_of(client, token)
        query = {"seen": first["version"], "wait": "30"}
        waiting = asyncio.ensure_future(state_of(client, token, **query))
        await client.app.shutdown()
        assert (await waiting)["version"] == first["version"]


async def test_codes_are_shown_again_after_a_rest_and_not_after_a_stop(
    client: Client, stranger: Client, stores: Stores
) -> None:
    connection, lease = await shows_a_code(stores)
    link = await link_to(client)
    move = stores.connections.move
    await move(lease, _S.AWAITING_SCAN, _S.STOPPED, Reason.QR_NOT_SCANNED, rests=True)
    assert (await state_of(stranger, link))["stage"] == "asleep"
    assert (await stranger.post("/link/start", headers=by(link))).status == 204
    started = await stores.connections.get(connection.id)
    assert (started.state, started.desired) == (_S.STARTING, "running")

    await stores.leases().release(lease, Reason.WAITING_FOR_WORKER)
    await stores.connections.want(connection, "stopped")
    assert (await state_of(stranger, link))["stage"] == "off"
    assert (await stranger.post("/link/start", headers=by(link))).status == 204
    assert (await stores.connections.get(connection.id)).desired == "stopped"


async def _paired(stranger: Client, link: str, number: str, **query: str) -> tuple[int, Any]:
    answer = await stranger.post(
        "/link/pairing-code", json={"phoneNumber": number}, params=query, headers=by(link)
    )
    return answer.status, await answer.json()


async def test_a_number_is_read_as_people_write_it(
    client: Client, stranger: Client, stores: Stores, services: Services
) -> None:
    connection, lease = await shows_a_code(stores)
    link = await link_to(client)
    for number in ("12", "", "hello", "050-111-1111"):
        status, body = await _paired(stranger, link, number, lang="en")
        assert (status, body["code"]) == (422, "invalid_parameter"), number

    asking = asyncio.ensure_future(_paired(stranger, link, "050-111-1111", lang="he"))

    async def asked() -> bool:
        return await services.linking.pairing(connection.id) is not None

    await until(asked)
    wish = await services.linking.pairing(connection.id)
    assert wish is not None
    assert wish.phone == PHONE
    over = utc_now() + timedelta(minutes=3)
    answered = wish.model_copy(update={"code": "ABCD1234", "expires_at": over})
    await services.linking.answer_pairing(lease, answered)
    status, body = await asking
    assert (status, body["code"]) == (200, "ABCD-1234")
    assert 170 < body["expiresInSeconds"] <= 180


async def test_no_code_is_asked_for_where_no_phone_can_be_linked(
    client: Client, stranger: Client, stores: Stores
) -> None:
    await stores.connection()
    status, body = await _paired(stranger, await link_to(client), PHONE)
    assert (status, body["code"]) == (409, "no_qr_code")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_another_site_cannot_make_a_browser_ask(
    client: Client, stranger: Client, stores: Stores, headers: dict[str, str]
) -> None:
    await shows_a_code(stores)
    link = await link_to(client)
    for path in ("pairing-code", "start"):
        body = {"phoneNumber": PHONE}
        answer = await stranger.post(f"/link/{path}", json=body, headers=headers | by(link))
        assert (answer.status, (await answer.json())["code"]) == (403, "foreign_origin")
    form = await stranger.post("/link/pairing-code", data={"phoneNumber": PHONE}, headers=by(link))
    assert form.status == 415
