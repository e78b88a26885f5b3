"""A linked phone stays linked: through kills, lost disks, other workers and damaged blobs."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from chatgrow_worker.browser.options import find_chromium
from tests.processes import children_named
from tests.stack_client import LOOK_EVERY, OUR_PHONE, PATIENCE, StackClient, stack
from tests.waiting import until
from tests.worker_kills import kill_worker

Database = AsyncDatabase[dict[str, Any]]


@asynccontextmanager
async def database_of(system: StackClient) -> AsyncIterator[Database]:
    async with AsyncMongoClient[dict[str, Any]](system.about["mongo"]) as client:
        yield client.get_default_database()


async def _link(system: StackClient, connection: str = "main", phone: str = OUR_PHONE) -> None:
    await system.create(connection)
    await system.scan(connection, phone)
    await system.until_state("connected", connection)


async def _sends(system: StackClient, text: str, connection: str = "main") -> None:
    sent = await system.send(text, connection)
    await system.until_message(sent, "read")


# `test_any_process_may_be_killed` goes on with the same disk; `test_session_source.py` has a login
# of which the disk lacks a part.
@pytest.mark.slow
async def test_a_worker_killed_soon_after_the_scan_stays_linked(system: StackClient) -> None:
    await _link(system)
    # At once: Chromium has not written localStorage to its disk yet.
    await kill_worker(system, lose_disk=False)
    await _goes_on(system)


@pytest.mark.linked
async def test_a_worker_that_is_killed_and_loses_its_disk_stays_linked(
    system: StackClient,
) -> None:
    await system.until_saved()
    await kill_worker(system, lose_disk=True)
    await _goes_on(system)


async def _goes_on(system: StackClient) -> None:
    await system.until_restarted("worker-1")
    await _sends(system, "after the kill")
    assert len(await system.control("GET", "devices")) == 1


@pytest.mark.linked
async def test_a_page_that_is_slow_to_use_its_login_keeps_it(system: StackClient) -> None:
    # Longer than the worker waits between two looks at a page that loads, and at a QR screen.
    await system.control("PUT", "faults", {"unpairedMs": 4000})
    assert (await system.post("/api/whatsapp/connections/main/restart"))["http"] == 202
    await _sends(system, "after the restart")
    assert len(await system.control("GET", "devices")) == 1


@pytest.mark.slow
async def test_a_restarted_worker_goes_on_at_once_with_what_it_had(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    settings = ("--workers", "2", "--supervise", "--env", "LEASE_TTL=10m", *mongo_option)
    async with stack("--data", str(tmp_path), *settings) as system:
        await _link(system)
        owner = str((await system.status())["worker"])
        sent = await system.send("before the kill")
        await system.until_message(sent, "sent")
        await kill_worker(system, int(owner.removeprefix("worker-")), lose_disk=False)
        # What the page that died was told of is in the profile, which no other worker has.
        await system.until_message(sent, "read")
        await _sends(system, "after the kill")
        assert (await system.status())["worker"] == owner


@pytest.mark.slow
async def test_another_worker_takes_over_without_a_scan(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    async with stack("--workers", "2", "--data", str(tmp_path), *mongo_option) as system:
        phones = {"one": "+972501111111", "two": "+972502222222"}
        for connection, phone in phones.items():
            await _link(system, connection, phone)
        owners = {each: (await system.status(each))["worker"] for each in phones}
        assert set(owners.values()) == {"worker-1", "worker-2"}
        await system.until_saved()
        await kill_worker(system, 1, lose_disk=True)
        for connection in phones:
            await _sends(system, f"from {connection}", connection)
            assert (await system.status(connection))["worker"] == "worker-2"
        assert len(await system.control("GET", "devices")) == 2


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_paused_worker_does_not_send_beside_its_successor(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    async with stack("--workers", "2", "--data", str(tmp_path), *mongo_option) as system:
        await _link(system)
        await system.until_saved()
        paused = int(str((await system.status())["worker"]).removeprefix("worker-"))
        texts = [f"text {number}" for number in range(10)]
        ids = [await system.send(text) for text in texts[:5]]
        os.kill(system.pid(f"worker-{paused}"), signal.SIGSTOP)
        ids += [await system.send(text) for text in texts[5:]]
        for message_id in ids:
            await _until_out(system, message_id)
        assert (await system.status())["worker"] != f"worker-{paused}"
        os.kill(system.pid(f"worker-{paused}"), signal.SIGCONT)
        await _sends(system, "after the pause")
        ledger = await system.ledger()
        assert [each["text"] for each in ledger] == [*texts, "after the pause"]
        # What was in hand may have gone out: then it goes once more, under the id it had.
        assert all(each["arrivals"] <= 2 for each in ledger[:5])
        assert all(each["arrivals"] == 1 for each in ledger[5:])

        async def its_browser_is_closed() -> bool:
            return not children_named(system.pid(f"worker-{paused}"), "chromium")

        await until(its_browser_is_closed)


async def _until_out(system: StackClient, message_id: str) -> None:
    """Wait until a message is out; a receipt that the paused page got does not come again."""

    async def out() -> bool:
        return (await system.message(message_id))["status"] in ("sent", "delivered", "read")

    await until(out, within=PATIENCE, every=LOOK_EVERY)


@pytest.mark.slow
async def test_a_damaged_blob_falls_back_and_none_left_asks_for_a_scan(system: StackClient) -> None:
    await _link(system)
    await system.until_saved()
    os.kill(system.pid("worker-1"), signal.SIGTERM)
    await system.until_restarted("worker-1")
    await system.until_saved(times=2)
    async with database_of(system) as database:
        newest = (await database["connections"].find_one({}) or {})["blobs"][0]["id"]
        await _damage(database, newest)
        await kill_worker(system, lose_disk=True)
        await system.until_restarted("worker-1", times=2)
        await _sends(system, "from the blob before")

        await database["sessionBlobs.chunks"].update_many({}, {"$set": {"data": b"damaged"}})
        await system.post("/api/whatsapp/connections/main/stop")
        await system.until_state("stopped")
        await database["sessionBlobs.chunks"].update_many({}, {"$set": {"data": b"damaged"}})
    await kill_worker(system, lose_disk=True)
    await system.post("/api/whatsapp/connections/main/start")
    await system.until_state("logged_out")
    assert (await system.status())["reason"] == "login_lost"
    # A person starts it again: it shows a code, and the phone links once more.
    await system.post("/api/whatsapp/connections/main/start")
    await system.scan()
    await _sends(system, "linked anew")


@pytest.mark.slow
async def test_a_phone_that_unlinks_with_a_message_in_hand_neither_loses_nor_repeats_it(
    system: StackClient,
) -> None:
    await _link(system)
    await system.control("PUT", "faults", {"pendingOnly": True})
    message = await system.send("in hand")
    held = await system.until_held_back()
    await system.control("POST", f"phones/{OUR_PHONE}/unlink")
    await system.until_state("logged_out")
    assert (await system.status())["reason"] == "unlinked"
    await system.until_given_up(held)
    await system.control("PUT", "faults", {"pendingOnly": False})
    await system.post("/api/whatsapp/connections/main/start")
    await system.scan()
    await system.until_message(message, "read")
    assert [(each["text"], each["arrivals"]) for each in await system.ledger()] == [("in hand", 1)]


@pytest.mark.linked
async def test_a_stop_finishes_the_send_in_hand_and_saves_and_no_new_scan_is_needed(
    system: StackClient,
) -> None:
    devices = await system.control("GET", "devices")
    await system.control("PUT", "faults", {"sendDelayMs": 2000})
    first = await system.send("in hand")
    second = await system.send("after the stop")
    await system.until_message(first, "sending")
    os.kill(system.pid("worker-1"), signal.SIGTERM)
    await system.until_restarted("worker-1")
    assert (await system.message(first))["status"] in ("sent", "delivered", "read")
    async with database_of(system) as database:
        record = await database["connections"].find_one({}) or {}
        assert record["blobs"][0]["kind"] == "clean"
    await system.until_message(second, "read")
    assert [each["arrivals"] for each in await system.ledger()] == [1, 1]
    assert await system.control("GET", "devices") == devices


# `test_browser.py` takes the localStorage of a linked page away in the same manner.
@pytest.mark.slow
async def test_a_browser_that_ends_in_order_and_has_not_written_all_costs_no_login(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    browser = ("--env", f"CHROMIUM_PATH={_forgetful_chromium(tmp_path / 'chromium')}")
    async with stack("--supervise", "--data", str(tmp_path), *mongo_option, *browser) as system:
        await _link(system)
        devices = await system.control("GET", "devices")
        os.kill(system.pid("worker-1"), signal.SIGTERM)
        await system.until_restarted("worker-1")
        await _sends(system, "after a browser that forgot")
        assert await system.control("GET", "devices") == devices


def _forgetful_chromium(script: Path) -> Path:
    """Write a Chromium that leaves no localStorage, as the real one may on a busy machine."""
    script.write_text(
        f"""#!/bin/sh
{find_chromium(None)} "$@"
ended=$?
for each; do
    case $each in --user-data-dir=*) rm -r "${{each#*=}}/Default/Local Storage" ;; esac
done
exit $ended
"""
    )
    script.chmod(0o755)
    return script


@pytest.mark.slow
async def test_codes_stop_when_nobody_asks_and_come_again_when_asked(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    settings = ("--env", "QR_ASKED_WITHIN=1")
    async with stack("--data", str(tmp_path), *mongo_option, *settings) as system:
        times = {"qrFirstMs": 1500, "qrNextMs": 1500, "qrCount": 2}
        await system.control("PUT", "faults", times)
        await system.create()
        await system.until_state("stopped")
        assert (await system.status())["reason"] == "qr_not_scanned"
        # From now on a code can be scanned before the next one comes, however slow this machine is.
        await system.control("PUT", "faults", dict.fromkeys(times))
        await system.post("/api/whatsapp/connections/main/start")
        await system.scan()
        await system.until_state("connected")


# `test_link_page.py` links a phone by a code; `test_pairing_limits.py` asks over the API.
@pytest.mark.slow
async def test_a_pairing_code_links_a_phone(system: StackClient) -> None:
    await system.create()
    early = await system.post(
        "/api/whatsapp/connections/main/pairing-code", {"phoneNumber": OUR_PHONE}
    )
    assert (early["http"], early["code"]) in {(409, "no_qr_code"), (200, early["code"])}
    await system.until_state("awaiting_scan")
    nameless = await system.post("/api/whatsapp/connections/main/pairing-code", {})
    assert nameless["http"] == 422
    await system.control("POST", "phones", {"number": OUR_PHONE})
    given = await system.post(
        "/api/whatsapp/connections/main/pairing-code", {"phoneNumber": OUR_PHONE}
    )
    assert given["http"] == 200, given
    typed = given["code"].replace("-", "")
    await system.control("POST", f"phones/{OUR_PHONE}/pair", {"code": typed})
    await system.until_state("connected")
    await _sends(system, "paired")


@pytest.mark.slow
async def test_a_page_in_trouble_is_put_right(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    settings = ("--env", "OFFLINE_LIMIT=3", "--env", "PAGE_CALL_LIMIT=3")
    async with stack("--data", str(tmp_path), *mongo_option, *settings) as system:
        await _link(system)
        await system.control("PUT", "faults", {"dropNetwork": True})
        await system.until_state("disconnected")
        waiting = await system.send("while the network is away")
        await system.control("PUT", "faults", {"dropNetwork": False})
        await system.until_message(waiting, "read")
        for trouble in ("hang", "crash"):
            before = (await system.status())["since"]
            await system.control("PUT", "faults", {trouble: True})
            await _until_noticed(system, before)
            await system.control("PUT", "faults", {trouble: False})
            await _sends(system, f"after a {trouble}")
        assert all(each["arrivals"] == 1 for each in await system.ledger())


async def _until_noticed(system: StackClient, before: str) -> None:
    async def noticed() -> bool:
        status = await system.status()
        return bool(status["since"] != before)

    await until(noticed, within=PATIENCE, every=LOOK_EVERY)


async def _damage(database: Database, blob: object) -> None:
    chunks = database["sessionBlobs.chunks"]
    found = await chunks.find_one({"files_id": ObjectId(str(blob))})
    assert found is not None
    data = bytearray(found["data"])
    data[len(data) // 2] ^= 1
    await chunks.update_one({"_id": found["_id"]}, {"$set": {"data": bytes(data)}})


# `test_snapshot.py` has the signs of each state; `test_passkey.py` asks for a passkey.
@pytest.mark.slow
async def test_each_trouble_has_its_own_state_and_reason(system: StackClient) -> None:
    await _link(system)

    async def shown(state: str, reason: str | None) -> None:
        async def there() -> bool:
            status = await system.status()
            return (status["state"], status.get("reason")) == (state, reason)

        await until(there, within=PATIENCE, every=LOOK_EVERY)

    await system.control("PUT", "faults", {"needsUpdate": True})
    await shown("connected", "update_needed")
    await _sends(system, "while an update is due")
    await system.control("PUT", "faults", {"needsUpdate": False})
    await shown("connected", None)
    await system.control("PUT", "faults", {"pendingOnly": True})
    held = await system.send("held back")
    await shown("degraded", "sends_unacknowledged")
    await system.control("PUT", "faults", {"pendingOnly": False})
    await system.until_message(held, "read")
    await shown("connected", None)

    await system.create("second")
    await system.control("PUT", "faults", {"passkey": True})
    await system.scan("second", "+972503333333")
    await system.until_state("passkey_required", "second")
    await system.control("PUT", "faults", {"passkey": False})
    await system.until_state("connected", "second")


@pytest.mark.slow
@pytest.mark.parametrize("ceiling", ["BROWSER_MAX_AGE=3", "BROWSER_MAX_MEMORY_MB=50"])
async def test_a_worn_browser_is_opened_anew_when_nothing_is_in_hand(
    tmp_path: Path, ceiling: str, mongo_option: tuple[str, str]
) -> None:
    settings = ("--env", "BROWSER_WEAR_EVERY=2", "--env", ceiling)
    async with stack("--data", str(tmp_path), *mongo_option, *settings) as system:
        await _link(system)
        before = _browsers(system)
        assert before

        async def renewed() -> bool:
            now = _browsers(system)
            return bool(now) and now.isdisjoint(before)

        await until(renewed, within=PATIENCE, every=LOOK_EVERY)
        await _sends(system, "from a new browser")
        assert len(await system.control("GET", "devices")) == 1


# `test_lease_keeper.py` gives such a lease up, and `test_runner.py` closes its page.
@pytest.mark.slow
async def test_a_worker_cut_off_from_mongodb_closes_its_page_in_time(tmp_path: Path) -> None:
    async with stack("--data", str(tmp_path), "--env", "LEASE_TTL=4") as system:
        await _link(system)
        assert _browsers(system)
        os.kill(system.pid("mongo"), signal.SIGSTOP)
        try:
            await until(lambda: not _browsers(system), within=PATIENCE, every=LOOK_EVERY)
        finally:
            os.kill(system.pid("mongo"), signal.SIGCONT)
        await _sends(system, "after the outage")


def _browsers(system: StackClient) -> set[int]:
    """Return the processes of the worker's browsers."""
    return {each.pid for each in children_named(system.pid("worker-1"), "chromium")}
