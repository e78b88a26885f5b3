"""Names that are not ours are refused: a page of another site may have had one point to us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import HttpUrl

from control_api.app import build_app
from control_api.services import Services
from tests.cases import in_one_test
from tests.integration.conftest import KEY
from tests.integration.services import services_with

if TYPE_CHECKING:
    from aiohttp import web

    Client = TestClient[web.Request, web.Application]

PATHS = ("/api", "/api/setup", "/health/live", "/metrics", "/openapi.json", "/nowhere")
OURS = {
    "public_url": HttpUrl("https://WhatsApp.Example.org/chat"),
    "allowed_hosts": ("api", ".internal"),
}


@pytest.fixture
async def named(services: Services) -> AsyncIterator[Client]:
    """Serve the API under names of its own."""
    settings = services.settings.model_copy(update=OURS)
    app = build_app(services_with(services, settings=settings), upkeep=False)
    async with TestClient(TestServer(app), headers={"X-Api-Key": KEY}) as client:
        yield client


async def _told(client: Client, host: str) -> tuple[int, str]:
    answer = await client.get("/api/auth/me", headers={"Host": host})
    return answer.status, (await answer.json()).get("code", "")


@in_one_test(
    "host",
    [
        "localhost",
        "LOCALHOST:5000",
        "localhost.:5000",
        "127.0.0.1",
        "127.0.0.2:5000",
        "[::1]:5000",
        # An address is no name that somebody can have point to us: probes and scrapes use it.
        "192.0.2.17:5000",
        "[2001:db8::1]",
        "whatsapp.example.org",
        "WHATSAPP.example.org:8443",
        "api",
        "api:5000",
        "whatsapp.internal",
        "one.whatsapp.internal:80",
        "internal",
    ],
)
async def test_names_of_ours_and_addresses_are_served(named: Client, host: str) -> None:
    assert await _told(named, host) == (200, "")


@in_one_test(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "whatsapp.example.org.evil.example",
        "one.whatsapp.example.org",
        "notinternal",
        "api.evil.example",
        "2130706433",
        "127.0.0.1%evil.example",
        "127.0.0.1%.evil.example",
        "[localhost]",
        "[localhost]evil.example",
        "[::1].evil.example",
        "localhost:80.evil.example",
    ],
)
async def test_other_names_are_refused_even_with_a_key(named: Client, host: str) -> None:
    assert await _told(named, host) == (421, "host_not_allowed")


@in_one_test("path", PATHS)
async def test_other_names_are_refused_everywhere(stranger: Client, path: str) -> None:
    answer = await stranger.get(path, headers={"Host": "evil.example"})
    assert (answer.status, (await answer.json())["code"]) == (421, "host_not_allowed")


async def test_nobody_is_changed_or_signed_in_under_another_name(stranger: Client) -> None:
    wish = {"email": "dana@example.com", "password": "correct horse battery", "setupToken": KEY}
    evil = {"Host": "evil.example"}
    made = await stranger.post("/api/auth/register", json=wish, headers=evil)
    entered = await stranger.post("/dashboard/sign-in", data=wish, headers=evil)
    assert (made.status, entered.status) == (421, 421)
    assert (await (await stranger.get("/api/setup")).json()) == {"open": True}


async def test_a_page_under_another_name_says_so_in_words(stranger: Client) -> None:
    answer = await stranger.get("/dashboard", headers={"Host": "evil.example"})
    assert (answer.status, answer.content_type) == (421, "text/html")
    assert "ALLOWED_HOSTS" in await answer.text()


async def test_a_check_without_a_host_is_answered(stranger: Client) -> None:
    # As HAProxy asks by default.
    assert await _raw(stranger, b"GET /health/live HTTP/1.0\r\n\r\n") == 200
    assert await _raw(stranger, b"GET /api HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n") == 200
    whole = b"GET http://evil.example/api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert await _raw(stranger, whole) == 421


async def _raw(client: Client, request: bytes) -> int:
    """Send these bytes; return the status of the answer."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(request)
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status
