"""Limits over a real Redis: who is counted, what they are told, and what happens without Redis."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from signal import SIGCONT, SIGSTOP
from subprocess import DEVNULL, Popen
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.client import Client as Machine
from control_api.limiter import Limiter, Rule
from control_api.login_attempts import LoginAttempts
from control_api.problems import TooManyAttemptsError
from control_api.services import Services
from sessions.callers import Caller, Scope
from sessions.clock import utc_now
from sessions.doorbell import open_redis
from sessions.embedded import REDIS
from sessions.embedded.binaries import find_binary
from sessions.embedded.ports import free_port
from tests.integration.conftest import KEY, limited_by
from tests.logged import logged
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    Client = TestClient[web.Request, web.Application]

# Of the machine that runs the tests, not of what they show.
PATIENCE = timedelta(seconds=20)
PASSWORD = "correct horse battery staple"
DANA = {"email": "dana@example.com", "password": PASSWORD, "name": "Dana"}
FIELD = re.compile(r'^"(?P<name>[a-z-]+)";r=(?P<r>\d+);t=(?P<t>\d+)$')


@asynccontextmanager
async def api(services: Services, limiter: Limiter, **settings: object) -> AsyncIterator[Client]:
    """Serve the API with settings of the test's own."""
    settled = replace(services, settings=services.settings.model_copy(update=settings))
    changed = limited_by(settled, limiter)
    async with TestClient(TestServer(build_app(changed))) as client:
        yield client


@pytest.fixture
def limiter(redis: ArqRedis) -> Limiter:
    """Count in the test's Redis, however slow this machine is."""
    return Limiter(redis, PATIENCE)


async def _statuses(client: Client, path: str, times: int, **headers: str) -> list[int]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return [(await client.get(path, headers=names)).status for _ in range(times)]


async def _token(client: Client) -> str:
    first = DANA | {"setupToken": KEY}
    made = await (await client.post("/api/auth/register", json=first)).json()
    return f"Bearer {made['accessToken']}"


async def test_strangers_have_one_limit_over_all_processes(
    services: Services, redis: ArqRedis
) -> None:
    async with AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(
                api(services, Limiter(redis, PATIENCE), rate_limit_max_requests=4)
            )
            for _ in range(2)
        ]
        answers = [await client.get("/api") for client in (one, two, one, two)]
        assert [answer.status for answer in answers] == [200] * 4
        told = [FIELD.match(answer.headers["RateLimit"]) for answer in answers]
        assert [each and each["r"] for each in told] == ["3", "2", "1", "0"]
        assert answers[0].headers["RateLimit-Policy"] == '"address";q=4;w=900'
        for client in (one, two):
            await _assert_refused(client)
        assert (await one.get("/nowhere")).status == 429


async def _assert_refused(client: Client) -> None:
    refused = await client.get("/api")
    problem = await refused.json()
    assert (refused.status, problem["code"]) == (429, "rate_limited")
    assert refused.content_type == "application/problem+json"
    assert refused.headers["Retry-After"] == str(problem["retryAfterSeconds"])
    assert 1 <= problem["retryAfterSeconds"] <= 900
    told = FIELD.match(refused.headers["RateLimit"])
    assert told is not None
    assert (told["name"], told["r"]) == ("address", "0")
    assert told["t"] == refused.headers["Retry-After"]


async def test_after_the_window_there_is_more(services: Services, limiter: Limiter) -> None:
    async with api(
        services, limiter, rate_limit_max_requests=2, rate_limit_window_ms=1000
    ) as client:
        async with asyncio.timeout(20):
            while 429 not in await _statuses(client, "/api", 3):
                pass

        async def is_let_in() -> bool:
            return await _statuses(client, "/api", 1) == [200]

        await until(is_let_in)


async def test_wrong_credentials_count_for_the_address_and_right_ones_do_not_suffer(
    services: Services, limiter: Limiter
) -> None:
    path = "/api/whatsapp/connections"
    async with api(services, limiter, rate_limit_max_requests=4) as client:
        assert await _statuses(client, path, 2, X_Api_Key="no key of ours") == [401] * 2
        assert await _statuses(client, path, 1, Authorization="Bearer nonsense") == [401]
        assert await _statuses(client, f"{path}/main/events", 1, X_Api_Key="nor this") == [401]
        assert await _statuses(client, path, 2, X_Api_Key="no key of ours") == [429] * 2
        known = await client.get(path, headers={"X-Api-Key": KEY})
        assert known.status == 200
        assert known.headers["RateLimit-Policy"] == '"api-key";q=60000;w=900'


async def test_each_api_key_has_a_limit_of_its_own(services: Services, limiter: Limiter) -> None:
    path = "/api/whatsapp/connections"
    _, other = await services.keys.create(
        Caller("admin"), "admin", "other", {Scope.READ}, utc_now()
    )
    async with api(services, limiter, api_key_rate_limit_max_requests=3) as client:
        assert await _statuses(client, path, 4, X_Api_Key=KEY) == [200] * 3 + [429]
        assert await _statuses(client, path, 1, X_Api_Key=other) == [200]


async def test_a_person_may_look_at_pages_beyond_the_limit_of_programs(
    services: Services, limiter: Limiter
) -> None:
    path = "/api/whatsapp/connections"
    async with api(services, limiter, rate_limit_max_requests=3) as client:
        token = await _token(client)
        assert await _statuses(client, path, 4, Authorization=token) == [200] * 3 + [429]
        page = {"Authorization": token, "Sec_Fetch_Site": "same-origin"}
        assert await _statuses(client, path, 60, **page) == [200] * 60
        assert await _statuses(client, path, 1, **page) == [429]


async def test_health_and_documents_are_not_counted(services: Services, limiter: Limiter) -> None:
    async with api(services, limiter, rate_limit_max_requests=1) as client:
        assert await _statuses(client, "/api", 2) == [200, 429]
        for path in ("/health", "/health/live", "/health/ready", "/openapi.json", "/docs"):
            answer = await client.get(path)
            assert answer.status in (200, 503), path
            assert "RateLimit" not in answer.headers, path


async def test_strangers_behind_a_trusted_proxy_are_told_apart_by_network(
    services: Services, limiter: Limiter
) -> None:
    async with api(
        services, limiter, rate_limit_max_requests=1, trusted_proxies=(ip_network("127.0.0.1"),)
    ) as client:

        async def ask(address: str) -> int:
            return (await client.get("/api", headers={"X-Forwarded-For": address})).status

        assert [await ask("198.51.100.1"), await ask("198.51.100.1")] == [200, 429]
        assert await ask("198.51.100.2") == 200
        assert [await ask("2001:db8:0:1::1"), await ask("2001:db8:0:1:ff::2")] == [200, 429]
        assert await ask("2001:db8:0:2::1") == 200
    async with api(services, limiter, rate_limit_max_requests=1) as client:
        spoofed = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in (3, 4)]
        assert [(await client.get("/api", headers=each)).status for each in spoofed] == [200, 429]


async def _log_in(client: Client, email: str, password: str, address: str = "") -> int:
    headers = {"X-Forwarded-For": address} if address else {}
    body = {"email": email, "password": password}
    answer = await client.post("/api/auth/login", json=body, headers=headers)
    if answer.status == 429:
        problem = await answer.json()
        assert problem["code"] == "too_many_attempts"
        assert answer.headers["Retry-After"] == str(problem["retryAfterSeconds"])
    return answer.status


async def test_guessing_passwords_is_slowed_down(services: Services, limiter: Limiter) -> None:
    async with api(
        services, limiter, rate_limit_max_requests=1000, trusted_proxies=(ip_network("127.0.0.1"),)
    ) as client:
        await _token(client)
        dana = DANA["email"]
        for _ in range(2):  # a success forgets the failures before it
            assert [await _log_in(client, dana, "wrong password") for _ in range(4)] == [401] * 4
            assert await _log_in(client, dana, PASSWORD) == 200
        at_once = [_log_in(client, dana, "wrong password") for _ in range(12)]
        assert sorted(await asyncio.gather(*at_once)) == [401] * 5 + [429] * 7
        assert await _log_in(client, dana.upper(), PASSWORD) == 429
        assert await _log_in(client, dana, PASSWORD, address="198.51.100.1") == 200


async def test_an_address_that_tries_many_accounts_is_slowed_down(
    services: Services, limiter: Limiter
) -> None:
    async with api(services, limiter, rate_limit_max_requests=1000) as client:
        await _token(client)
        assert [await _log_in(client, DANA["email"], PASSWORD) for _ in range(25)] == [200] * 25
        emails = [f"somebody{number}@example.com" for number in range(21)]
        tried = [await _log_in(client, email, "wrong password") for email in emails]
        assert tried == [401] * 20 + [429]


async def test_an_error_of_ours_is_no_failed_attempt(limiter: Limiter) -> None:
    attempts, machine = LoginAttempts(limiter), Machine(ip_address("192.0.2.1"), "https")

    async def attempt() -> None:
        with pytest.raises(ZeroDivisionError):
            async with attempts.counted("dana", machine):
                raise ZeroDivisionError

    for _ in range(21):
        try:
            await attempt()
        except TooManyAttemptsError:
            pytest.fail("It was counted.")


@contextmanager
def _redis_server(port: int) -> Iterator[Popen[bytes]]:
    command = [str(find_binary(REDIS)), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = Popen(command, stdout=DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(SIGCONT)
        process.kill()
        process.wait(30)


@asynccontextmanager
async def _own_redis(port: int) -> AsyncIterator[tuple[ArqRedis, Popen[bytes]]]:
    with _redis_server(port) as server:
        async with open_redis(f"redis://127.0.0.1:{port}/0", PATIENCE) as redis:
            yield redis, server


class Later:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _stop(server: Popen[bytes]) -> None:
    server.send_signal(SIGSTOP)


def _kill(server: Popen[bytes]) -> None:
    server.kill()
    server.wait(30)


@pytest.mark.parametrize("strike", [_kill, _stop], ids=["killed", "hung"])
async def test_while_redis_is_away_nothing_is_limited_and_that_is_said_once(
    services: Services, strike: Callable[[Popen[bytes]], None]
) -> None:
    port, clock = free_port(), Later()
    async with _own_redis(port) as (redis, server), AsyncExitStack() as stack:
        limiter = Limiter(redis, timedelta(milliseconds=200), clock)
        client = await stack.enter_async_context(
            api(services, limiter, rate_limit_max_requests=1, rate_limit_window_ms=86_400_000)
        )
        # A busy machine may miss the bound; then the limiter asks again a little later.
        rule = Rule("ready", 1000, timedelta(minutes=1))
        await until(lambda: _moved_on(clock, limiter, rule))
        strike(server)
        with logged("WARNING") as lines:
            for _ in range(4):
                clock.now += 60
                answers = [await client.get("/api") for _ in range(5)]
                assert [answer.status for answer in answers] == [200] * 5
                assert "RateLimit" not in answers[0].headers
        assert [line for line in lines if "nothing is limited" in line] == lines[:1]
        server.send_signal(SIGCONT)
        if strike is _kill:
            stack.enter_context(_redis_server(port))
        assert await limiter.charge(rule, "anybody") is None  # it is left alone for a while
        await until(lambda: _moved_on(clock, limiter, rule))
        await until(lambda: _is_refused(client, clock))


async def _moved_on(clock: Later, limiter: Limiter, rule: Rule) -> bool:
    clock.now += 60
    return await limiter.charge(rule, "anybody") is not None


async def _is_refused(client: Client, clock: Later) -> bool:
    clock.now += 60
    return (await client.get("/api")).status == 429


async def test_requests_that_come_together_are_counted_one_by_one(redis: ArqRedis) -> None:
    limiter, rule = Limiter(redis, patience=PATIENCE), Rule("burst", 5, timedelta(minutes=1))
    callers = [f"caller {number}" for number in range(40)]
    standings = await asyncio.gather(
        *(limiter.charge(rule, who) for _ in range(8) for who in callers)
    )
    for own in (standings[number :: len(callers)] for number in range(len(callers))):
        told = [(each.allowed, each.remaining) for each in own if each is not None]
        assert told == [*((True, left) for left in (4, 3, 2, 1, 0)), *[(False, 0)] * 3]
