"""Restart, logout, deletion and checks of numbers, from HTTP to the phone."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests.stack_client import LOOK_EVERY, OUR_PHONE, PATIENCE, THEIR_PHONE, StackClient, stack
from tests.waiting import until

Database = AsyncDatabase[dict[str, Any]]
MAIN = "/api/whatsapp/connections/main"
NOWHERE = "+15559999999"


@asynccontextmanager
async def database_of(system: StackClient) -> AsyncIterator[Database]:
    async with AsyncMongoClient[dict[str, Any]](system.about["mongo"]) as client:
        yield client.get_default_database()


async def _devices(system: StackClient) -> list[str]:
    return [each["device"] for each in await system.control("GET", "devices")]


async def _ends_as(system: StackClient, reason: str) -> None:
    await system.until_state("logged_out")
    assert (await system.status())["reason"] == reason


def _profiles(system: StackClient) -> list[str]:
    folders = (Path(system.about["data"]) / "sessions").glob("*/*")
    return [each.name for each in folders if each.name.isalnum()]


async def _nothing_is_left(system: StackClient) -> None:
    """Wait until no record, blob, device or profile is left."""
    async with database_of(system) as database:

        async def gone() -> bool:
            names = ("connections", "sessionBlobs.files", "sessionBlobs.chunks")
            counts = [await database[name].count_documents({}) for name in names]
            return counts == [0, 0, 0] and not _profiles(system)

        await until(gone, within=PATIENCE, every=LOOK_EVERY)
    assert await _devices(system) == []


@pytest.mark.linked
async def test_a_restart_keeps_the_login_and_loses_no_message(system: StackClient) -> None:
    devices = await _devices(system)
    before = (await system.status())["since"]
    await system.control("PUT", "faults", {"sendDelayMs": 1500})
    ids = [await system.send(f"text {number}") for number in range(3)]
    await system.until_message(ids[0], "sending")
    for _ in range(3):
        assert (await system.post(f"{MAIN}/restart"))["http"] == 202
    await system.control("PUT", "faults", {"sendDelayMs": 0})
    for each in ids:
        await system.until_message(each, "read")
    assert (await system.status())["since"] != before
    assert [each["arrivals"] for each in await system.ledger()] == [1, 1, 1]
    assert await _devices(system) == devices

    await system.post(f"{MAIN}/stop")
    await system.until_state("stopped")
    assert (await system.post(f"{MAIN}/restart"))["state"] == "starting"
    await system.until_state("connected")
    assert await _devices(system) == devices


@pytest.mark.linked
async def test_a_logout_ends_the_login_everywhere_and_keeps_messages(system: StackClient) -> None:
    await system.until_saved()
    assert (await system.post(f"{MAIN}/logout"))["http"] == 202
    assert (await system.post(f"{MAIN}/logout"))["http"] in (202, 409)
    await _ends_as(system, "logged_out_by_request")
    assert await _devices(system) == []
    assert _profiles(system) == []
    refused = await system.post(f"{MAIN}/logout")
    assert (refused["http"], refused["code"]) == (409, "wrong_state")
    assert refused["state"] == "logged_out"
    waiting = await system.send("for the next login")

    await system.link_again()
    await system.until_message(waiting, "read")


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_logout_needs_no_connection_that_runs_and_no_worker_that_lives(
    system: StackClient,
) -> None:
    await system.link()
    # Stopped: a worker starts it to log it out.
    await system.post(f"{MAIN}/stop")
    await system.until_state("stopped")
    await system.post(f"{MAIN}/logout")
    await _ends_as(system, "logged_out_by_request")
    assert await _devices(system) == []

    # Its worker dies, and a start comes while the logout is under way.
    await system.post(f"{MAIN}/start")
    await system.scan()
    await system.until_state("connected")
    os.kill(system.pid("worker-1"), signal.SIGKILL)
    await system.post(f"{MAIN}/logout")
    await system.post(f"{MAIN}/start")
    await system.until_state("awaiting_scan")
    assert await _devices(system) == []


@pytest.mark.slow
async def test_a_logout_that_whatsapp_cannot_be_told_of_says_so(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    async with stack("--data", str(tmp_path), *mongo_option, "--env", "LOGOUT_LIMIT=4") as system:
        await system.link()
        await system.until_saved()
        await system.control("PUT", "faults", {"dropNetwork": True})
        await system.post(f"{MAIN}/logout")
        await _ends_as(system, "device_still_listed")
        await system.control("PUT", "faults", {"dropNetwork": False})
        assert len(await _devices(system)) == 1
        await system.post(f"{MAIN}/start")
        await system.until_state("awaiting_scan")


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_deleted_connection_leaves_nothing_and_its_id_is_free(system: StackClient) -> None:
    await system.link()
    await system.until_saved()
    sent = await system.send("before")
    await system.until_message(sent, "read")
    await system.control("PUT", "faults", {"pendingOnly": True})
    in_hand = await system.send("in hand")
    await system.until_message(in_hand, "sending")
    waiting = await system.send("waits")
    assert await system.delete(MAIN) == 202
    assert (await system.get(MAIN))["http"] == 404
    assert await system.delete(MAIN) == 404
    assert (await system.get("/api/whatsapp/connections"))["items"] == []
    cancelled = await system.message(waiting)
    assert (cancelled["status"], cancelled["reason"]) == ("cancelled", "connection_deleted")
    await system.control("PUT", "faults", {"pendingOnly": False})
    await _nothing_is_left(system)
    assert (await system.message(in_hand))["status"] in ("sent", "delivered", "read", "unknown")
    assert (await system.message(sent))["status"] == "read"

    await system.link()
    await system.until_saved()
    # The same id is another connection at once, while the worker that removes the first dies.
    assert await system.delete(MAIN) == 202
    os.kill(system.pid("worker-1"), signal.SIGKILL)
    await system.create()
    await system.until_restarted("worker-1")
    await system.until_state("awaiting_scan")
    async with database_of(system) as database:

        async def only_the_new_one() -> bool:
            return await database["connections"].count_documents({}) == 1

        await until(only_the_new_one, within=PATIENCE, every=LOOK_EVERY)
    assert await _devices(system) == []
    assert await system.delete(MAIN) == 202
    await _nothing_is_left(system)


# `test_number_checks.py` has the pace.
@pytest.mark.slow
async def test_numbers_are_checked_at_the_pace_of_the_connection(system: StackClient) -> None:
    await system.control("PUT", f"numbers/{NOWHERE}", {"registered": False})
    await system.create(pacing={"perMinute": 3})
    early = await system.get(f"{MAIN}/numbers/{THEIR_PHONE}")
    assert (early["http"], early["code"]) == (409, "wrong_state")
    await system.scan()
    await system.until_state("connected")
    await _a_check_that_the_network_cuts_off_tells_nothing(system)
    there = await system.get(f"{MAIN}/numbers/{THEIR_PHONE}")
    assert there == {
        "http": 200,
        "to": "972501234567@c.us",
        "exists": True,
        "chatId": "972501234567@c.us",
    }
    assert (await system.get(f"{MAIN}/numbers/{NOWHERE}"))["exists"] is False
    # Known now: asked for again they cost nothing.
    for _ in range(2):
        assert (await system.get(f"{MAIN}/numbers/{THEIR_PHONE}"))["exists"] is True
        assert (await system.get(f"{MAIN}/numbers/{NOWHERE}"))["exists"] is False
    path = system.about["api"] + f"{MAIN}/numbers/+15558888888"
    async with system.http.get(path) as paced:
        problem = await paced.json()
        assert (paced.status, problem["code"]) == (429, "pace_limited")
        assert problem["reason"] == "rate_limited_per_minute"
        assert 0 < problem["retryAfterSeconds"] <= 60
        assert paced.headers["Retry-After"] == str(problem["retryAfterSeconds"])
    # What was checked counts for messages too.
    held = await system.send("later")

    async def told_why() -> bool:
        waiting = (await system.message(held)).get("waiting") or {}
        return bool(waiting.get("reason") == "rate_limited_per_minute")

    await until(told_why, within=PATIENCE, every=LOOK_EVERY)


@pytest.mark.slow
async def test_commands_are_found_by_their_bell(mongo_option: tuple[str, str]) -> None:
    """None is looked for here within the test's time: what is not told is not found."""
    rarely = "--env", "SAFETY_POLL=1h", "--env", "LEASE_TTL=10m"
    async with stack(*mongo_option, *rarely) as system:
        await system.link()
        before = (await system.status())["since"]
        assert (await system.post(f"{MAIN}/restart"))["http"] == 202

        async def restarted() -> bool:
            status = await system.status()
            return bool(status["state"] == "connected" and status["since"] != before)

        await until(restarted, within=PATIENCE, every=LOOK_EVERY)
        assert (await system.post(f"{MAIN}/logout"))["http"] == 202
        await _ends_as(system, "logged_out_by_request")


async def _a_check_that_the_network_cuts_off_tells_nothing(system: StackClient) -> None:
    await system.control("PUT", "faults", {"number": OUR_PHONE, "latencyMs": 4000})
    asking = asyncio.create_task(system.get(f"{MAIN}/numbers/{THEIR_PHONE}"))
    async with database_of(system) as database:

        async def asked() -> bool:
            paced = {"pacedAt": {"$exists": True}}
            return await database["numberChecks"].count_documents(paced) == 1

        await until(asked, within=PATIENCE, every=LOOK_EVERY)
    await system.control("PUT", "faults", {"dropNetwork": True})
    failed = await asking
    assert (failed["http"], failed["code"]) == (503, "number_check_failed")
    await system.until_state("disconnected")
    await system.control("PUT", "faults", {"number": OUR_PHONE, "latencyMs": 0})
    await system.control("PUT", "faults", {"dropNetwork": False})
    await system.until_state("connected")
