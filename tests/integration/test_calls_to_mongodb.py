"""What a message costs MongoDB: so many calls and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.background import run_background
from control_api.services import Services
from sessions.accounts.api_keys import Grant
from sessions.common.clock import utc_now
from tests.builders import Stores
from tests.seen_commands import SeenCommands, noting

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.embedded import ServerUris
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

SEND = "/api/whatsapp/send"
BODY = {"connectionId": "main", "to": "+972501234567", "message": "Hello"}
_QUOTA = ("find connections", "aggregate messages")
"""What counts an owner's messages that wait, every two seconds at most and not for each message."""


@pytest.fixture
async def noted(
    database: Database, servers: ServerUris
) -> AsyncIterator[tuple[Database, SeenCommands]]:
    async with noting(database, servers.mongo) as noted:
        yield noted


async def test_an_accepted_message_costs_three_calls(
    noted: tuple[Database, SeenCommands],
    stores: Stores,
    redis: ArqRedis,
    api_settings: ApiSettings,
) -> None:
    database, seen = noted
    services = await Services.open(database, redis, stores.events, api_settings, utc_now)
    user = await services.users.create("dana@example.com", "Dana", "a hash", utc_now())
    _, key = await services.keys.create(Grant(user.id, "a backend"), utc_now())
    await stores.connection(owner=user.id)
    app = build_app(services)
    app.cleanup_ctx.remove(run_background)  # what it asks is not for this message
    async with TestClient(TestServer(app), headers={"X-Api-Key": key}) as client:
        seen.all.clear()
        async with client.post(SEND, json=BODY) as answer:
            assert answer.status == 202
    assert [each for each in seen.names() if each not in _QUOTA] == [
        "aggregate apiKeys",
        "findAndModify connections",
        "insert messages",
    ]
