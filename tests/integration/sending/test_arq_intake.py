"""The arq intake on the real Redis: a job makes one message, a bad one makes a recorded failure."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from arq import Retry
from arq.constants import job_key_prefix

from chatgrow_worker.intake.arq_consumer import Command, Intake
from chatgrow_worker.intake.send_message import RefuseJob, SendMessage
from chatgrow_worker.settings import WorkerSettings
from chatgrow_worker.wiring import build_intake
from sessions.common.clock import utc_now
from sessions.embedded import ServerUris
from sessions.messages.acceptance import Acceptance
from sessions.messages.idempotency import IdempotencyStore, Ticket
from sessions.messages.media_intake import MediaIntake
from sessions.messages.quotas import QueueQuota
from sessions.messages.referred import ReferredMessages
from sessions.messages.search import MessageFilter, MessageSearch
from sessions.metrics import ProcessMetrics
from sessions.queue.doorbell import SHARED_QUEUE, Doorbell, Job
from sessions.queue.intake_failures import IntakeFailures
from tests.builders import LONG, PLAIN, Stores
from tests.integration.pageless import NoPages, PagelessWorker
from tests.logged import logged
from tests.refusing_mongo import refusing
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

SOON = timedelta(milliseconds=20)
GOOD = {"connectionId": "main", "to": "+972501234567", "message": "שלום"}


@pytest.fixture
async def intake(redis: ArqRedis, servers: ServerUris, stores: Stores) -> AsyncIterator[None]:
    async with _intake(redis, servers, stores):
        yield


@asynccontextmanager
async def _intake(redis: ArqRedis, servers: ServerUris, stores: Stores) -> AsyncIterator[None]:
    await stores.connection()
    commands: dict[str, Command] = {Job.SEND_MESSAGE: _send_message(redis, stores)}
    refuse = RefuseJob(IntakeFailures(stores.database, utc_now))
    intake = Intake(SHARED_QUEUE, commands, servers.redis, SOON, SOON, refuse)
    stop = asyncio.Event()
    listening = asyncio.create_task(intake.listen(stop))
    yield
    stop.set()
    await listening


def _send_message(redis: ArqRedis, stores: Stores) -> SendMessage:
    keys = IdempotencyStore(stores.database, PLAIN)
    acceptance = Acceptance(
        stores.outbox,
        keys,
        Doorbell(redis),
        ProcessMetrics(),
        utc_now,
        QueueQuota(stores.database, 1000),
        PLAIN,
        MediaIntake(stores.media),
        ReferredMessages(stores.database),
    )
    return SendMessage(acceptance, IntakeFailures(stores.database, utc_now))


async def _enqueue(redis: ArqRedis, *args: Any, job: str, **named: Any) -> None:
    await redis.enqueue_job("send_message", *args, _queue_name=SHARED_QUEUE, _job_id=job, **named)


async def _ended(redis: ArqRedis) -> None:
    """Wait until no job is left: what one still did would fall on the next test."""

    async def gone() -> bool:
        return int(await redis.zcard(SHARED_QUEUE)) == 0

    await until(gone)


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
        await _ended(redis)
        await _settled(stores, 1, 0)
    await _enqueue(redis, GOOD, job="order-18")
    await _ended(redis)
    await _settled(stores, 2, 0)
    (first, _), _ = await MessageSearch(stores.database).page(
        MessageFilter(owner="admin"), None, 10
    )
    assert (first.text, first.to) == ("שלום", "972501234567@c.us")


@pytest.mark.parametrize(
    ("body", "named", "reason"),
    [
        (GOOD | {"to": "12"}, {}, "to: A phone number with its country code has"),
        ({"connectionId": "main", "to": "+972501234567"}, {}, "message: This field is required."),
        (GOOD | {"connectionId": "none"}, {}, "no connection"),
        (GOOD | {"colour": "red"}, {}, "colour:"),
        ("text", {}, "body:"),
        (None, {}, "body:"),
        (GOOD, {"priority": "high"}, "unknown arguments: priority"),
        (GOOD, {"owner": "somebody else"}, "no connection"),
        (GOOD, {"owner": []}, "owner:"),
        (GOOD, {"owner": {"$gt": ""}}, "owner:"),
        (GOOD, {"owner": None}, "owner:"),
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
    await _ended(redis)


@pytest.mark.parametrize(
    ("command", "collection", "how"),
    [
        ("insert", "messages", {"errorCode": 14031}),
        ("findAndModify", "connections", {"errorCode": 8000}),
        ("aggregate", "connections", {"errorCode": 13}),
        ("insert", "idempotencyKeys", {"writeConcernError": {"code": 64, "errmsg": "too late"}}),
    ],
    ids=["disk full", "over quota", "not authorised", "no majority"],
)
async def test_a_job_that_mongodb_refuses_is_tried_again(
    redis: ArqRedis,
    servers: ServerUris,
    stores: Stores,
    command: str,
    collection: str,
    how: dict[str, Any],
) -> None:
    async with (
        _intake(redis, servers, stores),
        refusing(stores.database, command, collection, times=1, **how),
    ):
        await _enqueue(redis, GOOD, job="order-17")
        await _ended(redis)
        await _settled(stores, 1, 0)


async def test_each_further_try_waits_longer(redis: ArqRedis, stores: Stores) -> None:
    await stores.connection()
    send_message, waits = _send_message(redis, stores), []
    async with refusing(stores.database, "insert", "messages", errorCode=14031):
        for tried in (1, 2, 100, 1000):
            with pytest.raises(Retry) as retry:
                await send_message({"job_id": "order-17", "job_try": tried}, GOOD)
            waits.append(retry.value.defer_score)
    assert waits == [2_000, 4_000, 100_000, 100_000]


async def test_a_job_with_too_many_arguments_is_recorded(
    intake: None, redis: ArqRedis, stores: Stores
) -> None:
    await _enqueue(redis, GOOD, "admin", "high", job="bad")
    await _ended(redis)
    await _settled(stores, 0, 1)


@pytest.mark.parametrize(
    "written",
    [
        pickle.dumps({"t": None, "f": "send_message", "a": (GOOD,), "k": {}, "et": 0}),
        b"[" * 100_000,
        b"{}",
        b'{"t": null, "f": "send_message", "a": 7, "k": {}, "et": 0}',
        json.dumps({"t": None, "f": "send", "a": [GOOD], "k": {}, "et": 0}).encode(),
    ],
    ids=["pickled", "no JSON", "no job", "no arguments", "no such function"],
)
async def test_a_job_that_arq_would_drop_without_a_trace_is_recorded(
    intake: None, redis: ArqRedis, stores: Stores, written: bytes
) -> None:
    await redis.set(f"{job_key_prefix}bad", written)
    await redis.zadd(SHARED_QUEUE, {"bad": 1})
    await _settled(stores, 0, 1)
    await _ended(redis)


async def test_a_refusal_that_cannot_be_recorded_is_tried_again(stores: Stores) -> None:
    refuse = RefuseJob(IntakeFailures(stores.database, utc_now))
    async with refusing(stores.database, "update", "intakeFailures", times=1, errorCode=14031):
        with pytest.raises(Retry):
            await refuse("bad", "no such function")
    await refuse("bad", "no such function")
    assert await stores.database["intakeFailures"].count_documents({}) == 1


class _BrokenKeys(IdempotencyStore):
    async def ticket(self, *_: object) -> Ticket:
        raise RuntimeError("broken")


async def test_what_nobody_expected_is_recorded(redis: ArqRedis, stores: Stores) -> None:
    await stores.connection()
    good = _send_message(redis, stores)
    acceptance = replace(good.acceptance, keys=_BrokenKeys(stores.database, PLAIN))
    with logged("ERROR") as lines:
        await replace(good, acceptance=acceptance)({"job_id": "order-17"}, GOOD)
    kept = await stores.database["intakeFailures"].find_one({"_id": "order-17"})
    assert kept is not None
    assert kept["reason"] == "it failed on our side (RuntimeError)"
    assert any("order-17" in line for line in lines)


async def test_a_job_that_takes_too_long_is_tried_again(redis: ArqRedis, stores: Stores) -> None:
    await stores.connection()
    slow = {"blockConnection": True, "blockTimeMS": 2_000}
    send_message = replace(_send_message(redis, stores), within=SOON)
    async with refusing(stores.database, "findAndModify", "connections", times=1, **slow):
        with pytest.raises(Retry):
            await send_message({"job_id": "order-17"}, GOOD)
    await replace(send_message, within=LONG)({"job_id": "order-17"}, GOOD)
    assert await stores.database["messages"].count_documents({}) == 1


@pytest.mark.parametrize(
    ("setting", "environment", "taken"),
    [
        (None, "development", True),
        (None, "production", False),
        (True, "production", True),
        (False, "development", False),
    ],
)
async def test_in_production_jobs_are_taken_only_where_that_was_set(
    worker: PagelessWorker[NoPages],
    tmp_path: Path,
    setting: bool | None,
    environment: Literal["development", "production"],
    taken: bool,
) -> None:
    stores = worker.stores
    await stores.connection()
    worker.parts.settings = WorkerSettings(
        _env_file=None, data_dir=tmp_path, app_env=environment, arq_intake=setting
    )
    send_message = await build_intake(worker.parts)
    await send_message({"job_id": "order-17"}, GOOD, owner="admin")
    assert await stores.database["messages"].count_documents({}) == int(taken)
    failed = await stores.database["intakeFailures"].find_one({"_id": "order-17"})
    assert (failed is None) is taken
    if failed:
        assert "ARQ_INTAKE" in failed["reason"]


async def test_a_ring_is_heard_at_once_however_seldom_it_polls(
    redis: ArqRedis, servers: ServerUris, stores: Stores
) -> None:
    heard: list[str] = []

    async def start(_ctx: object, connection: str) -> None:
        heard.append(connection)

    commands: dict[str, Command] = {Job.START_CONNECTION: start}
    refuse = RefuseJob(IntakeFailures(stores.database, utc_now))
    intake = Intake(SHARED_QUEUE, commands, servers.redis, timedelta(hours=1), SOON, refuse)
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
