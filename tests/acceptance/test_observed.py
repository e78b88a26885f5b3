"""A whole run in production: its logs tell no secret, its numbers and its events are true."""

from __future__ import annotations

import base64
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from pymongo import AsyncMongoClient

from sessions.encryption.keys import Key
from tests.event_reader import EventReader, Received
from tests.ports import free_port
from tests.processes import alive
from tests.scraping import Scrape
from tests.stack_client import LOOK_EVERY, OUR_PHONE, THEIR_PHONE, StackClient, stack
from tests.waiting import until

TEXT = "the distinctive words of a message"
REFUSED = "+972509876543"
PASSWORD = "hunter2-of-the-proxy"
METRICS_TOKEN = "only-Prometheus-has-this"


# Each part is shown by itself: `test_masking.py` and `test_logs.py` hide secrets,
# `test_worker_metrics.py` and `test_api_metrics.py` count, `test_one_message.py` hears of all.
@pytest.mark.slow
async def test_no_log_tells_a_secret_and_every_number_and_event_is_true() -> None:
    jwt_secret, key, port = secrets.token_urlsafe(32), Key.generate(), free_port()
    settings = {
        "APP_ENV": "production",
        "LOG_LEVEL": "debug",
        "JWT_SECRET": jwt_secret,
        "SESSION_ENCRYPTION_KEYS": key.text(),
        "METRICS_PORT": str(port),
        "METRICS_TOKEN": METRICS_TOKEN,
        "METRICS_NAMES": "true",
        # A dead worker is told of soon.
        "LEASE_TTL": "5",
    }
    options = [f"--env={name}={value}" for name, value in settings.items()]
    async with stack(*options) as system, _following(system) as follower:
        code = await _link(system, follower)
        await _send_one(system, follower)
        await _fail(system)
        await _break_a_page(system)
        message = await system.send(TEXT)
        await system.until_message(message, "read")
        worker = await _scrape(system, f"http://127.0.0.1:{port}/metrics")
        api = await _scrape(system, system.about["api"] + "/metrics")
        _check_numbers(worker, api)
        await _check_records(system, message)
        for each in ("proxied", "main"):
            await system.post(f"/api/whatsapp/connections/{each}/stop")
            await system.until_state("stopped", each)
        await _until_left(system, f"http://127.0.0.1:{port}/metrics")
        await _lose_the_worker_and_end_the_api(system, follower)
        needles = [
            *(TEXT, PASSWORD, METRICS_TOKEN, jwt_secret, system.about["apiKey"]),
            *(number.lstrip("+") for number in (OUR_PHONE, THEIR_PHONE, REFUSED)),
            key.text().partition(":")[2],
            *(part for part in code.split(",") if len(part) > 8),
        ]
        logs = await _all_logs(system)
    assert len(logs) >= 6
    for name, content in logs.items():
        for needle in needles:
            for form in (needle, needle[1:], base64.b64encode(needle.encode()).decode()[:-4]):
                assert form not in content, f"{name} tells {needle!r}"


@asynccontextmanager
async def _following(system: StackClient) -> AsyncIterator[EventReader]:
    events = system.about["api"] + "/api/whatsapp/events"
    async with system.http.get(events, timeout=None) as response:
        follower = EventReader(response)
        await follower.until_marked()
        yield follower


async def _link(system: StackClient, follower: EventReader) -> str:
    """Link our phone with the code that an event tells; return that."""
    await system.create(phoneNumber=OUR_PHONE)
    shown = await follower.until("connection.qr")
    assert _states(shown) == ["starting", "awaiting_scan"]
    code = str(shown[-1].data["code"])
    await system.control("POST", "phones", {"number": OUR_PHONE})
    # Read soon after, a message may be told of as read at once.
    await system.control("PUT", "faults", {"readReceipts": False})
    await system.control("POST", f"phones/{OUR_PHONE}/scan", {"code": code})
    linked = await follower.until("connection.state", state="connected")
    assert linked[-1].data["phoneNumber"] == OUR_PHONE
    return code


def _states(events: list[Received]) -> list[str]:
    """Return the states in the order in which they were reached."""
    told = (each.data["state"] for each in events if each.type == "connection.state")
    return list(dict.fromkeys(told))


async def _send_one(system: StackClient, follower: EventReader) -> None:
    """Send a message whose life is told."""
    message = await system.send(TEXT)
    life = await follower.until("message.status", messageId=message, status="delivered")
    if "queued" not in [each.data.get("status") for each in life]:
        # The API tells of it, a worker of the others: it may come after them.
        life += await follower.until("message.status", messageId=message, status="queued")
    told = [each.data for each in life if each.type == "message.status"]
    assert [each["status"] for each in sorted(told, key=lambda each: each["at"])] == [
        *["queued", "sending", "sent", "delivered"]
    ]
    assert not any(TEXT in str(each.data) for each in life)
    await system.control("PUT", "faults", {"readReceipts": True})


async def _lose_the_worker_and_end_the_api(system: StackClient, follower: EventReader) -> None:
    await follower.until("connection.state", connectionId="main", state="stopped")
    await system.post("/api/whatsapp/connections/main/start")
    await follower.until("connection.state", connectionId="main", reason="browser_starting")
    os.kill(system.pid("worker-1"), signal.SIGKILL)
    lost = await follower.until("connection.state", connectionId="main", state="disconnected")
    assert lost[-1].data["reason"] == "worker_lost"
    api = system.pid("api")
    os.kill(api, signal.SIGTERM)
    assert await follower.until_ended() == []
    await until(lambda: not alive(api))


async def _fail(system: StackClient) -> None:
    """Send one that is refused, and ask for what cannot be had."""
    await system.control("PUT", f"numbers/{REFUSED.lstrip('+')}", {"registered": False})
    refused = await system.send(TEXT, to=REFUSED)
    await system.until_message(refused, "failed")
    proxy = {"server": "http://127.0.0.1:9", "username": "me", "password": PASSWORD}
    await system.create("proxied", proxy=proxy)
    await system.get(f"/api/whatsapp/connections/main/numbers/{THEIR_PHONE}")
    await system.get(f"/api/whatsapp/connections/{THEIR_PHONE}/status")
    for body in ({"connectionId": "main", "to": "+97250", "message": TEXT}, {"to": [TEXT]}):
        assert (await system.post("/api/whatsapp/send", body))["http"] == 422
    async with system.http.get(
        system.about["api"] + "/api/whatsapp/messages", headers={"X-Api-Key": f"no{PASSWORD}"}
    ) as answer:
        assert answer.status == 401


async def _break_a_page(system: StackClient) -> None:
    """Kill the browser of the connection, and wait until it has another."""
    (browser, *_) = _browsers(system)
    browser.kill()

    async def again() -> bool:
        anew = [each for each in _browsers(system) if each.pid != browser.pid]
        return bool(anew) and (await system.status())["state"] == "connected"

    await until(again, every=LOOK_EVERY)


def _browsers(system: StackClient) -> list[psutil.Process]:
    worker = psutil.Process(system.pid("worker-1"))
    return [each for each in worker.children(recursive=True) if _is_browser(each)]


def _is_browser(process: psutil.Process) -> bool:
    """Tell whether it is the main process of a browser that goes through no proxy."""
    try:
        line = " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False
    return "--user-data-dir=" in line and "--type=" not in line and "proxy" not in line


async def _scrape(system: StackClient, url: str) -> Scrape:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    async with system.http.get(url, headers=headers) as answer:
        assert answer.status == 200
        return Scrape(await answer.text())


def _check_numbers(worker: Scrape, api: Scrape) -> None:
    assert worker.value("chatgrow_sends_total", result="sent", reason="") == 2
    assert worker.value("chatgrow_sends_total", result="failed", reason="not_on_whatsapp") == 1
    for name in ("enqueue_to_sent", "claim_to_sent", "sent_to_delivered"):
        assert worker.value(f"chatgrow_message_{name}_seconds_count") == 2
    breaks = worker.series("chatgrow_page_breaks_total")
    assert sum(worker.value("chatgrow_page_breaks_total", **each) or 0 for each in breaks) >= 2
    assert (worker.value("chatgrow_browser_restarts_total") or 0) >= 1
    assert (worker.value("chatgrow_session_saves_total", result="saved") or 0) >= 1
    assert (worker.value("chatgrow_session_save_size_bytes_sum") or 0) > 1000
    memory = worker.value("chatgrow_browser_memory_bytes", connection="admin/main")
    assert 20e6 < (memory or 0) < 2e9
    assert worker.value("chatgrow_worker_connections") == 2
    assert api.value("chatgrow_messages_accepted_total") == 3
    assert api.value("chatgrow_connections", state="connected") == 1
    assert api.value("chatgrow_workers_alive") == 1
    assert api.value("chatgrow_queue_messages", connection="admin/main") == 0
    for process in (worker, api):
        assert process.value("chatgrow_store_up", store="mongo") == 1
        assert process.value("chatgrow_store_up", store="redis") == 1


async def _until_left(system: StackClient, url: str) -> None:
    """Wait until a worker shows nothing of the connection any more."""

    async def left() -> bool:
        series = (await _scrape(system, url)).series("chatgrow_browser_memory_bytes")
        return {"connection": "admin/main"} not in series

    await until(left, every=LOOK_EVERY)


async def _check_records(system: StackClient, message: str) -> None:
    """Find the life of a message in the records of both processes."""

    async def told() -> bool:
        path = "/api/logs?connectionId=main&level=info&limit=500"
        records = (await system.get(path))["items"]
        lines = {
            (each["process"], each["message"])
            for each in records
            if each.get("messageId") == message
        }
        return {
            ("control_api", "Message queued"),
            ("worker", "Message sent"),
            ("worker", "Message read"),
        } <= lines

    await until(told, every=LOOK_EVERY)
    worst = await system.get("/api/logs?level=warn&process=worker-1")
    assert any("The page broke" in each["message"] for each in worst["items"])


async def _all_logs(system: StackClient) -> dict[str, str]:
    """Return everything that was logged: files, standard error, and the records in MongoDB."""
    texts = {str(file): file.read_text(errors="replace") for file in _log_files(system)}
    async with AsyncMongoClient[dict[str, Any]](system.about["mongo"]) as client:
        records = client.get_default_database()["logRecords"]
        texts["records"] = "\n".join([str(each) async for each in records.find()])
    return texts


def _log_files(system: StackClient) -> Iterator[Path]:
    data = Path(system.about["data"])
    for folder, _, names in os.walk(data):
        for name in names:
            # What the simulated WhatsApp says is not ours.
            if name.endswith(".log") and name != "simulator.log" and "leveldb" not in folder:
                yield Path(folder, name)
