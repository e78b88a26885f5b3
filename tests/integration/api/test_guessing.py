"""Guessing passwords: bounded for each account and network, and nobody's owner is locked out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from subprocess import Popen
from typing import TYPE_CHECKING, Any

import bcrypt
import pytest
from aiohttp import DummyCookieJar
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from control_api.app import build_app
from control_api.credentials.passwords import Passwords
from control_api.http.client_address import Client as Machine
from control_api.http.problems import TooManyAttemptsError
from control_api.rate_limits.bounded_redis import BoundedRedis
from control_api.rate_limits.growing_delay import GrowingDelay, Growth
from control_api.services import Services
from tests.conftest import PATIENCE
from tests.integration.api.test_limits import hang, kill, own_redis
from tests.integration.conftest import KEY, limited_by
from tests.integration.services import services_with
from tests.ports import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    Client = TestClient[web.Request, web.Application]

PASSWORD = "correct horse battery staple"
WRONG_PASSWORD = "another long password"
DANA = {"email": "dana@example.com", "password": PASSWORD, "name": "Dana"}
HOUR = timedelta(hours=1)
# As in production, but so that no test waits for it or is too slow for it.
GROWTH = Growth("test", free=5, first=HOUR, longest=HOUR, kept=timedelta(days=1))


@asynccontextmanager
async def api(services: Services, **settings: object) -> AsyncIterator[Client]:
    """Serve the API behind a proxy to clients that keep no cookies; requests are not limited."""
    also = {"trusted_proxies": (ip_network("127.0.0.1"),), "rate_limit_max_requests": 100_000}
    changed = services.settings.model_copy(update=also | settings)
    app = build_app(services_with(services, settings=changed), upkeep=False)
    async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:
        yield client


@pytest.fixture
def services(services: Services, redis: ArqRedis) -> Services:
    """Give a test services whose delay it need not wait for."""
    return limited_by(services, redis, BoundedRedis(PATIENCE), GROWTH)


@pytest.fixture
async def guarded(services: Services) -> AsyncIterator[Client]:
    """Serve the API with one administrator, Dana."""
    async with api(services) as client:
        await _register(client)
        yield client


async def _register(client: Client) -> str:
    """Register Dana; return the cookie of the device that she did it on."""
    answer = await client.post("/api/auth/register", json=DANA | {"setupToken": KEY})
    assert answer.status == 201
    return answer.cookies["device"].value


async def _log_in(
    client: Client,
    password: str = WRONG_PASSWORD,
    address: str = "198.51.100.1",
    email: str = "dana@example.com",
    device: str = "",
) -> tuple[int, str]:
    headers = {"X-Forwarded-For": address} | ({"Cookie": f"device={device}"} if device else {})
    body = {"email": email, "password": password}
    answer = await client.post("/api/auth/login", json=body, headers=headers)
    told: dict[str, Any] = await answer.json()
    if "retryAfterSeconds" in told:
        assert answer.headers["Retry-After"] == str(told["retryAfterSeconds"])
    return answer.status, told.get("code", "")


WRONG = (401, "invalid_credentials")
MANY = (429, "too_many_attempts")


async def test_an_account_and_a_network_have_five_tries(guarded: Client) -> None:
    for _ in range(2):  # a success forgets the failures before it
        assert [await _log_in(guarded) for _ in range(4)] == [WRONG] * 4
        assert await _log_in(guarded, PASSWORD) == (200, "")
    at_once = await asyncio.gather(*(_log_in(guarded) for _ in range(12)))
    assert sorted(at_once) == [WRONG] * 5 + [MANY] * 7
    assert await _log_in(guarded, PASSWORD, email="DANA@example.com ") == MANY


async def test_a_network_that_tries_many_accounts_has_twenty(guarded: Client) -> None:
    assert [await _log_in(guarded, PASSWORD) for _ in range(25)] == [(200, "")] * 25
    emails = [f"somebody{number}@example.com" for number in range(21)]
    tried = [await _log_in(guarded, email=email) for email in emails]
    assert tried == [WRONG] * 20 + [MANY]


async def test_a_header_of_the_clients_own_makes_no_other_network_of_it(guarded: Client) -> None:
    statuses = []
    for number in range(40):
        forged = {"X-Forwarded-For": "198.51.100.1", "Forwarded": f"for=203.0.113.{number}"}
        body = {"email": f"{number}@example.com", "password": WRONG_PASSWORD}
        statuses.append((await guarded.post("/api/auth/login", json=body, headers=forged)).status)
    assert statuses == [401] * 20 + [429] * 20


@pytest.mark.parametrize("address", ["2001:db8:0:{:x}::1", "198.51.100.{}", "2001:db8:{:x}::1"])
async def test_one_account_has_five_tries_from_however_many_networks(
    guarded: Client, address: str
) -> None:
    guesses = [_log_in(guarded, address=address.format(number)) for number in range(1, 61)]
    assert sorted(await asyncio.gather(*guesses)) == [WRONG] * 5 + [MANY] * 55
    # With the right password, too: who is refused learns nothing.
    assert await _log_in(guarded, PASSWORD, address=address.format(61)) == MANY
    assert await _log_in(guarded, email="noa@example.com", address=address.format(61)) == WRONG


async def test_one_site_has_sixty_tries_from_however_many_of_its_networks(
    guarded: Client,
) -> None:
    tried = [
        await _log_in(guarded, email=f"{number}@example.com", address=f"2001:db8:1:{number:x}::1")
        for number in range(61)
    ]
    assert tried == [WRONG] * 60 + [MANY]
    assert await _log_in(guarded, email="61@example.com", address="2001:db8:2::1") == WRONG


async def test_strangers_of_one_site_share_a_limit(services: Services) -> None:
    async with api(services, rate_limit_max_requests=2) as client:

        async def ask(address: str) -> int:
            return (await client.get("/api", headers={"X-Forwarded-For": address})).status

        asked = [await ask(f"2001:db8:1:{number:x}::1") for number in range(21)]
        assert asked == [200] * 20 + [429]
        assert await ask("2001:db8:2::1") == 200


async def test_the_owner_gets_in_on_a_device_that_is_known(services: Services) -> None:
    async with api(services, allow_registration=True) as client:
        device = await _register(client)
        for number in range(1, 9):
            await _log_in(client, address=f"198.51.100.{number}")
        elsewhere = {"address": "203.0.113.9"}
        assert await _log_in(client, PASSWORD, **elsewhere) == MANY
        assert await _log_in(client, PASSWORD, device=device, **elsewhere) == (200, "")
        assert await _log_in(client, PASSWORD, device=f"{device[:-4]}0000", **elsewhere) == MANY
        # A device is known to one account only.
        noa = {"email": "noa@example.com", "password": PASSWORD}
        made = await client.post("/api/auth/register", json=noa)
        hers = made.cookies["device"].value
        assert await _log_in(client, PASSWORD, device=hers, **elsewhere) == MANY


async def test_accounts_that_differ_in_one_letter_do_not_share_tries_or_devices(
    services: Services,
) -> None:
    # `ß` and `ss` are the same for `str.casefold`, but not for who stores users.
    async with api(services, allow_registration=True) as client:
        await _register(client)
        for email in ("strasse@example.com", "straße@example.com"):
            assert await _try_to_register(client, email) == (201, "")
        tried = [await _log_in(client, PASSWORD, email="straße@example.com") for _ in range(6)]
        assert tried == [WRONG] * 5 + [MANY]
        assert await _log_in(client, WRONG_PASSWORD, email="strasse@example.com") == (200, "")
        device = services.devices.token("strasse@example.com")
        assert services.devices.device("strasse@example.com", device) is not None
        assert services.devices.device("straße@example.com", device) is None


async def test_a_device_that_was_stolen_has_five_tries(guarded: Client, services: Services) -> None:
    device = services.devices.token("dana@example.com")
    addresses = [f"198.51.100.{number}" for number in range(1, 9)]
    tried = [await _log_in(guarded, device=device, address=each) for each in addresses]
    assert tried == [WRONG] * 5 + [MANY] * 3
    # They count for that device alone.
    assert await _log_in(guarded, PASSWORD, address="203.0.113.9") == (200, "")


async def test_the_dashboard_makes_a_device_known_too(guarded: Client) -> None:
    entered = await guarded.post(
        "/dashboard/sign-in",
        data={"email": DANA["email"], "password": PASSWORD},
        headers={"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"},
        allow_redirects=False,
    )
    cookie = entered.cookies["device"]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Strict")
    for number in range(1, 9):
        await _log_in(guarded, address=f"198.51.100.{number}")
    assert await _log_in(guarded, PASSWORD, device=cookie.value) == (200, "")


async def test_whether_there_is_an_account_is_not_told(guarded: Client) -> None:
    async def tried(email: str) -> list[tuple[int, str]]:
        many = [await _log_in(guarded, address=f"2001:db8::{n:x}", email=email) for n in range(4)]
        return many + [
            await _log_in(guarded, address=f"2001:db8:{number:x}::1", email=email)
            for number in range(1, 9)
        ]

    assert await tried("dana@example.com") == await tried("nobody@example.com")


async def _try_to_register(
    client: Client, email: str, address: str = "198.51.100.1"
) -> tuple[int, str]:
    body = {"email": email, "password": WRONG_PASSWORD}
    headers = {"X-Forwarded-For": address}
    answer = await client.post("/api/auth/register", json=body, headers=headers)
    return answer.status, (await answer.json()).get("code", "")


EXISTS = (409, "user_exists")


async def test_registering_an_account_again_counts_as_a_wrong_password_for_it(
    services: Services,
) -> None:
    async with api(services, allow_registration=True) as client:
        await _register(client)
        tried = [await _try_to_register(client, "dana@example.com") for _ in range(6)]
        assert tried == [EXISTS] * 5 + [MANY]
        assert await _log_in(client, PASSWORD) == MANY
        elsewhere = "203.0.113.9"
        assert await _try_to_register(client, "dana@example.com", elsewhere) == MANY
        assert await _try_to_register(client, "noa@example.com", elsewhere) == (201, "")


async def test_a_network_learns_of_twenty_addresses_whether_they_have_accounts(
    services: Services,
) -> None:
    async with api(services, allow_registration=True) as client:
        await _register(client)
        emails = [f"somebody{number}@example.com" for number in range(21)]
        for number, each in enumerate(emails):
            made = await _try_to_register(client, each, f"203.0.113.{number}")
            assert made == (201, "")
        tried = [await _try_to_register(client, each) for each in emails]
        assert tried == [EXISTS] * 20 + [MANY]
        assert await _log_in(client, email="nobody@example.com") == MANY


async def test_an_administrator_who_registers_an_account_again_is_only_told_so(
    client: Client, services: Services
) -> None:
    async with api(services) as guarded:
        await _register(guarded)
        for _ in range(6):
            body = {"email": DANA["email"], "password": PASSWORD}
            answer = await client.post("/api/auth/register", json=body)
            assert (answer.status, (await answer.json())["code"]) == EXISTS
        assert await _log_in(guarded, PASSWORD, "127.0.0.1") == (200, "")


async def test_an_error_of_ours_is_no_failed_attempt(services: Services) -> None:
    machine = Machine(ip_address("2001:db8::1"), "https")
    for _ in range(61):
        with pytest.raises(ZeroDivisionError):
            async with services.login_attempts.counted("dana", machine):
                raise ZeroDivisionError


async def test_a_try_counts_when_its_client_does_not_wait_for_the_answer(
    services: Services,
) -> None:
    machine = Machine(ip_address("2001:db8::1"), "https")

    async def leave() -> None:
        async with services.login_attempts.counted("dana", machine):
            raise asyncio.CancelledError

    for _ in range(5):
        with pytest.raises(asyncio.CancelledError):
            await leave()
    with pytest.raises(TooManyAttemptsError):
        await leave()


async def _guess(client: Client, number: int) -> tuple[int, str]:
    return await _log_in(client, email=f"somebody{number % 4}@example.com")


@pytest.mark.parametrize("strike", [None, hang, kill], ids=["well", "hung", "killed"])
async def test_of_400_guesses_100_at_a_time_none_is_uncounted(
    services: Services, strike: Callable[[Popen[bytes]], None] | None
) -> None:
    async with AsyncExitStack() as stack:
        redis, server = await stack.enter_async_context(own_redis(free_port()))
        # As in production: a Redis that takes longer than 200 ms counts as away.
        limited = limited_by(services, redis, BoundedRedis(), GROWTH)
        client = await stack.enter_async_context(api(limited))
        if strike is not None:
            strike(server)
        told: list[tuple[int, str]] = []
        for start in range(0, 400, 100):
            numbers = range(start, start + 100)
            told += await asyncio.gather(*(_guess(client, each) for each in numbers))
    # Five for each of four accounts, and twenty for the network.
    assert (told.count(WRONG), told.count(MANY)) == (20, 380)


class Later:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_the_delay_doubles_up_to_a_minute_and_is_forgotten_in_a_day() -> None:
    clock, away = Later(), Redis(host="127.0.0.1", port=1)
    growth = replace(GROWTH, first=timedelta(seconds=1), longest=timedelta(minutes=1))
    delay = GrowingDelay(away, BoundedRedis(), clock)  # type: ignore[arg-type]
    waits = []
    for _ in range(14):
        assert await delay.begin(growth, "dana") == 0
        waits.append(await delay.begin(growth, "dana"))
        clock.now += waits[-1]
        if not waits[-1]:
            await delay.give_back(growth, "dana")
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    clock.now += timedelta(days=1).total_seconds()
    assert [await delay.begin(growth, "dana") for _ in range(6)] == [0] * 5 + [1]
    await delay.forget(growth, "dana")
    assert await delay.begin(growth, "dana") == 0


async def test_all_processes_delay_together(redis: ArqRedis) -> None:
    here, there = (GrowingDelay(redis, BoundedRedis(PATIENCE)) for _ in range(2))
    growth = replace(GROWTH, longest=2 * HOUR)
    for number in range(5):
        assert await (here, there)[number % 2].begin(growth, "dana") == 0
    for each in (here, there):
        assert 3500 < await each.begin(growth, "dana") <= 3600
    await there.give_back(growth, "dana")
    # What began the delay was no try: there is one more. This process has seen that it is over.
    assert await there.begin(growth, "dana") == 0
    untyped: Any = redis
    await untyped.hset("chatgrow:delays:test:dana", "opens", 0)
    assert await there.begin(growth, "dana") == 0
    assert 7100 < await there.begin(growth, "dana") <= 7200
    assert 0 < await redis.ttl("chatgrow:delays:test:dana") <= 86_400
    await there.forget(growth, "dana")
    assert await there.begin(growth, "dana") == 0


async def test_few_passwords_are_checked_at_once_and_few_wait(
    services: Services, redis: ArqRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, running, most = threading.Event(), [0], [0]

    def check(*_: object) -> bool:
        running[0] += 1
        most[0] = max(most[0], running[0])
        release.wait(60)
        running[0] -= 1
        return False

    monkeypatch.setattr(bcrypt, "checkpw", check)
    growth = replace(GROWTH, first=timedelta(microseconds=1), longest=timedelta(microseconds=1))
    busy = limited_by(services, redis, BoundedRedis(PATIENCE), growth)
    busy = services_with(busy, passwords=Passwords(4, at_once=2, waiting=3))
    async with api(busy) as client:
        guesses = [
            asyncio.create_task(_log_in(client, address=f"198.51.100.{number}"))
            for number in range(12)
        ]

        def refused() -> bool:
            return sum(each.done() for each in guesses) == 7

        await until(refused)
        release.set()
        told = await asyncio.gather(*guesses)
        assert sorted(told) == [WRONG] * 5 + [(503, "too_busy")] * 7
        assert most[0] == 2
        # Nothing was done for them, so nothing was counted.
        assert await _log_in(client, address="198.51.100.1") == WRONG
