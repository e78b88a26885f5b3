"""Requests that wait: for no longer than the server serves and the client listens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.http.transport import ApiRunner
from control_api.services import Services
from sessions.connections.states import ConnectionState, Reason
from sessions.recipients.number_checks import ANSWERED_WITHIN
from tests.builders import Stores
from tests.integration.conftest import KEY
from tests.waiting import until

MAIN = "/api/whatsapp/connections/main"
NUMBER = f"{MAIN}/numbers/+972501234567"


async def _starting(stores: Stores) -> None:
    await stores.connection()


async def _awaiting_scan(stores: Stores) -> None:
    _, lease = await stores.leased()
    await stores.connections.move(
        lease, ConnectionState.STARTING, ConnectionState.AWAITING_SCAN, Reason.QR_SHOWN
    )


async def _connected(stores: Stores) -> None:
    _, lease = await stores.leased()
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.CONNECTED, None)


@pytest.mark.parametrize(
    ("state", "method", "path", "body", "code"),
    [
        (_starting, "GET", f"{MAIN}/qr?wait=60", None, "no_qr_code"),
        (
            _awaiting_scan,
            "POST",
            f"{MAIN}/pairing-code",
            {"phoneNumber": "+972501234567"},
            "no_pairing_code",
        ),
        (_connected, "GET", NUMBER, None, "number_check_timed_out"),
    ],
)
async def test_the_servers_end_is_not_held_up(
    services: Services,
    stores: Stores,
    state: Callable[[Stores], Awaitable[None]],
    method: str,
    path: str,
    body: Any,
    code: str,
) -> None:
    await state(stores)
    server = TestServer(build_app(services, upkeep=False))
    async with TestClient(server, headers={"X-Api-Key": KEY}) as client:
        waiting = asyncio.ensure_future(client.request(method, path, json=body))
        await until(lambda: _is_asked(stores))
        await client.app.shutdown()
        async with asyncio.timeout(ANSWERED_WITHIN.total_seconds() / 2):
            assert (await (await waiting).json())["code"] == code


async def _is_asked(stores: Stores) -> bool:
    wishes = {"$or": [{"qrAskedAt": {"$exists": True}}, {"pairing": {"$exists": True}}]}
    asked = await stores.database["connections"].find_one(wishes)
    return asked is not None or await _questions(stores) > 0


async def _questions(stores: Stores) -> int:
    return await stores.database["numberChecks"].count_documents({})


async def test_a_client_that_has_gone_is_asked_for_no_longer(
    services: Services, stores: Stores
) -> None:
    await _connected(stores)

    async def withdrawn() -> bool:
        return await _questions(stores) == 0

    # As the program serves: aiohttp's server for tests would cancel the handler.
    runner = ApiRunner(build_app(services, upkeep=False), services.settings.keepalive_timeout)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}{NUMBER}"
        async with ClientSession(headers={"X-Api-Key": KEY}) as session:
            asking = asyncio.ensure_future(session.get(url))
            await until(lambda: _is_asked(stores))
            asking.cancel()
            await until(withdrawn, within=ANSWERED_WITHIN / 2)
    finally:
        await runner.cleanup()
