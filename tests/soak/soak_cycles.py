"""Connections start and stop again and again while browsers, drivers and workers are killed."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import psutil

from tests.soak.footprint import Footprint, holders
from tests.soak.report import Report
from tests.soak.sizes import Sizes
from tests.soak.system import (
    database_of,
    device_ids,
    eventually,
    link,
    phone,
    soak_stack,
    until_delivered,
    until_saved,
    until_state,
)
from tests.stack_client import StackClient

_LANES = 3
_KILLS = ("none", "browser", "driver", "worker")
_WEIGHTS = (50, 20, 15, 15)
_MOMENTS = ("starting", "connected", "stopping")
_EVERY = 10
_OWNERLESS = timedelta(seconds=10)
"""A stop that has no worker for so long will never come."""


class Run:
    """What the lanes share."""

    def __init__(self, system: StackClient, report: Report, sizes: Sizes) -> None:
        self.system = system
        self.report = report
        self.chance = random.Random(sizes.seed)  # noqa: S311 - repeatable
        self.cycles = sizes.cycles
        self.done = 0
        self.begun = 0
        self.stuck = 0
        self.kills: Counter[str] = Counter()
        self.killing = asyncio.Lock()

    def next_kill(self) -> str:
        """Choose; the last worker must live long enough to show what it does not give back."""
        late = self.begun > 0.7 * self.cycles
        chosen = self.chance.choices(_KILLS, _WEIGHTS)[0]
        return "driver" if late and chosen == "worker" else chosen


async def run(report: Report, sizes: Sizes) -> None:
    """Go through the cycles, then compare what is left with what there was."""
    async with soak_stack("--env", "LEASE_TTL=4") as system:
        names = [f"lane-{number}" for number in range(_LANES)]
        devices = await _begin(system, names)
        before = await _at_rest(system)
        report.step(f"at rest: {before}")
        shared = Run(system, report, sizes)
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(_lane(shared, name))
        after = await _at_rest(system)
        report.step(f"at rest: {after}")
        _report(report, shared, before, after)
        await _send_from_each(system, names)
        assert await device_ids(system) == devices, "a phone was linked anew or lost its device"
        grown = after.more_than(before)
        assert not grown, f"left over: {grown}"
        assert not shared.stuck, f"{shared.stuck} connections were asked to stop and never did"


async def _begin(system: StackClient, names: Sequence[str]) -> set[str]:
    """Link every lane, save it and stop it; return the devices."""
    for number, name in enumerate(names):
        await link(system, name, phone(number))
    async with database_of(system) as database:
        await until_saved(database, len(names))
    for name in names:
        await _ask(system, name, "stop")
        await until_state(system, name, {"stopped"})
    return await device_ids(system)


async def _at_rest(system: StackClient) -> Footprint:
    """Look once no browser runs any more."""

    async def no_browser() -> bool:
        return not holders(system)

    await eventually(no_browser, "no browser runs")
    return Footprint.of(system)


async def _lane(shared: Run, name: str) -> None:
    while shared.begun < shared.cycles:
        shared.begun += 1
        await _cycle(shared, name)
        shared.done += 1
        if shared.done % _EVERY == 0:
            shared.report.step(f"{shared.done} cycles, kills: {dict(shared.kills)}")


async def _cycle(shared: Run, name: str) -> None:
    """Start and stop once, with a kill at some moment or none."""
    kill, moment = shared.next_kill(), shared.chance.choice(_MOMENTS)
    await _ask(shared.system, name, "start")
    if moment == "starting":
        await _kill_after(shared, name, kill, shared.chance.uniform(0, 2))
    await until_state(shared.system, name, {"connected"})
    if moment == "connected":
        await _kill_after(shared, name, kill, 0)
    await _ask(shared.system, name, "stop")
    if moment == "stopping":
        await _kill_after(shared, name, kill, shared.chance.uniform(0, 2))
    await _until_stopped(shared, name)


async def _until_stopped(shared: Run, name: str) -> None:
    """Wait for the stop; one that nobody finishes is counted, and the next cycle begins."""
    ownerless = 0.0

    async def stopped() -> bool:
        nonlocal ownerless
        status = await shared.system.status(name)
        lost = status.get("reason") == "worker_lost"
        ownerless = (ownerless or time.monotonic()) if lost else 0.0
        return status["state"] == "stopped" or _is_over(ownerless)

    await eventually(stopped, f"{name} is stopped")
    shared.stuck += _is_over(ownerless)


def _is_over(since: float) -> bool:
    return since > 0 and time.monotonic() - since > _OWNERLESS.total_seconds()


async def _kill_after(shared: Run, name: str, what: str, seconds: float) -> None:
    await asyncio.sleep(seconds)
    async with shared.killing:
        shared.kills[what] += 1
        with suppress(psutil.NoSuchProcess):
            if what == "browser":
                await _kill_browser(shared.system, name)
            elif what == "driver":
                _kill_driver(shared.system)
            elif what == "worker":
                await _kill_worker(shared.system)


async def _kill_browser(system: StackClient, name: str) -> None:
    """Kill the browser of one connection, if it has one now."""
    async with database_of(system) as database:
        record = await database["connections"].find_one({"connectionId": name}) or {}
    for process in holders(system):
        if any(part.endswith(f"/{record['_id']}") for part in process.cmdline()):
            process.kill()


def _kill_driver(system: StackClient) -> None:
    for child in psutil.Process(system.pid("worker-1")).children():
        if "node" in child.name():
            child.kill()


async def _kill_worker(system: StackClient) -> None:
    pid = system.pid("worker-1")
    psutil.Process(pid).kill()

    async def restarted() -> bool:
        return system.pid("worker-1") != pid

    await eventually(restarted, "the worker is started again", timedelta(minutes=1))


async def _ask(system: StackClient, name: str, what: str) -> None:
    told = await system.post(f"/api/whatsapp/connections/{name}/{what}")
    assert told["http"] == 202, told


def _report(report: Report, shared: Run, before: Footprint, after: Footprint) -> None:
    report.figure("start/stop cycles", shared.done)
    report.figure("kills", dict(shared.kills))
    report.figure("stops that never came", shared.stuck)
    for name in ("processes", "descriptors"):
        counts = [sum(getattr(each, name).values()) for each in (before, after)]
        report.figure(f"{name} at rest", f"{counts[0]} before, {counts[1]} after")
    left = len(after.temporary) - len(before.temporary)
    report.figure("temporary folders left", left)


async def _send_from_each(system: StackClient, names: Sequence[str]) -> None:
    for name in names:
        await _ask(system, name, "start")
    await until_delivered(system, [await system.send(f"from {name}", name) for name in names])
