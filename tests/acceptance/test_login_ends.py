"""A login ends, and the stack tells why: the phone, WhatsApp, the page itself, or a ban."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from tests.processes import children_named, kill_all
from tests.stack_client import LOOK_EVERY, OUR_PHONE, PATIENCE, StackClient
from tests.waiting import until


async def _fault(system: StackClient, **faults: object) -> None:
    await system.control("PUT", "faults", {"number": OUR_PHONE, **faults})


async def _until_why(system: StackClient, reason: str) -> dict[str, Any]:
    async def told() -> bool:
        return bool((await system.status()).get("reason") == reason)

    await until(told, within=PATIENCE, every=LOOK_EVERY)
    return await system.status()


async def _until_no_blob_is_left(system: StackClient) -> None:
    async with AsyncMongoClient[dict[str, Any]](system.about["mongo"]) as client:
        database = client.get_default_database()

        async def none() -> bool:
            kept = (database[f"sessionBlobs.{each}"] for each in ("files", "chunks"))
            return [await each.count_documents({}) for each in kept] == [0, 0]

        await until(none, within=PATIENCE, every=LOOK_EVERY)


def _browser(system: StackClient) -> set[int]:
    return {each.pid for each in children_named(system.pid("worker-1"), "chromium")}


# The test below ends one without any fault, and `test_login_end.py` tells the reasons apart.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"unlinkBy": "wipe"}, "unlinked"),
        ({"leaveMs": 600_000}, "unlinked"),
        ({"loginFailure": 406}, "unlinked"),
        ({"loginFailure": 403}, "account_locked"),
        # Lost: the login that was saved is tried, and the phone does not list it any more either.
        ({"logoutReason": "syncd_failure"}, "unlinked"),
    ],
)
async def test_a_login_that_ends_for_good_is_told_why_and_leaves_nothing_behind(
    system: StackClient, fault: dict[str, Any], reason: str
) -> None:
    await system.link()
    await system.until_saved()
    await _fault(system, **fault)
    if "loginFailure" not in fault and "logoutReason" not in fault:
        await system.control("POST", f"phones/{OUR_PHONE}/unlink")
    await _until_ended(system, reason)
    await _until_no_blob_is_left(system)


async def _until_ended(system: StackClient, reason: str = "unlinked") -> None:
    await system.until_state("logged_out")
    assert (await system.status())["reason"] == reason


@pytest.mark.linked
async def test_a_phone_that_unlinks_is_told_and_leaves_nothing_behind_and_can_be_linked_again(
    system: StackClient,
) -> None:
    await system.until_saved()
    await system.control("POST", f"phones/{OUR_PHONE}/unlink")
    await _until_ended(system)
    await _until_no_blob_is_left(system)
    await _soon_after_a_scan_it_is_heard_on_a_bus_that_came_late(system)
    await _while_nothing_runs_it_is_told_at_the_next_start(system)
    await system.link_again()


async def _soon_after_a_scan_it_is_heard_on_a_bus_that_came_late(system: StackClient) -> None:
    # wa-js has looked for the page's command bus in vain by then, and does not look again.
    await system.control("PUT", "faults", {"deferredMs": 4000})
    await system.link_again()
    await system.control("POST", f"phones/{OUR_PHONE}/unlink")
    await _until_ended(system)
    await system.control("PUT", "faults", {"deferredMs": None})


async def _while_nothing_runs_it_is_told_at_the_next_start(system: StackClient) -> None:
    waiting = await system.send("for later")
    await system.link_again()
    await system.until_message(waiting, "read")
    await system.until_saved()
    await system.post("/api/whatsapp/connections/main/stop")
    await system.until_state("stopped")
    await system.control("POST", f"phones/{OUR_PHONE}/unlink")
    await system.post("/api/whatsapp/connections/main/start")
    await _until_ended(system)
    await _until_no_blob_is_left(system)


# `test_runner.py` has a login that is lost give way to the one that is saved.
@pytest.mark.slow
@pytest.mark.linked
async def test_a_login_that_a_page_wipes_for_a_fault_of_its_own_comes_back(
    system: StackClient,
) -> None:
    await system.until_saved()
    before = _browser(system)
    # Of this reason nothing is told: the page goes where it goes after an unlink, too.
    await _fault(system, logoutUnheard=True, logoutReason="account_sync_timeout")
    await until(lambda: before.isdisjoint(_browser(system)), within=PATIENCE, every=LOOK_EVERY)
    await system.until_message(await system.send("still linked"), "read")
    assert len(await system.control("GET", "devices")) == 1


# `test_runner.py` has a browser die in a wipe.
@pytest.mark.slow
async def test_a_browser_that_dies_while_its_page_wipes_the_login_costs_no_login(
    system: StackClient,
) -> None:
    await system.link()
    await system.until_saved()
    faults = {"logoutUnheard": True, "leaveMs": 600_000, "logoutReason": "web_fail_add_chat"}
    await _fault(system, **faults)
    await _until_why(system, "page_loading")
    await _fault(system, leaveMs=0)
    kill_all(children_named(system.pid("worker-1"), "chromium"))
    await system.until_message(await system.send("still linked"), "read")
    assert len(await system.control("GET", "devices")) == 1


# `test_runner.py` has bans with their ends.
@pytest.mark.slow
async def test_a_temporary_ban_is_told_with_its_end_and_passes_by_itself(
    system: StackClient,
) -> None:
    await system.link()
    begun = datetime.now(UTC)
    await _fault(system, banSeconds=8)
    status = await _until_why(system, "temporarily_banned")
    assert status["state"] == "disconnected"
    ends = datetime.fromisoformat(status["until"])
    assert begun < ends < begun + timedelta(seconds=8) + PATIENCE
    message = await system.send("after the ban")
    waiting = (await system.message(message))["waiting"]
    assert (waiting["reason"], waiting["detail"]) == (
        "connection_disconnected",
        "temporarily_banned",
    )
    assert waiting["until"] == status["until"]
    told = await system.until_message(message, "read")
    # WhatsApp lets the login in again when the ban is over, some moments before we would try.
    assert datetime.fromisoformat(told["sentAt"]) >= begun + timedelta(seconds=8)
    assert "until" not in await system.status()


# `test_runner.py` has pages that are too old.
@pytest.mark.slow
async def test_a_page_that_whatsapp_calls_too_old_keeps_its_login_and_comes_back(
    system: StackClient,
) -> None:
    await system.link()
    await _fault(system, loginFailure=405)
    assert (await _until_why(system, "update_needed"))["state"] == "disconnected"
    await _fault(system, loginFailure=None)
    await system.until_state("connected")
    assert len(await system.control("GET", "devices")) == 1


# `test_commands.py` ends a login on request, and looks at more.
@pytest.mark.slow
async def test_a_logout_on_request_is_done_when_the_phone_lists_nothing_any_more(
    system: StackClient,
) -> None:
    await system.link()
    await system.post("/api/whatsapp/connections/main/logout")
    await system.until_state("logged_out")
    assert (await system.status())["reason"] == "logged_out_by_request"
    assert await system.control("GET", "devices") == []
