"""What is open stays so for who sends a key or a cookie along while MongoDB is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from motor.motor_asyncio import AsyncIOMotorClient

from control_api.app import build_app
from control_api.credentials.access_tokens import Claims
from control_api.services import Services
from sessions.accounts.api_keys import ApiKeyStore
from sessions.accounts.sign_ins import SignInStore
from sessions.accounts.users import UserStore
from sessions.common.clock import utc_now
from sessions.connections.workers import WorkerRegistry
from tests.integration.conftest import KEY
from tests.integration.services import services_with

if TYPE_CHECKING:
    from aiohttp import web

    Client = TestClient[web.Request, web.Application]

OPEN = ("/api", "/health/live", "/openapi.json", "/docs", "/metrics")


@pytest.fixture
async def away(services: Services) -> AsyncIterator[Client]:
    """Serve the API over a MongoDB that is away; nobody has many requests."""
    nobody = AsyncIOMotorClient[dict[str, Any]]("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=1)
    database = nobody["chatgrow"]
    changed = services_with(
        services,
        settings=services.settings.model_copy(update={"rate_limit_max_requests": 1}),
        database=database,
        keys=ApiKeyStore(database),
        sign_ins=SignInStore(database, services.settings.sign_in_expires_in),
        users=UserStore(database),
        workers=WorkerRegistry(database),
    )
    async with TestClient(TestServer(build_app(changed, upkeep=False))) as client:
        yield client
    nobody.close()


@pytest.fixture(params=["key", "token", "cookie"])
def credential(request: pytest.FixtureRequest, services: Services) -> dict[str, str]:
    """Return what a request of somebody known carries."""
    token = services.tokens.write(Claims("admin", "a sign-in"), utc_now())
    return {
        "key": {"X-Api-Key": KEY},
        "token": {"Authorization": f"Bearer {token}"},
        "cookie": {"Cookie": f"session={token}"},
    }[str(request.param)]


async def test_what_is_open_needs_no_database(away: Client, credential: dict[str, str]) -> None:
    page = await (await away.get("/docs")).text()
    assert "swagger" in page
    for path in (*OPEN, "/docs/start.js"):
        answer = await away.get(path, headers=credential)
        assert answer.status == 200, path


async def test_health_tells_what_is_away(away: Client, credential: dict[str, str]) -> None:
    answer = await away.get("/health", headers=credential)
    assert answer.status == 503
    checks = (await answer.json())["checks"]
    assert checks.pop("disk")
    assert checks == {"mongo": "down", "redis": "ok", "workers": 0}


async def test_what_needs_somebody_says_that_we_cannot_tell(
    away: Client, credential: dict[str, str]
) -> None:
    for _ in range(3):  # whose limit it is, is not known either
        answer = await away.get("/api/whatsapp/connections", headers=credential)
        assert (answer.status, (await answer.json())["code"]) == (503, "store_unavailable")
        assert answer.headers["Retry-After"] == "2"


async def test_a_page_for_people_does_not_ask_them_to_sign_in_again(
    away: Client, services: Services
) -> None:
    token = services.tokens.write(Claims("admin", "a sign-in"), utc_now())
    cookie = {"Cookie": f"session={token}"}
    answer = await away.get("/dashboard", headers=cookie, allow_redirects=False)
    assert (answer.status, answer.content_type) == (503, "text/html")
