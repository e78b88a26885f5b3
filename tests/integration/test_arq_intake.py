"""The arq intake on the real Redis: a job makes one message, a bad one makes a recorded failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chatgrow_worker.commands.intake import Command, Intake
from chatgrow_worker.commands.send_message import SendMessage
from sessions.acceptance import Acceptance
from sessions.clock import utc_now
from sessions.doorbell import SHARED_QUEUE, Doorbell, Job, redis_settings
from sessions.embedded import ServerUris
from sessions.idempotency import IdempotencyStore
from sessions.intake_failures import IntakeFailures
from sessions.message_search import MessageFilter, MessageSearch
from sessions.metrics import ProcessMetrics
from tests.builders import Stores
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

SOON = timedelta(milliseconds=20)
GOOD = {"connectionId": "main", "to": "+972501234567", "message": "שלום"}


@pytest.fixture
async def intake(redis: ArqRedis, servers: ServerUris, stores: Stores) -> AsyncIterator[None]:
    await stores.connection()
    keys = IdempotencyStore(stores.database)
    acceptance = Acceptance(
        stores.connections, stores.outbox, keys, Doorbell(redis), ProcessMetrics(), utc_now
    )
    send_message = SendMessage(acceptance, IntakeFailures(stores.database, utc_now))
    settings = redis_settings(servers.redis)
    intake = Intake(SHARED_QUEUE, {Job.SEND_MESSAGE: send_message}, settings, SOON, SOON)
    stop = asyncio.Event()
    listening = asyncio.create_task(intake.listen(stop))
    yield
    stop.set()
    await listening


async def _enqueue(redis: ArqRedis, *args: Any, job: str, **named: Any) -> None:
    await redis.enqueue_job("send_message", *args, _queue_name=SHARED_QUEUE, _job_id=job, **named)


async def _settled(stores: Stores, messages: int, failures: int) -> None:
    async def there() -> bool:
        counts = [
            await stores.database[name].count_documents({})
            for name in ("messages", "intakeFailures")
        ]
        return counts == [messages, failures]

    await until(there)


async def test_a_job_makes_one_message_however_often_it_runs(
    intake: None, redis: ArqRedis, stores: Stores
) -> None:
    for _ in range(2):
        await _enqueue(redis, GOOD, job="order-17")
        await _settled(stores, 1, 0)
    await _enqueue(redis, GOOD, job="order-18")
    await _settled(stores, 2, 0)
    (first, _), _ = await MessageSearch(stores.database).page(
        MessageFilter(owner="admin"), None, 10
    )
    assert (first.text, first.to) == ("שלום", "972501234567@c.us")


@pytest.mark.parametrize(
    ("body", "named", "reason"),
    [
        (GOOD | {"to": "12"}, {}, "to:"),
        (GOOD | {"connectionId": "none"}, {}, "no connection"),
        (GOOD | {"colour": "red"}, {}, "colour:"),
        ("text", {}, "body:"),
        (None, {}, "body:"),
        (GOOD, {"priority": "high"}, "unknown arguments: priority"),
        (GOOD, {"owner": "somebody else"}, "no connection"),
    ],
)
async def test_a_bad_job_ends_as_a_recorded_failure(
    intake: None,
    redis: ArqRedis,
    stores: Stores,
    body: object,
    named: dict[str, Any],
    reason: str,
) -> None:
    await _enqueue(redis, body, job="bad", **named)
    await _settled(stores, 0, 1)
    kept = await stores.database["intakeFailures"].find_one({"_id": "bad"})
    assert kept is not None
    assert reason in kept["reason"]
    assert "שלום" not in kept["reason"]

    async def gone() -> bool:
        return int(await redis.zcard(SHARED_QUEUE)) == 0

    await until(gone)


async def test_a_ring_is_heard_at_once_however_seldom_it_polls(
    redis: ArqRedis, servers: ServerUris
) -> None:
    heard: list[str] = []

    async def start(_ctx: object, connection: str) -> None:
        heard.append(connection)

    settings = redis_settings(servers.redis)
    commands: dict[str, Command] = {Job.START_CONNECTION: start}
    intake = Intake(SHARED_QUEUE, commands, settings, timedelta(hours=1), SOON)
    stop = asyncio.Event()
    listening = asyncio.create_task(intake.listen(stop))

    async def listens() -> bool:
        return bool(await redis.pubsub_numsub(SHARED_QUEUE) == [(SHARED_QUEUE.encode(), 1)])

    await until(listens)
    bell = Doorbell(redis)
    await bell.start_connection("one")
    await until(lambda: heard == ["one"])
    await bell.start_connection("two")
    await until(lambda: heard == ["one", "two"])
    stop.set()
    await listening
