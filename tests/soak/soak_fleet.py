"""All workers die with their disks; two new ones bring every connection back without a scan."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

from tests.soak.report import Report
from tests.soak.sizes import Sizes
from tests.soak.system import (
    Database,
    database_of,
    device_ids,
    eventually,
    link,
    phone,
    soak_stack,
    until_delivered,
    until_saved,
)
from tests.stack_client import StackClient
from tests.worker_kills import kill_worker

_AT_ONCE = 4


async def run(report: Report, sizes: Sizes) -> None:
    """Link them, lose everything but MongoDB, and have each send one message."""
    capacity = f"WHATSAPP_MAX_CONNECTIONS={sizes.connections}"
    async with (
        soak_stack("--workers", "2", "--env", capacity) as system,
        database_of(system) as database,
    ):
        names = [f"line-{number}" for number in range(sizes.connections)]
        await _link_all(report, system, names)
        await until_saved(database, len(names))
        devices = await device_ids(system)
        assert len(devices) == len(names)
        report.step("every login is saved")
        began = time.monotonic()
        await _lose_everything(system)
        report.step("both workers and their disks are gone")
        await _until_all_back(report, database, began)
        await _send_from_each(report, system, names, began)
        assert await device_ids(system) == devices, "a phone was linked anew or lost its device"


async def _link_all(report: Report, system: StackClient, names: list[str]) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, name: str) -> None:
        async with slots:
            await link(system, name, phone(number))

    async with asyncio.TaskGroup() as group:
        for number, name in enumerate(names):
            group.create_task(one(number, name))
    report.figure("linked", f"{len(names)} connections in {report.seconds:.0f} s")


async def _lose_everything(system: StackClient) -> None:
    async with asyncio.TaskGroup() as group:
        for number in (1, 2):
            group.create_task(kill_worker(system, number, lose_disk=True))


async def _until_all_back(report: Report, database: Database, began: float) -> None:
    """Wait for a new generation of every connection that is connected."""
    connections = database["connections"]
    before = {each["_id"]: each["generation"] async for each in connections.find()}

    async def back() -> list[dict[str, Any]]:
        found = connections.find({"state": "connected"})
        return [each async for each in found if each["generation"] > before[each["_id"]]]

    async def first() -> bool:
        return bool(await back())

    async def all_of_them() -> bool:
        return len(await back()) == len(before)

    await eventually(first, "the first connection is back")
    report.figure("first one back", f"{time.monotonic() - began:.1f} s after the kill")
    await eventually(all_of_them, "every connection is back")
    report.figure("all could send", f"{time.monotonic() - began:.1f} s after the kill")
    owners = Counter([each["lease"]["worker"] for each in await back()])
    report.figure("spread", ", ".join(f"{name} {count}" for name, count in sorted(owners.items())))


async def _send_from_each(
    report: Report, system: StackClient, names: list[str], began: float
) -> None:
    texts = {name: f"from {name}" for name in names}
    await until_delivered(system, [await system.send(texts[name], name) for name in names])
    report.figure("all have sent", f"{time.monotonic() - began:.1f} s after the kill")
    ledger = [(each["text"], each["arrivals"]) for each in await system.ledger()]
    assert sorted(ledger) == sorted((text, 1) for text in texts.values()), ledger
