"""The queues over the last hours and the workers, as those who watch are told of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.services import Services
from sessions import __version__
from sessions.common.clock import utc_now
from sessions.connections.workers import WorkerRegistry
from sessions.messages.model import Message
from sessions.monitoring.queue_history import QueueHistory, Sample, in_steps
from tests.builders import Stores
from tests.integration.conftest import KEY, WITH_UPKEEP
from tests.logged import logged
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web

    Client = TestClient[web.Request, web.Application]

HISTORY = "/api/whatsapp/history"


def _minutes_ago(minutes: int) -> datetime:
    return utc_now().replace(second=0, microsecond=0) - timedelta(minutes=minutes)


async def _set(stores: Stores, message: Message, **fields: Any) -> None:
    await stores.database["messages"].update_one({"_id": message.id}, {"$set": fields})


async def test_a_damaged_record_does_not_take_the_api_from_everybody(
    stores: Stores, services: Services
) -> None:
    await services.history.prepare()
    damaged = await stores.connection()
    await stores.database["connections"].update_one(
        {"_id": damaged.id}, {"$set": {"pacing": "not a pace"}}
    )
    with logged("ERROR") as lines:
        async with TestClient(TestServer(build_app(services))) as client:
            await until(lambda: any("a record is damaged" in line for line in lines))
            assert (await client.get("/health/live")).status == 200


async def test_a_minute_tells_what_waits_and_what_left(
    client: Client, stores: Stores, services: Services
) -> None:
    connection = await stores.connection()
    minute = _minutes_ago(90)
    oldest = await stores.message(connection)
    later = await stores.message(connection)
    await _set(stores, oldest, dueAt=minute - timedelta(minutes=3))
    await _set(stores, later, dueAt=minute + timedelta(days=1))
    for at in (timedelta(seconds=-61), timedelta(seconds=-60), timedelta(seconds=-1)):
        sent = await stores.message(connection)
        # It was read since: its last change is no longer that of being sent.
        await _set(stores, sent, status="read", sentAt=minute + at, endedAt=utc_now())
    failed = await stores.message(connection)
    just_before = minute - timedelta(seconds=30)
    await _set(stores, failed, status="failed", failedAt=just_before, endedAt=just_before)
    await services.history.write_down(minute, await services.fleet.look(minute))

    query = f"?since={(minute - timedelta(minutes=1)).isoformat()}".replace("+00:00", "Z")
    told = await (await client.get(f"{HISTORY}{query}&stepMinutes=1")).json()
    assert told["stepSeconds"] == 60
    first = told["items"][0]
    assert datetime.fromisoformat(first.pop("at")) == minute
    assert first == {"queued": 2, "oldestSeconds": 180, "sent": 2, "failed": 1}


async def _person(stranger: Client, name: str, by: str = "") -> tuple[str, dict[str, str]]:
    """Register somebody; return who they are and the header that proves it."""
    body = {
        "email": f"{name}@example.com",
        "password": "correct horse battery staple",
        "setupToken": KEY,
    }
    answer = await stranger.post(
        "/api/auth/register", json=body, headers={"Authorization": by} if by else {}
    )
    made = await answer.json()
    assert answer.status == 201, made
    return made["user"]["id"], {"Authorization": f"Bearer {made['accessToken']}"}


async def test_everybody_sees_their_own_and_an_administrator_all(
    stranger: Client, stores: Stores, services: Services
) -> None:
    admin, as_admin = await _person(stranger, "dana")
    user, as_user = await _person(stranger, "noa", as_admin["Authorization"])
    for owner, messages in ((admin, 1), (user, 2)):
        own = await stores.connections.create(owner, "main", "Main", None, utc_now())
        for _ in range(messages):
            await stores.message(own)
    minute = _minutes_ago(70)
    await services.history.write_down(minute, await services.fleet.look(minute))

    async def queued(headers: dict[str, str], query: str = "") -> int:
        answer = await stranger.get(f"{HISTORY}?stepMinutes=60{query}", headers=headers)
        return int((await answer.json())["items"][0]["queued"])

    assert await queued(as_user) == 2
    assert await queued(as_admin) == 3
    assert await queued(as_admin, f"&owner={user}") == 2
    assert (await stranger.get("/api/workers", headers=as_admin)).status == 200
    assert (await stranger.get("/api/workers", headers=as_user)).status == 403
    assert (await stranger.get(HISTORY)).status == 401


async def test_of_many_processes_one_writes_a_minute_down(stores: Stores) -> None:
    processes = [QueueHistory(stores.database) for _ in range(10)]
    for each in processes:
        await each.prepare()
    claims = await asyncio.gather(*[each.claim() for each in processes])
    minutes = [each for each in claims if each is not None]
    assert minutes
    assert len(set(minutes)) == len(minutes)  # two, where a minute ends meanwhile
    assert {(each.second, each.microsecond) for each in minutes} == {(0, 0)}
    await stores.database["claims"].update_one({}, {"$set": {"minute": _minutes_ago(3)}})
    assert await processes[3].claim() is not None


@WITH_UPKEEP
async def test_the_history_is_written_while_the_api_serves(
    client: Client, services: Services
) -> None:
    await services.history.prepare()

    async def written() -> bool:
        return bool((await (await client.get(HISTORY)).json())["items"])

    # The first minute is written down at once.
    await until(written)


def test_a_step_shows_the_most_that_waited_and_all_that_left() -> None:
    start = datetime(2026, 1, 1, 10, 0, tzinfo=UTC)
    minutes = [
        Sample(start + timedelta(minutes=n), n % 4, timedelta(seconds=n), sent=1, failed=n % 2)
        for n in range(7)
    ]
    first, second = in_steps(minutes, timedelta(minutes=5))
    assert first == Sample(start, 3, timedelta(seconds=4), sent=5, failed=2)
    assert second == Sample(start + timedelta(minutes=5), 2, timedelta(seconds=6), 2, 1)


async def test_a_step_that_is_not_offered_is_refused(client: Client) -> None:
    for query in ("stepMinutes=7", "stepMinutes=x", "hours=49", "since=x"):
        assert (await client.get(f"{HISTORY}?{query}")).status == 422


async def test_workers_tell_their_load_until_long_after_they_died(
    client: Client, stores: Stores
) -> None:
    registry = WorkerRegistry(stores.database)
    for name, running in (("one", 3), ("two", 0), ("three", 1)):
        await registry.beat(name, f"instance of {name}", running, 10)
    await registry.beat("one", "instance of one", 4, 10)
    await registry.leave("three", "instance of three")
    silent = {"$set": {"seenAt": utc_now() - timedelta(seconds=16)}}
    await stores.database["workers"].update_one({"_id": "two"}, silent)
    one, two = (await (await client.get("/api/workers")).json())["items"]
    assert (one["worker"], one["alive"], one["running"], one["capacity"]) == ("one", True, 4, 10)
    assert one["version"] == __version__
    started, seen = (datetime.fromisoformat(one[f"{each}At"]) for each in ("started", "seen"))
    assert started < seen
    assert (two["worker"], two["alive"]) == ("two", False)
