"""The list of connections with what waits in each and what each has sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp.test_utils import TestClient

from sessions.common.clock import utc_now

if TYPE_CHECKING:
    from aiohttp import web

    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

LIST = "/api/whatsapp/connections"


async def _send(client: Client, connection: str, count: int) -> None:
    for _ in range(count):
        body = {"connectionId": connection, "to": "+972501234567", "message": "hello"}
        assert (await client.post("/api/whatsapp/send", json=body)).status == 202


async def _list(client: Client, since: datetime | None = None) -> dict[str, Any]:
    params = {"sentSince": since.isoformat()} if since else {}
    answer = await client.get(LIST, params=params)
    assert answer.status == 200, await answer.text()
    return {each["connectionId"]: each for each in (await answer.json())["items"]}


async def test_each_connection_tells_what_waits_and_what_it_sent(
    client: Client, database: Database
) -> None:
    for name in ("busy", "idle"):
        await client.post(LIST, json={"connectionId": name})
    await _send(client, "busy", 3)
    oldest = await database["messages"].find_one({}, sort=[("queuedAt", 1)])
    assert oldest is not None
    now = utc_now()
    await database["messages"].update_one(
        {"_id": {"$ne": oldest["_id"]}}, {"$set": {"status": "read", "sentAt": now}}
    )
    listed = await _list(client, since=now - timedelta(hours=1))
    assert (listed["busy"]["queue"]["queued"], listed["busy"]["sent"]) == (2, 1)
    waits = datetime.fromisoformat(listed["busy"]["queue"]["oldestQueuedAt"])
    assert waits == oldest["queuedAt"]
    one = await client.get(
        f"{LIST}/busy", params={"sentSince": (now - timedelta(hours=1)).isoformat()}
    )
    assert await one.json() == listed["busy"]
    assert (listed["idle"]["queue"], listed["idle"]["sent"]) == ({"queued": 0}, 0)
    later = await _list(client, since=now + timedelta(minutes=1))
    assert later["busy"]["sent"] == 0
    assert "sent" not in (await _list(client))["busy"]


async def test_a_moment_without_its_zone_is_refused(client: Client) -> None:
    answer = await client.get(LIST, params={"sentSince": "2025-01-01T00:00:00"})
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["field"] == "sentSince"
