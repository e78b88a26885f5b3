"""Ours alone: what more connections cost, as far as this machine goes."""

from __future__ import annotations

import asyncio
import time

from tests.bench.lab import Lab
from tests.bench.linked import linked
from tests.bench.ours import Ours
from tests.bench.report import Report
from tests.bench.side import session_name, texts
from tests.bench.sizes import Sizes
from tests.bench.usage import cpu_seconds, pss_bytes

_OF = "connections"
_MB = 1024 * 1024
_MESSAGES = 200
_TEN = 10


async def run(lab: Lab, report: Report, sizes: Sizes) -> None:
    """Measure at each number of connections."""
    for count in sizes.connections:
        async with linked(lab, count) as ours:
            began = time.monotonic()
            await ours.start()
            await ours.until_ready()
            report.grow("from a cold start", "s", _OF, count, time.monotonic() - began)
            await asyncio.sleep(sizes.settle.total_seconds())
            memory = pss_bytes(ours.pids()) / _MB
            report.grow("memory, all", "MB", _OF, count, memory)
            report.grow("memory of each", "MB", _OF, count, memory / count)
            await _idle(report, sizes, ours, count)
            await _dispatch(report, ours, count)
    _shares(report, sizes)


def _shares(report: Report, sizes: Sizes) -> None:
    """Set a connection's share at each number beside that at ten (goal at 100: at most 0.6)."""
    for name in ("memory of each", "idle processor time of each"):
        growth = report.growth(name, _OF)
        values = growth.values if growth else {}
        for count in sizes.connections if _TEN in values else ():
            report.grow(f"{name} / that of ten", "ratio", _OF, count, values[count] / values[_TEN])


async def _idle(report: Report, sizes: Sizes, ours: Ours, count: int) -> None:
    """Measure what is used at rest, and whose it is."""
    seconds = sizes.idle.total_seconds()
    before = ours.used_by_kind()
    await asyncio.sleep(seconds)
    used = {kind: (now - before[kind]) * 60 / seconds for kind, now in ours.used_by_kind().items()}
    report.grow("idle processor time", "s/min", _OF, count, sum(used.values()))
    report.grow("idle processor time of each", "s/min", _OF, count, sum(used.values()) / count)
    for kind, value in used.items():
        report.grow(f"idle processor time, {kind}", "s/min", _OF, count, value)


async def _dispatch(report: Report, ours: Ours, count: int) -> None:
    """Send the same number of messages, shared among the connections, all at once."""
    each = max(1, _MESSAGES // count)
    before, began = cpu_seconds(ours.pids()), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            messages = texts(f"growth {count}, line {number}", each, each)
            group.create_task(ours.send(session_name(number), messages))
    total = each * count
    report.grow("messages, all", "1/s", _OF, count, total / (time.monotonic() - began))
    used = (cpu_seconds(ours.pids()) - before) * 1000 / total
    report.grow("processor time of one message", "ms", _OF, count, used)
