"""WhatsApp Web changes so that nothing can be sent: everything waits, and goes on by itself."""

from __future__ import annotations

import pytest

from tests.stack_client import LOOK_EVERY, PATIENCE, StackClient, stack
from tests.waiting import until

SOON = ("--env", "CHANGED_PROBE_EVERY=2s")
TEXTS = ["one", "two", "three"]


async def _stop(system: StackClient) -> None:
    assert (await system.post("/api/whatsapp/connections/main/stop"))["http"] == 202
    await system.until_state("stopped")


async def _start(system: StackClient) -> None:
    assert (await system.post("/api/whatsapp/connections/main/start"))["http"] == 202


async def _until_waiting(system: StackClient) -> None:
    async def waits() -> bool:
        status = await system.status()
        return (status["state"], status.get("reason")) == ("disconnected", "whatsapp_changed")

    await until(waits, within=PATIENCE, every=LOOK_EVERY)


async def _until_all_wait(system: StackClient, ids: list[str]) -> None:
    """Wait until the fleet waits, and each message for it; one may be in hand for a moment."""

    async def told() -> bool:
        return bool((await system.get("/health"))["whatsapp"] == "changed")

    async def all_wait() -> bool:
        found = [await system.message(each) for each in ids]
        assert {each["status"] for each in found} <= {"queued", "sending"}
        reasons = {each.get("waiting", {}).get("reason") for each in found}
        return reasons == {"whatsapp_changed"}

    await until(told, within=PATIENCE, every=LOOK_EVERY)
    await until(all_wait, within=PATIENCE, every=LOOK_EVERY)


async def _all_go_out(system: StackClient, ids: list[str]) -> None:
    for each in ids:
        await system.until_message(each, "read")
    assert [each["text"] for each in await system.ledger() if each["deliveredAt"]] == TEXTS
    assert (await system.get("/health"))["whatsapp"] == "ok"


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "module",
    [
        "WAWebSendMsgRecordAction",
        "WAWebStreamModel",
        "WAWebLoginState",  # wa-js's isAuthenticated needs it
    ],
)
async def test_without_a_module_that_sending_needs_nothing_fails(
    mongo_option: tuple[str, str], module: str
) -> None:
    async with stack(*mongo_option, *SOON) as system:
        await system.link()
        await _stop(system)
        await system.control("PUT", "faults", {"moduleMissing": [module]})
        ids = [await system.send(text) for text in TEXTS]
        await _start(system)
        await _until_waiting(system)
        await _until_all_wait(system, ids)
        health = await system.get("/health")
        assert (health["http"], health["status"]) == (200, "ok")
        await system.control("PUT", "faults", {"moduleMissing": None})
        await _all_go_out(system, ids)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_while_every_send_throws_nothing_fails(mongo_option: tuple[str, str]) -> None:
    async with stack(*mongo_option, *SOON) as system:
        await system.link()
        await system.control("PUT", "faults", {"sendThrows": True})
        ids = [await system.send(text) for text in TEXTS]
        await _until_waiting(system)
        await _until_all_wait(system, ids)
        await system.control("PUT", "faults", {"sendThrows": None})
        await _all_go_out(system, ids)
