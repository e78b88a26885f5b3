"""Setting up: nobody becomes the first administrator without the first key or the set-up token."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.services import Services
from sessions.accounts.api_keys import Grant
from sessions.common.clock import utc_now
from sessions.events.log import EventLog
from tests.integration.conftest import KEY
from tests.integration.services import services_with
from tests.logged import logged

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

DANA = {"email": "dana@example.com", "password": "correct horse battery", "name": "Dana"}
REGISTER = "/api/auth/register"
SIGN_IN = "/dashboard/sign-in"
REFUSED = (403, "setup_token_required")


async def _register(client: Client, token: object = None, **headers: str) -> tuple[int, Any]:
    wish = DANA if token is None else DANA | {"setupToken": token}
    answer = await client.post(REGISTER, json=wish, headers=headers)
    told = await answer.json()
    return answer.status, told.get("code") or told["user"]["role"]


async def _is_open(client: Client) -> bool:
    answer = await client.get("/api/setup")
    assert answer.status == 200
    told = await answer.json()
    assert list(told) == ["open"]
    return bool(told["open"])


@pytest.fixture
def token_file(api_settings: ApiSettings) -> Path:
    """Return where the API writes its set-up token."""
    return api_settings.data_dir / "setup.token"


@pytest.fixture(params=[False, True], ids=["closed", "open registration"])
async def anybody(request: pytest.FixtureRequest, services: Services) -> AsyncIterator[Client]:
    """Serve the API to strangers, where users may register themselves and where they may not."""
    settings = services.settings.model_copy(update={"allow_registration": request.param})
    app = build_app(services_with(services, settings=settings), upkeep=False)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_a_stranger_cannot_become_the_administrator(anybody: Client) -> None:
    assert await _register(anybody) == REFUSED
    assert await _register(anybody, "") == REFUSED
    assert await _register(anybody, "not the token") == REFUSED
    assert await _is_open(anybody)
    assert await _register(anybody, KEY) == (201, "admin")
    assert not await _is_open(anybody)


async def test_a_stranger_cannot_become_the_administrator_in_the_dashboard(
    stranger: Client,
) -> None:
    for wrong in ({}, {"setupToken": ""}, {"setupToken": "not the token"}):
        answer = await stranger.post(SIGN_IN, data=DANA | wrong, allow_redirects=False)
        page = await answer.text()
        assert answer.status == 403
        assert "This is not the set-up token" in page
        assert "setup.token" in page
        assert "not the token" not in page
    assert await _is_open(stranger)
    right = DANA | {"setupToken": f" {KEY}\n"}
    entered = await stranger.post(SIGN_IN, data=right, allow_redirects=False)
    assert entered.status == 303
    assert not await _is_open(stranger)


async def test_another_key_makes_no_administrator(services: Services, stranger: Client) -> None:
    _, key = await services.keys.create(Grant("admin", "Backend", all_owners=True), utc_now())
    assert await _register(stranger, key) == REFUSED
    # Nor does what lets in users later: a backend must not make its first customer administrator.
    assert await _register(stranger, **{"X-Api-Key": key}) == REFUSED
    assert await _register(stranger, **{"X-Api-Key": KEY}) == REFUSED


async def test_the_first_start_writes_a_token_for_its_owner_and_names_the_file(
    services: Services, stranger: Client, token_file: Path
) -> None:
    with logged("WARNING") as lines:
        await services.setup.prepare()
    token = token_file.read_text().strip()
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    (line,) = lines
    assert str(token_file) in line
    assert token not in line
    await services.setup.prepare()
    assert token_file.read_text().strip() == token
    assert await _register(stranger, token) == (201, "admin")
    assert not token_file.exists()


async def test_the_door_is_shut_for_good(
    services: Services, stranger: Client, token_file: Path
) -> None:
    await services.setup.prepare()
    token = token_file.read_text().strip()
    assert await _register(stranger, KEY) == (201, "admin")
    for given in (token, KEY):
        assert await _register(stranger, given) == (403, "forbidden")
    with logged("WARNING") as lines:
        await services.setup.prepare()
    assert (lines, token_file.exists()) == ([], False)
    answer = await stranger.post(SIGN_IN, data=DANA | {"password": "another", "setupToken": KEY})
    assert answer.status == 401


async def test_the_token_of_one_process_opens_another(
    database: Database, redis: ArqRedis, services: Services, token_file: Path, tmp_path: Path
) -> None:
    await services.setup.prepare()
    settings = services.settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    elsewhere = await Services.over(database, redis, EventLog(), settings, utc_now)
    await elsewhere.setup.prepare()
    async with TestClient(TestServer(build_app(elsewhere, upkeep=False))) as client:
        assert await _register(client, token_file.read_text().strip()) == (201, "admin")


async def test_guesses_are_counted_for_the_network(services: Services) -> None:
    settings = services.settings.model_copy(update={"trusted_proxies": (ip_network("127.0.0.1"),)})
    async with TestClient(
        TestServer(build_app(services_with(services, settings=settings), upkeep=False))
    ) as client:
        here = {"X-Forwarded-For": "198.51.100.1"}
        answers = [await _register(client, "a guess", **here) for _ in range(21)]
        assert answers == [REFUSED] * 20 + [(429, "too_many_attempts")]
        assert await _register(client, KEY, **here) == (429, "too_many_attempts")
        assert await _register(client, KEY, **{"X-Forwarded-For": "198.51.100.2"}) == (201, "admin")
