"""The doorbell over the real Redis, and the worker that hears it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from redis.exceptions import RedisError

from chatgrow_worker.intake.rings import RingListener
from sessions.common.clock import utc_now
from sessions.connections.model import Connection, LeaseHolder
from sessions.connections.states import ConnectionState
from sessions.queue.doorbell import Doorbell, Ring, open_redis, worker_channel
from tests.builders import OWNER
from tests.conftest import PATIENCE
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.embedded import ServerUris

Heard = list[tuple[Ring, str] | None]
"""What a worker heard; None where rings may have been lost before."""


def _run_by(worker: str, connection: str) -> Connection:
    """Return a connection that a worker runs."""
    now = utc_now()
    return Connection(
        id=connection,
        owner=OWNER,
        connection_id=connection,
        name=connection,
        state=ConnectionState.CONNECTED,
        since=now,
        created_at=now,
        lease=LeaseHolder(worker=worker, instance="its process", expires_at=now),
        leased=True,
    )


@pytest.fixture
async def heard(redis: ArqRedis) -> AsyncIterator[Heard]:
    async with _hearing(redis, "one") as heard:
        yield heard


@asynccontextmanager
async def _hearing(
    redis: ArqRedis, worker: str, ask_after: timedelta = PATIENCE
) -> AsyncIterator[Heard]:
    heard: Heard = []
    listener = RingListener(
        redis,
        worker,
        lambda ring, connection: heard.append((ring, connection)),
        lambda: heard.append(None),
        ask_after=ask_after,
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
        await bell.dispatch(_run_by("one", "busy"))
    await until(lambda: len(heard) > 1)
    await bell.ring_owner(_run_by("one", "busy"))
    await until(lambda: len(heard) > 2)
    assert heard == [(Ring.DISPATCH, "busy")] * 2 + [(Ring.LOOK, "busy")]


async def test_a_burst_for_one_connection_does_not_hold_up_another(
    redis: ArqRedis, heard: Heard
) -> None:
    bell = Doorbell(redis)
    for connection in ("busy", "busy", "calm"):
        await bell.dispatch(_run_by("one", connection))
    # The second ring comes later. The next test must not hear it.
    await until(lambda: len(heard) > 2)
    assert heard[:2] == [(Ring.DISPATCH, "busy"), (Ring.DISPATCH, "calm")]


async def test_each_worker_of_a_name_hears_its_rings_and_no_other_does(
    redis: ArqRedis, heard: Heard
) -> None:
    async with _hearing(redis, "one") as twin, _hearing(redis, "two") as other:
        await Doorbell(redis).ring_owner(_run_by("one", "mine"))
        await until(lambda: heard == twin == [(Ring.LOOK, "mine")])
        assert other == []


async def test_after_a_broken_line_a_worker_looks_for_what_it_missed(
    redis: ArqRedis, heard: Heard
) -> None:
    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
    await until(lambda: heard == [None])
    await Doorbell(redis).dispatch(_run_by("one", "mine"))
    await until(lambda: heard == [None, (Ring.DISPATCH, "mine")])


async def test_a_line_that_dies_without_a_word_is_opened_anew(
    servers: ServerUris, redis: ArqRedis, tmp_path: Path
) -> None:
    async with (
        _dying_line(servers.redis, tmp_path / "line.sock") as (uri, let_die),
        open_redis(uri, PATIENCE) as behind,
        _hearing(behind, "one", timedelta(seconds=0.2)) as heard,
    ):
        let_die()
        # A line that answers late is opened anew as well.
        await until(lambda: None in heard)
        await Doorbell(redis).dispatch(_run_by("one", "mine"))
        await until(lambda: (Ring.DISPATCH, "mine") in heard)


@asynccontextmanager
async def _dying_line(redis: str, path: Path) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """Pass everything on to Redis, until those that are open now shall die without a word."""
    lines: list[asyncio.Task[None]] = []
    ends: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)

    async def line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(unquote(urlsplit(redis).path))
        ends.extend((writer, back))
        pumps = [pump(reader, back), pump(there, writer)]
        lines.extend(asyncio.create_task(each) for each in pumps)

    def let_die() -> None:
        for each in lines:
            each.cancel()

    async with await asyncio.start_unix_server(line, path):
        yield f"unix://{path}", let_die
    let_die()
    await asyncio.gather(*lines, return_exceptions=True)
    for each in ends:
        each.close()
        with suppress(OSError):
            await each.wait_closed()


async def test_what_comes_after_the_end_opens_no_connection_anew(servers: ServerUris) -> None:
    async with open_redis(servers.redis, PATIENCE) as ended:
        await ended.ping()
    with pytest.raises(RedisError):
        await ended.ping()
    await Doorbell(ended).dispatch(_run_by("one", "late"))  # costs a poll, and nothing else


async def test_what_is_no_ring_is_passed_over(redis: ArqRedis, heard: Heard) -> None:
    for data in (b"", b"\xff", b"dance mine"):
        await redis.publish(worker_channel("one"), data)
    await Doorbell(redis).dispatch(_run_by("one", "mine"))
    await until(lambda: heard == [(Ring.DISPATCH, "mine")])
