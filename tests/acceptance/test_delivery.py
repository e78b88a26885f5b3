"""A send that is accepted is delivered once, in order, at the pace that is set."""

from __future__ import annotations

import os
import signal
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from sessions.common.clock import utc_now
from sessions.queue.doorbell import SHARED_QUEUE, redis_client
from tests.chaos.kills import kills
from tests.stack_client import LOOK_EVERY, PATIENCE, THEIR_PHONE, StackClient, stack
from tests.waiting import until
from tests.worker_kills import kill_worker


async def _arrived(system: StackClient, count: int) -> list[datetime]:
    async def all_there() -> bool:
        return len(await system.ledger()) >= count

    await until(all_there, within=timedelta(seconds=90), every=LOOK_EVERY)
    return [datetime.fromisoformat(each["arrivedAt"]) for each in await system.ledger()]


@pytest.mark.slow
async def test_the_pace_holds_when_another_worker_takes_over(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    pacing = {"perMinute": 4, "jitterSeconds": [1, 2]}
    async with stack("--workers", "2", "--data", str(tmp_path), *mongo_option) as system:
        await system.link(pacing=pacing)
        await system.until_saved()
        owner = (await system.status())["worker"]
        ids = [await system.send(f"text {number}") for number in range(5)]
        await _arrived(system, 2)
        os.kill(system.pid(owner), signal.SIGKILL)
        arrivals = await _arrived(system, 4)
        assert (await system.status())["worker"] != owner

        async def told_why() -> bool:
            waiting = (await system.message(ids[4])).get("waiting") or {}
            return bool(waiting.get("reason") == "rate_limited_per_minute")

        await until(told_why, within=PATIENCE, every=LOOK_EVERY)
        waiting = (await system.message(ids[4]))["waiting"]
        assert waiting["until"] > utc_now().isoformat()[:19]
        assert waiting["position"] == 0
        # Changed live: what waited goes at once.
        async with system.http.patch(
            f"{system.about['api']}/api/whatsapp/connections/main",
            json={"pacing": {"perMinute": 100}},
        ) as changed:
            assert changed.status == 200
        await system.until_message(ids[4], "read")
        gaps = [following - first for first, following in pairwise(arrivals)]
        assert all(gap >= timedelta(seconds=1) for gap in gaps)


@pytest.mark.linked
async def test_a_flushed_redis_loses_nothing(system: StackClient) -> None:
    pool = redis_client(system.about["redis"])
    ids = []
    for number in range(10):
        ids.append(await system.send(f"text {number}"))
        await pool.flushall()
    await pool.aclose(close_connection_pool=True)
    for message_id in ids:
        await system.until_message(message_id, "read")
    assert [each["text"] for each in await system.ledger()] == [
        f"text {number}" for number in range(10)
    ]


@pytest.mark.linked
async def test_a_job_from_a_python_backend_is_delivered(system: StackClient) -> None:
    pool = redis_client(system.about["redis"])
    body = {"connectionId": "main", "to": THEIR_PHONE, "message": "from a job"}
    await pool.enqueue_job("send_message", body, _queue_name=SHARED_QUEUE, _job_id="o-17")
    await _arrived(system, 1)
    await pool.aclose(close_connection_pool=True)
    assert [each["text"] for each in await system.ledger()] == ["from a job"]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_kills_between_sent_and_recorded_neither_lose_nor_repeat(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    sent, delivered = await kills(6, tmp_path, *mongo_option)
    assert delivered == sent


_GHOSTS = ("--supervise", "--env", "GHOST_WAIT=1")


@pytest.mark.slow
async def test_a_ghost_goes_out_once_as_the_record_that_it_is(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    async with stack("--data", str(tmp_path), *mongo_option, *_GHOSTS) as system:
        ghost = await _ghost(system)
        read = await system.until_message(ghost, "read")
        entries = await system.ledger()
        assert [each["text"] for each in entries] == ["settles the chat", "stored, not sent"]
        assert entries[1]["id"] in read["whatsappId"]


@pytest.mark.slow
async def test_without_the_re_send_a_ghost_is_what_is_called_unknown(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    settings = (*_GHOSTS, "--env", "RESEND_GHOSTS=false")
    async with stack("--data", str(tmp_path), *mongo_option, *settings) as system:
        ghost = await _ghost(system)
        unknown = await system.until_message(ghost, "unknown")
        assert unknown["reason"] == "stored_but_not_acknowledged"
        following = await system.send("after it")
        await system.until_message(following, "read")
        assert [each["text"] for each in await system.ledger()] == ["settles the chat", "after it"]


async def _ghost(system: StackClient) -> str:
    """Leave a message stored by a page that died before it sent; return its id."""
    await system.link()
    first = await system.send("settles the chat")
    await system.until_message(first, "read")
    await system.until_login_is_on_disk()
    await system.control("PUT", "faults", {"pendingOnly": True})
    ghost = await system.send("stored, not sent")
    held = await system.until_held_back()
    await kill_worker(system, lose_disk=False, browsers_too=True)
    # Before its death is noticed, what is held back for a page would still arrive.
    await system.until_given_up(held)
    await system.control("PUT", "faults", {"pendingOnly": False})
    return ghost
