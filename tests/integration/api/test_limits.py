"""Limits over a real Redis: who is counted, what they are told, and what happens without Redis."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from ipaddress import ip_network
from signal import SIGCONT, SIGSTOP
from subprocess import DEVNULL, Popen
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.rate_limits.bounded_redis import BoundedRedis
from control_api.rate_limits.limiter import Limiter
from control_api.rate_limits.rules import Rule
from control_api.services import Services
from sessions.accounts.api_keys import Grant
from sessions.common.callers import Scope
from sessions.common.clock import utc_now
from sessions.embedded import REDIS
from sessions.embedded.launch import find_binary
from sessions.queue.doorbell import open_redis
from tests.integration.conftest import KEY, limited_by
from tests.integration.services import services_with
from tests.logged import logged
from tests.ports import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    Client = TestClient[web.Request, web.Application]

# Of the machine that runs the tests, not of what they show.
PATIENCE = timedelta(seconds=20)
DAY_MS = 86_400_000
PASSWORD = "correct horse battery staple"
DANA = {"email": "dana@example.com", "password": PASSWORD, "name": "Dana"}
FIELD = re.compile(r'^"(?P<name>[a-z-]+)";r=(?P<r>\d+);t=(?P<t>\d+)$')


@asynccontextmanager
async def api(
    services: Services, redis: ArqRedis, bounded: BoundedRedis | None = None, **settings: object
) -> AsyncIterator[Client]:
    """Serve the API, as a process of its own does, with settings of the test's own."""
    settled = services_with(services, settings=services.settings.model_copy(update=settings))
    changed = limited_by(settled, redis, bounded or BoundedRedis(PATIENCE))
    async with TestClient(TestServer(build_app(changed, upkeep=False))) as client:
        yield client


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
            await stack.enter_async_context(api(services, redis, rate_limit_max_requests=4))
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


async def test_the_time_of_the_limit_means_the_same_each_time(
    services: Services, redis: ArqRedis
) -> None:
    async with api(services, redis, rate_limit_max_requests=4) as client:
        answers = [await client.get("/api") for _ in range(5)]
    told = [FIELD.match(answer.headers["RateLimit"]) for answer in answers]
    # Until more is allowed than now, which is a whole window for all of them.
    assert all(each and 880 < int(each["t"]) <= 900 for each in told), answers


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


async def test_after_the_window_there_is_more(services: Services, redis: ArqRedis) -> None:
    async with api(services, redis, rate_limit_max_requests=2, rate_limit_window_ms=1000) as client:
        async with asyncio.timeout(20):
            while 429 not in await _statuses(client, "/api", 3):
                pass

        async def is_let_in() -> bool:
            return await _statuses(client, "/api", 1) == [200]

        await until(is_let_in)


async def test_wrong_credentials_count_for_the_address_and_right_ones_do_not_suffer(
    services: Services, redis: ArqRedis
) -> None:
    path = "/api/whatsapp/connections"
    async with api(services, redis, rate_limit_max_requests=4) as client:
        assert await _statuses(client, path, 2, X_Api_Key="no key of ours") == [401] * 2
        assert await _statuses(client, path, 1, Authorization="Bearer nonsense") == [401]
        assert await _statuses(client, f"{path}/main/events", 1, X_Api_Key="nor this") == [401]
        assert await _statuses(client, path, 2, X_Api_Key="no key of ours") == [429] * 2
        known = await client.get(path, headers={"X-Api-Key": KEY})
        assert known.status == 200
        assert known.headers["RateLimit-Policy"] == '"api-key";q=60000;w=900'


async def test_each_api_key_has_a_limit_of_its_own(services: Services, redis: ArqRedis) -> None:
    path = "/api/whatsapp/connections"
    _, other = await services.keys.create(
        Grant("admin", "other", frozenset([Scope.READ])), utc_now()
    )
    async with api(services, redis, api_key_rate_limit_max_requests=3) as client:
        assert await _statuses(client, path, 4, X_Api_Key=KEY) == [200] * 3 + [429]
        assert await _statuses(client, path, 1, X_Api_Key=other) == [200]


async def test_a_person_may_look_at_pages_beyond_the_limit_of_programs(
    services: Services, redis: ArqRedis
) -> None:
    path = "/api/whatsapp/connections"
    async with api(services, redis, rate_limit_max_requests=3) as client:
        token = await _token(client)
        assert await _statuses(client, path, 4, Authorization=token) == [200] * 3 + [429]
        page = {"Authorization": token, "Sec_Fetch_Site": "same-origin"}
        assert await _statuses(client, path, 60, **page) == [200] * 60
        assert await _statuses(client, path, 1, **page) == [429]


async def test_health_and_documents_are_not_counted(services: Services, redis: ArqRedis) -> None:
    async with api(services, redis, rate_limit_max_requests=1) as client:
        assert await _statuses(client, "/api", 2) == [200, 429]
        for path in ("/health", "/health/live", "/health/ready", "/openapi.json", "/docs"):
            answer = await client.get(path)
            assert answer.status in (200, 503), path
            assert "RateLimit" not in answer.headers, path


async def test_strangers_behind_a_trusted_proxy_are_told_apart_by_network(
    services: Services, redis: ArqRedis
) -> None:
    async with api(
        services, redis, rate_limit_max_requests=1, trusted_proxies=(ip_network("127.0.0.1"),)
    ) as client:

        async def ask(address: str) -> int:
            return (await client.get("/api", headers={"X-Forwarded-For": address})).status

        assert [await ask("198.51.100.1"), await ask("198.51.100.1")] == [200, 429]
        assert await ask("198.51.100.2") == 200
        assert [await ask("2001:db8:0:1::1"), await ask("2001:db8:0:1:ff::2")] == [200, 429]
        assert await ask("2001:db8:0:2::1") == 200
    async with api(services, redis, rate_limit_max_requests=1) as client:
        spoofed = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in (3, 4)]
        assert [(await client.get("/api", headers=each)).status for each in spoofed] == [200, 429]


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
async def own_redis(port: int) -> AsyncIterator[tuple[ArqRedis, Popen[bytes]]]:
    """Run a Redis for one test, which may strike it."""
    with _redis_server(port) as server:
        async with open_redis(f"redis://127.0.0.1:{port}/0", PATIENCE) as redis:
            yield redis, server


class Later:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def hang(server: Popen[bytes]) -> None:
    """Let a server answer nothing any more."""
    server.send_signal(SIGSTOP)


def kill(server: Popen[bytes]) -> None:
    """End a server at once."""
    server.kill()
    server.wait(30)


@pytest.mark.parametrize("strike", [kill, hang], ids=["killed", "hung"])
async def test_while_redis_is_away_this_process_counts_and_that_is_said_once(
    services: Services, strike: Callable[[Popen[bytes]], None]
) -> None:
    port, clock = free_port(), Later()
    async with own_redis(port) as (redis, server), AsyncExitStack() as stack:
        bounded = BoundedRedis(timedelta(milliseconds=200), clock)
        client = await stack.enter_async_context(
            api(services, redis, bounded, rate_limit_max_requests=3, rate_limit_window_ms=DAY_MS)
        )
        # What was let through before Redis went away counts on.
        assert await _statuses(client, "/api", 1) == [200]
        strike(server)
        with logged("WARNING") as lines:
            for expected in ([200, 200], [429, 429], [429, 429]):
                clock.now += 60
                assert await _statuses(client, "/api", 2) == expected
            known = [
                await client.get("/api/whatsapp/connections", headers={"X-Api-Key": KEY})
                for _ in range(2)
            ]
        assert [answer.status for answer in known] == [200, 200]
        assert [line for line in lines if "counts by itself" in line] == lines[:1]


async def test_after_redis_was_away_all_processes_count_together_again(redis: ArqRedis) -> None:
    port, rule = free_port(), Rule("shared", 3, timedelta(days=1))
    async with AsyncExitStack() as stack:
        own, server = await stack.enter_async_context(own_redis(port))
        clock = Later()
        here, there = (
            Limiter(own, BoundedRedis(timedelta(milliseconds=200), clock)),
            Limiter(own, BoundedRedis(PATIENCE)),
        )
        hang(server)
        assert (await here.charge(rule, "somebody")).allowed
        server.send_signal(SIGCONT)
        for _ in range(2):
            assert (await there.charge(rule, "somebody")).allowed

        async def is_together() -> bool:
            clock.now += 60
            return (await here.charge(rule, "anybody")).allowed

        await until(is_together)
        clock.now += 60
        assert (await here.charge(rule, "somebody")).allowed
        assert not (await here.charge(rule, "somebody")).allowed
        assert not (await there.charge(rule, "somebody")).allowed


async def test_requests_that_come_together_are_counted_one_by_one(redis: ArqRedis) -> None:
    limiter, rule = Limiter(redis, BoundedRedis(PATIENCE)), Rule("burst", 5, timedelta(minutes=1))
    callers = [f"caller {number}" for number in range(40)]
    standings = await asyncio.gather(
        *(limiter.charge(rule, who) for _ in range(8) for who in callers)
    )
    for own in (standings[number :: len(callers)] for number in range(len(callers))):
        told = [(each.allowed, each.remaining) for each in own if each is not None]
        assert told == [*((True, left) for left in (4, 3, 2, 1, 0)), *[(False, 0)] * 3]


async def test_many_requests_that_come_together_cost_redis_a_few_calls(redis: ArqRedis) -> None:
    limiter, rule = Limiter(redis, BoundedRedis(PATIENCE)), Rule("busy", 1000, timedelta(minutes=1))
    await limiter.charge(rule, "somebody")  # the library loads its scripts
    before = await _commands(redis)
    standings = await asyncio.gather(*(limiter.charge(rule, "somebody") for _ in range(200)))
    assert [each.remaining for each in standings] == [*range(998, 798, -1)]
    assert await _commands(redis) - before < 100


async def _commands(redis: ArqRedis) -> int:
    return int((await redis.info("stats"))["total_commands_processed"])
