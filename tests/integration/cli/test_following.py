"""Events are followed, and a later command goes on where the last one ended."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from tests.command_line import CommandLine, Ran
from tests.integration.conftest import KEY
from tests.integration.event_api import event_api

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]


async def _send(client: Client) -> str:
    body = {"connectionId": "main", "to": "+972501234567", "message": "Hello"}
    async with client.post("/api/whatsapp/send", json=body) as accepted:
        return str((await accepted.json())["messageId"])


async def test_events_are_followed_and_gone_on_with(
    database: Database, redis: ArqRedis, api_settings: ApiSettings, tmp_path: Path
) -> None:
    async with event_api(database, redis, api_settings) as api:
        made = await api.client.post("/api/whatsapp/connections", json={"connectionId": "main"})
        assert made.status == 201
        await api.settled()
        environ = {
            "CHATGROW_URL": f"http://127.0.0.1:{api.client.port}",
            "CHATGROW_KEY": KEY,
        }
        shell = CommandLine(tmp_path, environ)
        follow = ("follow", "--resume", str(tmp_path / "last"), "--type", "message", "--json")

        async def followed(count: int) -> Ran:
            return await asyncio.to_thread(shell.run, *follow, "--count", str(count))

        first = asyncio.create_task(followed(1))
        sent: list[str] = []
        # What is sent before it follows is not told: send until something is.
        while not first.done():
            sent.append(await _send(api.client))
            await asyncio.wait({first}, timeout=0.2)
        (event,) = (await first).lines
        sent.append(await _send(api.client))
        missed = sent[sent.index(event["data"]["messageId"]) + 1 :]
        gone_on = await followed(len(missed))
        assert [each["data"]["messageId"] for each in gone_on.lines] == missed
