"""Each pairing code alerts a phone: how many may be asked for, by number and by connection."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp.test_utils import TestClient, TestServer
from arq.connections import ArqRedis

from control_api.app import build_app
from control_api.rate_limits.bounded_redis import BoundedRedis
from control_api.services import Services
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.linking import LinkingRequests
from sessions.connections.states import ConnectionState, Reason
from tests.builders import Stores
from tests.integration.conftest import KEY, limited_by

if TYPE_CHECKING:
    from aiohttp import web

    Client = TestClient[web.Request, web.Application]

# Of the machine that runs the tests, not of what they show.
PATIENCE = timedelta(seconds=20)
PHONE = "+972501111111"
_LOOK_EVERY = timedelta(milliseconds=10)


class Worker:
    """Answers wishes for codes as WhatsApp does: a code that still works is given again."""

    def __init__(self, requests: LinkingRequests) -> None:
        self._requests = requests
        self._codes: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def let_codes_run_out(self) -> None:
        """Give another code to whoever asks from now on."""
        self._codes.clear()

    async def serve(self, lease: Lease) -> None:
        """Answer what is asked for a connection."""
        while True:
            wish = await self._requests.pairing(lease.connection)
            if wish is not None and wish.code is None:
                code = self._codes.setdefault(wish.phone, f"CODE{next(self._numbers):04}")
                until = utc_now() + timedelta(minutes=3)
                answer = wish.model_copy(update={"code": code, "expires_at": until})
                await self._requests.answer_pairing(lease, answer)
            await asyncio.sleep(_LOOK_EVERY.total_seconds())


@asynccontextmanager
async def linking(
    services: Services, stores: Stores, *names: str
) -> AsyncIterator[tuple[Client, Worker]]:
    """Serve the API with connections that wait for a phone."""
    worker, serving = Worker(services.linking), []
    for name in names:
        connection = await stores.connection(name)
        lease = await stores.leases().acquire(connection.id)
        assert lease is not None
        await stores.connections.move(
            lease, ConnectionState.STARTING, ConnectionState.AWAITING_SCAN, Reason.QR_SHOWN
        )
        serving.append(asyncio.create_task(worker.serve(lease)))
    async with TestClient(TestServer(build_app(services))) as client:
        yield client, worker
    for task in serving:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _by_key(client: Client, name: str, phone: str = PHONE) -> int:
    path = f"/api/whatsapp/connections/{name}/pairing-code"
    headers = {"X-Api-Key": KEY}
    async with client.post(path, json={"phoneNumber": phone}, headers=headers) as answer:
        told = await answer.json()
        if answer.status == 429:
            assert told["code"] == "rate_limited"
            assert answer.headers["Retry-After"] == str(told["retryAfterSeconds"])
            assert 1 <= told["retryAfterSeconds"] <= 900
        return answer.status


async def _by_link(client: Client, name: str, phone: str = PHONE) -> int:
    path = f"/api/whatsapp/connections/{name}/qr-link"
    made = await (await client.post(path, headers={"X-Api-Key": KEY})).json()
    shown = {"X-Link-Token": urlsplit(made["url"]).fragment}
    asked = await client.post("/link/pairing-code", json={"phoneNumber": phone}, headers=shown)
    return asked.status


async def test_a_phone_is_alerted_five_times_whoever_asks(
    services: Services, stores: Stores, redis: ArqRedis
) -> None:
    async with linking(services, stores, "one", "two") as (client, worker):
        for ask in (_by_link, _by_key, _by_link, _by_key, _by_link):
            worker.let_codes_run_out()
            assert await ask(client, "one") == 200
        assert await _by_key(client, "two") == 429
        assert await _by_link(client, "two") == 429
        assert await _by_key(client, "one", "+972502222222") == 200
        assert PHONE[1:] not in str([await redis.keys("*")])


async def test_a_connection_alerts_ten_phones(services: Services, stores: Stores) -> None:
    phones = [f"+9725022222{number:02}" for number in range(11)]
    async with linking(services, stores, "one", "two") as (client, _):
        statuses = [await _by_key(client, "one", phone) for phone in phones]
        assert statuses == [200] * 10 + [429]
        assert await _by_key(client, "two", phones[-1]) == 200


async def test_who_tries_numbers_learns_of_few_that_are_linked_here(
    services: Services, stores: Stores
) -> None:
    phones = [f"+9725022222{number:02}" for number in range(12)]
    async with linking(services, stores, "one", "linked") as (client, _):
        await stores.database["connections"].update_one(
            {"connectionId": "linked"}, {"$set": {"linkedNumber": phones[-1], "linked": True}}
        )
        assert await _by_key(client, "one", phones[-1]) == 409
        assert [await _by_key(client, "one", phone) for phone in phones[:9]] == [200] * 9
        assert [await _by_key(client, "one", phone) for phone in phones[-2:]] == [429] * 2


async def test_who_may_not_see_a_connection_is_not_told_that_it_has_a_number(
    services: Services, stores: Stores
) -> None:
    async with linking(services, stores, "one", "linked") as (client, _):
        await stores.database["connections"].update_one(
            {"connectionId": "linked"}, {"$set": {"linkedNumber": PHONE, "linked": True}}
        )
        wish = {"name": "one only", "scopes": ["manage"], "connectionIds": ["one"]}
        made = await client.post("/api/api-keys", json=wish, headers={"X-Api-Key": KEY})
        for key, named in ((KEY, "linked"), ((await made.json())["key"], None)):
            asked = await client.post(
                "/api/whatsapp/connections/one/pairing-code",
                json={"phoneNumber": PHONE},
                headers={"X-Api-Key": key},
            )
            told = await asked.json()
            assert (told["code"], told.get("connectionId")) == ("number_already_linked", named)


async def test_a_code_that_still_works_alerts_nobody_and_is_not_counted(
    services: Services, stores: Stores
) -> None:
    async with linking(services, stores, "one") as (client, _):
        assert [await _by_key(client, "one") for _ in range(12)] == [200] * 12


async def test_a_code_that_still_works_is_given_again_though_no_other_would_be(
    services: Services, stores: Stores
) -> None:
    async with linking(services, stores, "one", "two") as (client, worker):
        for _ in range(5):
            worker.let_codes_run_out()
            assert await _by_key(client, "one") == 200
        assert await _by_key(client, "one") == 200
        assert await _by_key(client, "two") == 429
        assert await _by_link(client, "one") == 200


async def test_while_redis_is_away_a_phone_is_alerted_five_times(
    services: Services, stores: Stores
) -> None:
    away = limited_by(services, ArqRedis(host="127.0.0.1", port=1), BoundedRedis())
    async with linking(away, stores, "one", "two") as (client, worker):
        for _ in range(5):
            worker.let_codes_run_out()
            assert await _by_key(client, "one") == 200
        assert await _by_key(client, "two") == 429
