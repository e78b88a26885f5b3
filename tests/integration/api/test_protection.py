"""What every answer carries: security headers, and CORS headers for the origins that are listed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.services import Services
from tests.cases import in_one_test
from tests.integration.conftest import KEY
from tests.integration.services import services_with

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    Client = TestClient[web.Request, web.Application]

OURS = "https://app.example.org"
PATHS = {
    "/api": 200,
    "/health/live": 200,
    "/docs": 200,
    "/openapi.json": 200,
    "/nowhere": 404,
    "/api/whatsapp/connections": 401,
    "/api/whatsapp/send": 405,
}


@asynccontextmanager
async def api(services: Services, **settings: object) -> AsyncIterator[Client]:
    """Serve the API with settings of the test's own."""
    changed = services_with(services, settings=services.settings.model_copy(update=settings))
    async with TestClient(TestServer(build_app(changed, upkeep=False))) as client:
        yield client


@pytest.fixture
async def web_client(services: Services) -> AsyncIterator[Client]:
    """Serve the API to pages of one origin."""
    async with api(services, cors_origins=(OURS,)) as client:
        yield client


@in_one_test("path", PATHS)
async def test_every_answer_is_protected(stranger: Client, path: str) -> None:
    answer = await stranger.get(path)
    assert answer.status == PATHS[path]
    headers = answer.headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Server"] == "ChatGrow"
    assert "Strict-Transport-Security" not in headers
    assert "Access-Control-Allow-Origin" not in headers
    if path.startswith("/api"):
        assert headers["Cache-Control"] == "no-store"


async def test_a_handler_that_sets_a_header_itself_is_left_alone(stranger: Client) -> None:
    page = await stranger.get("/docs")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    script = await stranger.get("/docs/swagger-ui.css")
    assert script.status != 200 or "max-age" in script.headers["Cache-Control"]


async def test_https_is_asked_for_where_the_request_came_by_https(services: Services) -> None:
    by_https = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https"}
    async with api(services, trusted_proxies=(ip_network("127.0.0.1"),)) as client:
        answer = await client.get("/api", headers=by_https)
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        refused = await client.get("/api/whatsapp/connections", headers=by_https)
        assert "Strict-Transport-Security" in refused.headers
        assert "Strict-Transport-Security" not in (await client.get("/api")).headers
    async with api(services) as client:
        spoofed = await client.get("/api", headers=by_https)
        assert "Strict-Transport-Security" not in spoofed.headers


def _may_read(headers: CIMultiDictProxy[str]) -> bool:
    assert "Origin" in headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in headers
    return headers.get("Access-Control-Allow-Origin") == OURS


async def test_pages_of_a_listed_origin_may_read_every_answer(web_client: Client) -> None:
    for path, status in PATHS.items():
        answer = await web_client.get(path, headers={"Origin": OURS})
        assert answer.status == status
        assert _may_read(answer.headers), path
        exposed = answer.headers["Access-Control-Expose-Headers"]
        for name in ("RateLimit", "Retry-After", "Location", "Idempotent-Replayed"):
            assert name in exposed
    headers = {"Origin": OURS, "X-Api-Key": KEY}
    invalid = await web_client.post("/api/whatsapp/send", json={}, headers=headers)
    assert invalid.status == 422
    assert _may_read(invalid.headers)


@in_one_test(
    "origin", ["https://evil.example", "null", f"{OURS}.evil.example", "http://app.example.org", ""]
)
async def test_pages_of_other_origins_may_not(web_client: Client, origin: str) -> None:
    answer = await web_client.get("/api", headers={"Origin": origin})
    assert answer.status == 200
    assert not _may_read(answer.headers)
    assert "Access-Control-Allow-Origin" not in answer.headers


def _preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-api-key,idempotency-key",
    }


async def test_preflights_need_no_key_and_are_not_counted(services: Services) -> None:
    async with api(services, cors_origins=(OURS,), rate_limit_max_requests=1) as client:
        for _ in range(5):
            answer = await client.options("/api/whatsapp/send", headers=_preflight(OURS))
            assert answer.status == 204
            assert _may_read(answer.headers)
            assert "POST" in answer.headers["Access-Control-Allow-Methods"]
            for name in ("Authorization", "X-Api-Key", "Idempotency-Key", "Content-Type"):
                assert name in answer.headers["Access-Control-Allow-Headers"]
        limited = [await client.get("/api", headers={"Origin": OURS}) for _ in range(3)]
        assert limited[-1].status == 429
        assert _may_read(limited[-1].headers)


async def test_preflights_of_other_origins_are_refused(web_client: Client) -> None:
    answer = await web_client.options("/api", headers=_preflight("https://evil.example"))
    assert (answer.status, (await answer.json())["code"]) == (403, "origin_not_allowed")
    assert not _may_read(answer.headers)


async def test_without_cors_no_page_may_read_anything(stranger: Client) -> None:
    assert (await stranger.options("/api", headers=_preflight(OURS))).status == 403
    answer = await stranger.get("/api", headers={"Origin": OURS})
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
