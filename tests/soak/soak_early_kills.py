"""A worker killed seconds after the scan, with its disk kept or lost: which logins survive."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.soak.report import Report
from tests.soak.sizes import Sizes
from tests.soak.system import (
    generations,
    phone,
    soak_stack,
    until_delivered,
    until_state,
    until_taken,
)
from tests.stack_client import StackClient
from tests.worker_kills import kill_worker

_SECONDS = (1, 2, 4, 8, 16)
_DISKS = ("kept", "kept, browsers killed too", "lost")
_MUST_SURVIVE = {"kept": 4, "kept, browsers killed too": 4, "lost": 15}
"""From how many seconds on no login may be lost."""
_SETTINGS = ("LEASE_TTL=5", "START_CONCURRENCY=4", "WHATSAPP_MAX_CONNECTIONS=50")
_ENDS = {"connected", "awaiting_scan", "logged_out", "stopped", "failed"}


@dataclass(frozen=True)
class Case:
    """When the worker is killed after the scan, and what becomes of its disk."""

    seconds: int
    disk: str

    @property
    def must_survive(self) -> bool:
        """Whether a login that is lost here is a defect."""
        return self.seconds >= _MUST_SURVIVE[self.disk]


async def run(report: Report, sizes: Sizes) -> None:
    """Try every case on several connections; publish the survivors of each."""
    settings = [part for each in _SETTINGS for part in ("--env", each)]
    survivors: dict[Case, int] = {}
    numbers = itertools.count()
    async with soak_stack(*settings) as system:
        for case in itertools.starmap(Case, itertools.product(_SECONDS, _DISKS)):
            chosen = itertools.islice(numbers, sizes.repetitions)
            ends = await _try(system, case, {f"line-{each}": phone(each) for each in chosen})
            survivors[case] = ends.count("connected")
            _report(report, case, ends)
    lost = [case for case in survivors if survivors[case] < sizes.repetitions and case.must_survive]
    assert not lost, f"logins were lost that had to survive: {lost}"


def _report(report: Report, case: Case, ends: Sequence[str]) -> None:
    counts = Counter(ends)
    alive = counts.pop("connected", 0)
    others = f"; the others: {dict(counts)}" if counts else ""
    name = f"killed {case.seconds} s after the scan, disk {case.disk}"
    report.figure(name, f"{alive}/{len(ends)} still linked{others}")


async def _try(system: StackClient, case: Case, batch: dict[str, str]) -> list[str]:
    """Link a batch, kill its worker so long after, and return where each connection ended up."""
    await _scan_all(system, batch)
    scanned = time.monotonic()
    before = await generations(system)
    await asyncio.sleep(case.seconds - (time.monotonic() - scanned))  # what is tested is time
    await kill_worker(system, lose_disk=case.disk == "lost", browsers_too="too" in case.disk)
    ends = [await _end_of(system, name, before[name]) for name in batch]
    alive = [name for name, end in zip(batch, ends, strict=True) if end == "connected"]
    await until_delivered(system, [await system.send(f"from {name}", name) for name in alive])
    await _stop_all(system, batch)
    return ends


async def _scan_all(system: StackClient, batch: dict[str, str]) -> None:
    """Have all phones scan at the same moment, once every code is shown."""
    for name in batch:
        await system.create(name)
    for name in batch:
        await until_state(system, name, {"awaiting_scan"})
    async with asyncio.TaskGroup() as group:
        for name, number in batch.items():
            group.create_task(system.scan(name, number))


async def _stop_all(system: StackClient, names: Iterable[str]) -> None:
    for name in names:
        await system.post(f"/api/whatsapp/connections/{name}/stop")
    for name in names:
        await until_state(system, name, {"stopped", "logged_out"})


async def _end_of(system: StackClient, name: str, generation: int) -> str:
    """Return where a connection settles under its next owner."""
    await until_taken(system, name, generation)
    return await until_state(system, name, _ENDS)
