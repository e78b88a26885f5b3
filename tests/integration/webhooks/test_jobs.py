"""The jobs by which workers are asked to deliver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from chatgrow_worker.intake.arq_consumer import Command, Intake
from sessions.common.clock import utc_now
from sessions.queue.doorbell import SHARED_QUEUE, Doorbell, Job
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.embedded import ServerUris

SOON = timedelta(milliseconds=50)


async def _refuse(job: str, reason: str) -> None:
    raise AssertionError(f"{job}: {reason}")


@asynccontextmanager
async def _taking(servers: ServerUris) -> AsyncIterator[list[str]]:
    """Take the jobs of the shared queue inside the block."""
    taken: list[str] = []

    async def deliver(_ctx: object, webhook: str) -> None:
        taken.append(webhook)

    commands: dict[str, Command] = {Job.DELIVER_WEBHOOK: deliver}
    intake = Intake(SHARED_QUEUE, commands, servers.redis, SOON, SOON, _refuse)
    stop = asyncio.Event()
    task = asyncio.create_task(intake.listen(stop))
    try:
        yield taken
    finally:
        stop.set()
        await task


async def test_a_webhook_is_delivered_once_for_many_rings(
    redis: ArqRedis, servers: ServerUris
) -> None:
    bell = Doorbell(redis)
    for _ in range(3):
        await bell.deliver_webhook("one")
    await bell.deliver_webhook("two")
    assert await redis.zcard(SHARED_QUEUE) == 2
    async with _taking(servers) as taken:
        await until(lambda: len(taken) == 2)
        await bell.deliver_webhook("one")
        await until(lambda: len(taken) == 3)
    assert sorted(taken) == ["one", "one", "two"]


async def test_a_later_try_does_not_hide_one_for_now(redis: ArqRedis, servers: ServerUris) -> None:
    bell, later = Doorbell(redis), utc_now() + timedelta(seconds=1)
    for _ in range(2):
        await bell.deliver_webhook("one", later)
    await bell.deliver_webhook("one", later + timedelta(hours=24))
    assert await redis.zcard(SHARED_QUEUE) == 2
    async with _taking(servers) as taken:
        await bell.deliver_webhook("one")
        await until(lambda: len(taken) == 1)
        await until(lambda: len(taken) == 2)
        assert utc_now() >= later
    assert await redis.zcard(SHARED_QUEUE) == 1
