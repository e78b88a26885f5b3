"""A line to WhatsApp that dies, or that another browser with our login takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.processes import children_named
from tests.stack_client import LOOK_EVERY, OUR_PHONE, PATIENCE, StackClient, stack
from tests.waiting import until

MAIN = "/api/whatsapp/connections/main"
SOON = ("--env", "LINE_LIMIT=7", "--env", "TAKE_BACK_AFTER=7")
"""Later than a lost line is reported, and soon enough for a test."""


@asynccontextmanager
async def linked(*settings: str) -> AsyncIterator[StackClient]:
    """Start a stack with a linked phone."""
    async with stack(*SOON, *settings) as system:
        await system.create()
        await system.scan()
        await system.until_state("connected")
        yield system


async def _shows(system: StackClient, state: str, reason: str | None) -> None:
    async def there() -> bool:
        status = await system.status()
        return (status["state"], status.get("reason")) == (state, reason)

    await until(there, within=PATIENCE, every=LOOK_EVERY)


async def _fault(system: StackClient, **faults: object) -> None:
    await system.control("PUT", "faults", {"number": OUR_PHONE, **faults})


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("fault", "reason"), [("lineDead", "line_lost"), ("otherBrowserTakesOver", "replaced")]
)
async def test_a_dead_line_is_told_and_brought_back_and_each_message_arrives_once(
    mongo_option: tuple[str, str], fault: str, reason: str
) -> None:
    async with linked(*mongo_option) as system:
        await _fault(system, sendDelayMs=15_000)
        in_hand = await system.send("in hand when the line dies")

        async def arrived() -> bool:
            return bool(await system.ledger())

        await until(arrived, within=PATIENCE, every=LOOK_EVERY)
        await _fault(system, **{fault: True})
        await _shows(system, "disconnected", reason)
        waiting = await system.send("sent while the line is dead")
        await _fault(system, sendDelayMs=0)
        await system.until_message(in_hand, "read")
        await system.until_message(waiting, "read")
        await _shows(system, "connected", None)
        entries = await system.ledger()
        texts = ["in hand when the line dies", "sent while the line is dead"]
        assert [each["text"] for each in entries] == texts
        assert entries[1]["arrivals"] == 1
        assert len(await system.control("GET", "devices")) == 1


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_logout_ends_the_login_that_another_browser_has_taken(
    mongo_option: tuple[str, str],
) -> None:
    async with linked(*mongo_option, "--env", "TAKE_BACK_AFTER=10m") as system:
        await _fault(system, otherBrowserTakesOver=True)
        await _shows(system, "disconnected", "replaced")
        assert (await system.post(f"{MAIN}/logout"))["http"] == 202
        await system.until_state("logged_out")
        assert (await system.status())["reason"] == "logged_out_by_request"
        assert await system.control("GET", "devices") == []


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_page_that_loads_itself_anew_is_no_trouble(
    mongo_option: tuple[str, str],
) -> None:
    async with linked(*mongo_option) as system:
        browser = _browsers(system)
        await _fault(system, sendDelayMs=15_000)
        in_hand = await system.send("in hand when the page reloads")

        async def arrived() -> bool:
            return bool(await system.ledger())

        await until(arrived, within=PATIENCE, every=LOOK_EVERY)
        await system.control("PUT", "faults", {"pageLoadMs": 2000})  # long enough to be seen
        await _fault(system, hardRefresh=1)
        await _shows(system, "starting", "page_loading")
        await _fault(system, sendDelayMs=0)
        await system.until_message(in_hand, "read")
        await _shows(system, "connected", None)

        # Refused as too old it loads itself anew until WhatsApp takes it.
        await system.control("PUT", "faults", {"pageLoadMs": 200})
        await _fault(system, loginFailure=405)
        waiting = await system.send("while the page is too old")
        await _shows(system, "disconnected", "update_needed")
        await _fault(system, loginFailure=None)
        await system.until_message(waiting, "read")
        assert _browsers(system) == browser


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_while_sends_stay_unacknowledged_nothing_more_is_sent_until_a_reload_helps(
    mongo_option: tuple[str, str],
) -> None:
    async with linked(*mongo_option, "--env", "STALL_LIMIT=8", "--env", "GHOST_WAIT=2") as system:
        await _fault(system, pendingOnly=True)
        first = await system.send("never acknowledged")
        await _shows(system, "degraded", "sends_unacknowledged")
        second = await system.send("waits for the first")
        await _shows(system, "starting", "page_loading")
        assert (await system.message(second))["status"] == "queued"
        await _fault(system, pendingOnly=False)
        await system.until_message(first, "read")
        await system.until_message(second, "read")
        assert [each["arrivals"] for each in await system.ledger()] == [1, 1]
        await _shows(system, "connected", None)


def _browsers(system: StackClient) -> set[int]:
    """Return the processes of the worker's browsers."""
    return {each.pid for each in children_named(system.pid("worker-1"), "chromium")}
