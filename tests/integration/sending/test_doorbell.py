"""The doorbell over the real Redis, and the worker that hears it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from chatgrow_worker.intake.rings import RingListener
from sessions.queue.doorbell import Doorbell, Ring, worker_channel
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

Heard = list[tuple[Ring, str] | None]
"""What a worker heard; None where rings may have been lost before."""


@pytest.fixture
async def heard(redis: ArqRedis) -> AsyncIterator[Heard]:
    async with _hearing(redis, "one") as heard:
        yield heard


@asynccontextmanager
async def _hearing(redis: ArqRedis, worker: str) -> AsyncIterator[Heard]:
    heard: Heard = []
    listener = RingListener(
        redis,
        worker,
        lambda ring, connection: heard.append((ring, connection)),
        lambda: heard.append(None),
    )
    listening = asyncio.create_task(listener.listen())
    await until(lambda: heard == [None])
    heard.clear()
    yield heard
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


async def test_a_burst_rings_at_once_and_once_more_at_its_end(
    redis: ArqRedis, heard: Heard
) -> None:
    bell = Doorbell(redis)
    for _ in range(50):
        await bell.dispatch("one", "busy")
    await until(lambda: len(heard) > 1)
    await bell.look("one", "busy")
    await until(lambda: len(heard) > 2)
    assert heard == [(Ring.DISPATCH, "busy")] * 2 + [(Ring.LOOK, "busy")]


async def test_a_burst_for_one_connection_does_not_hold_up_another(
    redis: ArqRedis, heard: Heard
) -> None:
    bell = Doorbell(redis)
    for connection in ("busy", "busy", "calm"):
        await bell.dispatch("one", connection)
    await until(lambda: len(heard) > 1)
    assert heard[:2] == [(Ring.DISPATCH, "busy"), (Ring.DISPATCH, "calm")]


async def test_each_worker_of_a_name_hears_its_rings_and_no_other_does(
    redis: ArqRedis, heard: Heard
) -> None:
    async with _hearing(redis, "one") as twin, _hearing(redis, "two") as other:
        await Doorbell(redis).look("one", "mine")
        await until(lambda: heard == twin == [(Ring.LOOK, "mine")])
        assert other == []


async def test_after_a_broken_line_a_worker_looks_for_what_it_missed(
    redis: ArqRedis, heard: Heard
) -> None:
    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
    await until(lambda: heard == [None])
    await Doorbell(redis).dispatch("one", "mine")
    await until(lambda: heard == [None, (Ring.DISPATCH, "mine")])


async def test_what_is_no_ring_is_passed_over(redis: ArqRedis, heard: Heard) -> None:
    for data in (b"", b"\xff", b"dance mine"):
        await redis.publish(worker_channel("one"), data)
    await Doorbell(redis).dispatch("one", "mine")
    await until(lambda: heard == [(Ring.DISPATCH, "mine")])
