"""One message, end to end, through every real part."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from chatgrow_worker.settings import WorkerSettings
from tests.acceptance.test_webhooks import told_of_everything
from tests.processes import alive, children_named, kill_all
from tests.stack_client import LOOK_EVERY, OUR_PHONE, PATIENCE, ROOT, StackClient, stack
from tests.waiting import until
from tests.worker_kills import kill_worker

TEXTS = ["שלום, התור שלך מחר בשעה 9:30", "Hello from ChatGrow! 👋🏽", "line one\nline two $1 {x}"]


async def test_a_phone_is_linked_and_sends_and_a_receiver_is_told_of_everything(
    system: StackClient,
) -> None:
    async with told_of_everything(system) as ids:
        await system.create()
        ids.append(await system.send("queued before the phone was linked"))
        waiting = (await system.message(ids[0]))["waiting"]
        assert waiting["reason"].startswith("connection_")
        await system.scan()
        await system.until_state("connected")
        assert (await system.status())["phoneNumber"] == OUR_PHONE
        ids += [await system.send(text) for text in TEXTS]
    for message_id in ids:
        read = await system.message(message_id)
        steps = ("queued", "sending", "sent", "delivered", "read")
        # Not as texts: a time without a fraction would sort behind one with it.
        times = [datetime.fromisoformat(read[f"{step}At"]) for step in steps]
        assert times == sorted(times)
    entries = await system.ledger()
    assert [entry["text"] for entry in entries][1:] == TEXTS
    assert all(entry["arrivals"] == 1 for entry in entries)


@pytest.mark.linked
async def test_the_browser_and_its_driver_are_told_no_setting(system: StackClient) -> None:
    worker = psutil.Process(system.pid("worker-1"))
    settings = {name.upper() for name in WorkerSettings.model_fields}
    assert settings & set(worker.environ())
    children = worker.children(recursive=True)
    assert any("--user-data-dir" in " ".join(each.cmdline()) for each in children)
    for child in children:
        assert not settings & set(child.environ()), child.name()


@pytest.mark.slow
async def test_a_second_start_finds_what_the_first_left(tmp_path: Path) -> None:
    async with stack("--data", str(tmp_path)) as first:
        await first.create()
        await first.scan()
        await first.until_state("connected")
        sent = await first.send("before")
        await first.until_message(sent, "read")
        key = first.about["apiKey"]
    async with stack("--data", str(tmp_path)) as second:
        assert second.about["apiKey"] == key
        assert (await second.message(sent))["status"] == "read"
        again = await second.send("after")
        await second.until_message(again, "read")
        assert [entry["text"] for entry in await second.ledger()] == ["before", "after"]


@pytest.mark.linked
@pytest.mark.timeout(300)
async def test_any_process_may_be_killed(system: StackClient) -> None:
    await system.until_login_is_on_disk()
    texts = []
    for name in ("api", "worker-1", "mongo", "redis", "simulator"):
        os.kill(system.pid(name), signal.SIGKILL)
        texts.append(f"after {name} was killed")
        sent = await system.send_stubbornly(texts[-1])
        await system.until_restarted(name)
        await system.until_message(sent, "read")
    assert [(each["text"], each["arrivals"]) for each in await system.ledger()] == [
        (text, 1) for text in texts
    ]
    await system.until_state("connected")
    assert (await system.get("/health"))["status"] == "ok"


# `test_browser.py` kills both; `test_observed.py` goes on after a killed browser.
@pytest.mark.slow
async def test_a_killed_browser_and_a_killed_driver_cost_seconds_and_no_message(
    system: StackClient,
) -> None:
    await system.create()
    await system.scan()
    await system.until_state("connected")
    first = await system.send("before")
    await system.until_message(first, "read")
    await system.until_login_is_on_disk()
    for number, name in enumerate(("chromium", "node")):
        await _kill_child(system, name)
        sent = await system.send(f"after {number}")
        await system.until_message(sent, "read")
    assert [each["text"] for each in await system.ledger()] == ["before", "after 0", "after 1"]


@pytest.mark.slow
async def test_nothing_is_left_running_when_the_stack_ends(tmp_path: Path) -> None:
    async with stack("--data", str(tmp_path)) as system:
        await system.create()
        await system.scan()
        await system.until_state("connected")
        tree = psutil.Process(system.process.pid).children(recursive=True)
        assert any("chromium" in each.name() for each in tree)
    assert [each for each in tree if each.is_running() and alive(each.pid)] == []


async def _kill_child(system: StackClient, name: str) -> None:
    """Kill the worker's children of this name, and wait until the worker has noticed."""
    victims = children_named(system.pid("worker-1"), name)
    assert victims
    before = (await system.status())["since"]
    kill_all(victims)

    async def noticed() -> bool:
        status = await system.status()
        return bool(status["state"] == "connected" and status["since"] != before)

    await until(noticed, every=LOOK_EVERY)


# `test_browser.py` links with the default savings, too, and puts a login back.
@pytest.mark.slow
@pytest.mark.parametrize("savings", ["", "none"])
async def test_browsers_as_they_are_in_production_do_the_same(
    tmp_path: Path, mongo_option: tuple[str, str], savings: str
) -> None:
    """Elsewhere browsers have all savings; here those of the default, which is the empty value."""
    settings = ("--supervise", "--env", f"BROWSER_SAVINGS={savings}", *mongo_option)
    async with stack("--data", str(tmp_path), *settings) as system:
        await system.create()
        await system.scan()
        await system.until_state("connected")
        await system.until_message(await system.send("before"), "read")
        # At once: Chromium has not written localStorage yet, so the login is put back.
        await kill_worker(system, lose_disk=False, browsers_too=True)
        await system.until_restarted("worker-1")
        await system.until_message(await system.send("after"), "read")
        assert [each["arrivals"] for each in await system.ledger()] == [1, 1]
        assert len(await system.control("GET", "devices")) == 1


# `test_saved_html.py` follows what is saved, and `test_browser.py` opens pages from it.
@pytest.mark.slow
async def test_an_operator_lets_pages_be_opened_from_saved_html_until_whatsapp_refuses_it(
    system: StackClient,
) -> None:
    await system.create()
    await system.scan()
    await system.until_state("connected")
    await system.until_message(await system.send("from the page that works"), "read")
    assert "None is saved" not in await _until_said(system, "show", "version 2.3000")

    await system.control("PUT", "faults", {"htmlVersion": 2, "brokenHtml": True})
    assert "yes" in await _saved_page(system, "on")
    await system.post("/api/whatsapp/connections/main/restart")
    await system.until_message(await system.send("from the saved page"), "read")
    assert (await system.get("/health"))["savedPage"]["version"].startswith("2.3000")

    await system.control("PUT", "faults", {"brokenHtml": False, "oldHtmlRefused": True})
    await system.post("/api/whatsapp/connections/main/restart")
    await system.until_message(await system.send("from what WhatsApp serves"), "read")
    assert "refuses its version" in (await system.get("/health"))["savedPage"]["why"]
    assert "Given up" in await _saved_page(system, "show")
    assert "no" in await _saved_page(system, "off")
    assert "savedPage" not in await system.get("/health")
    assert [each["arrivals"] for each in await system.ledger()] == [1, 1, 1]


async def _until_said(system: StackClient, what: str, part: str) -> str:
    said: list[str] = []

    async def told() -> bool:
        said.append(await _saved_page(system, what))
        return part in said[-1]

    # Each look starts a program.
    await until(told, within=PATIENCE, every=timedelta(seconds=1))
    return said[-1]


async def _saved_page(system: StackClient, what: str) -> str:
    """Run `python -m sessions saved-page`, as an operator does; return what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sessions", "saved-page", what),
        cwd=ROOT,
        env={**os.environ, "MONGODB_URI": system.about["mongo"]},
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return told.decode()
