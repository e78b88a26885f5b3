"""Nothing that phones say is lost, and nothing is recorded twice, whatever happens to workers."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from tests.stack_client import OUR_PHONE, PATIENCE, THEIR_PHONE, StackClient
from tests.waiting import until

GROUP_MEMBER = "+15557654321"


async def _says(system: StackClient, text: str, speaker: str = THEIR_PHONE, **how: Any) -> str:
    body = {"to": OUR_PHONE, "text": text, **how}
    said = await system.control("POST", f"phones/{speaker}/say", body)
    return str(said["id"])


async def _received(system: StackClient) -> list[dict[str, Any]]:
    async with AsyncMongoClient[dict[str, Any]](system.about["mongo"]) as client:
        found = client.get_default_database()["receivedMessages"].find(sort=[("at", 1)])
        return await found.to_list()


async def _recorded(system: StackClient) -> set[str]:
    return {each["bareId"] for each in await _received(system)}


async def _until_recorded(system: StackClient, count: int) -> list[dict[str, Any]]:
    async def all_there() -> bool:
        return len(await _received(system)) >= count

    await until(all_there, within=PATIENCE)
    return await _received(system)


@pytest.mark.linked
@pytest.mark.parametrize("kills", [1, pytest.param(2, marks=pytest.mark.slow)])
async def test_a_worker_that_is_killed_while_phones_speak_loses_nothing(
    system: StackClient, kills: int
) -> None:
    await system.until_login_is_on_disk()
    before = await _recorded(system)
    said = [await _says(system, "text 0")]
    await _until_recorded(system, len(before) + 1)
    for kill in range(kills):
        said += [await _says(system, f"before {kill}.{number}") for number in range(5)]
        os.kill(system.pid((await system.status())["worker"]), signal.SIGKILL)
        said += [await _says(system, f"meanwhile {kill}.{number}") for number in range(20)]
        await system.control("POST", f"phones/{THEIR_PHONE}/react", {"id": said[0], "emoji": "👍"})
        await system.control("POST", f"phones/{THEIR_PHONE}/edit", {"id": said[1], "text": "new"})
        await system.control("POST", f"phones/{THEIR_PHONE}/revoke", {"id": said[2]})
        await system.until_restarted("worker-1", kill + 1)
        await system.until_state("connected")
    said.append(await _says(system, "last", GROUP_MEMBER))
    await _until_recorded(system, len(before) + len(said))

    async def all_happened() -> bool:
        found = {each["bareId"]: each for each in await _received(system)}
        reacted = [each["emoji"] for each in found[said[0]].get("reactions", ())]
        edited, revoked = found[said[1]]["text"], "revokedAt" in found[said[2]]
        return (reacted, edited, revoked) == (["👍"], "new", True)

    await until(all_happened, within=PATIENCE)
    recorded = [each["bareId"] for each in await _received(system)]
    assert sorted(recorded) == sorted([*before, *said])
    # Sending goes on as if nothing had been received.
    await system.until_message(await system.send("answer"), "read")


# `test_simulated_page.py` and `test_browser.py` have the flood.
@pytest.mark.slow
async def test_a_flood_of_old_messages_neither_is_recorded_nor_delays_sending(
    system: StackClient,
) -> None:
    await system.link()
    await system.control("PUT", "faults", {"number": OUR_PHONE, "hydration": 3000})
    await system.post("/api/whatsapp/connections/main/restart")
    await system.until_message(await system.send("through the flood"), "read")
    await _says(system, "live")
    (message,) = await _until_recorded(system, 1)
    assert message["text"] == "live"


@pytest.mark.linked
async def test_without_the_tables_of_the_page_sending_and_receiving_go_on(
    system: StackClient,
) -> None:
    before = await _recorded(system)
    missing = ["WAWebSchemaMessage", "WAWebDBMessageSerialization"]
    await system.control("PUT", "faults", {"moduleMissing": missing})
    await system.post("/api/whatsapp/connections/main/restart")
    await system.until_message(await system.send("all the same"), "read")
    said = await _says(system, "live")
    recorded = await _until_recorded(system, len(before) + 1)
    (message,) = [each for each in recorded if each["bareId"] == said]
    assert (message["text"], message["fromNumber"]) == ("live", THEIR_PHONE)
    await system.control("PUT", "faults", {"moduleMissing": None})
    await system.post("/api/whatsapp/connections/main/restart")
    await system.until_message(await system.send("with them again"), "read")
