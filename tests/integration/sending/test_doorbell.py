"""The doorbell over the real Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.queue.doorbell import Doorbell, worker_queue
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

QUEUE = worker_queue("one")


async def test_a_burst_rings_at_once_and_once_more_at_its_end(redis: ArqRedis) -> None:
    bell = Doorbell(redis)
    await bell.dispatch("one", "busy")
    assert await redis.zcard(QUEUE) == 1
    for _ in range(50):
        await bell.dispatch("one", "busy")
    await redis.delete(QUEUE)  # the first ring is heard: what came after it is not lost

    async def rung_again() -> bool:
        return bool(await redis.zcard(QUEUE))

    await until(rung_again)
    assert await redis.zcard(QUEUE) == 1


async def test_a_burst_for_one_connection_does_not_hold_up_another(redis: ArqRedis) -> None:
    bell = Doorbell(redis)
    for connection in ("busy", "busy", "calm"):
        await bell.dispatch("one", connection)
    assert await redis.zcard(QUEUE) == 2
