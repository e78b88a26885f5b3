"""Ours alone, at the default pace: what a message costs, whose it is, and how late it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.bench.figures import percentile
from tests.bench.lab import OURS, Lab, Message
from tests.bench.linked import linked
from tests.bench.ours import DEFAULT_PACE, Ours
from tests.bench.report import Report
from tests.bench.side import phone_of, session_name, texts
from tests.bench.sizes import Sizes

_OF = "connections at the default pace"
_RECIPIENTS = 10
_LATEST_ACK = timedelta(seconds=2)
_KINDS = ("browsers", "worker", "driver", "API", "MongoDB and Redis")
_NOT_OURS = "browsers"
_Give = Callable[[str, Sequence[Message]], Coroutine[Any, Any, None]]


async def run(lab: Lab, report: Report, sizes: Sizes) -> None:
    """Measure at each number of connections."""
    for count in sizes.paced_connections:
        async with linked(lab, count) as ours:
            await ours.start()
            await ours.until_ready()
            await _all(count, ours.send, texts(f"known {count}", _RECIPIENTS, _RECIPIENTS))
            await ours.pace(count, DEFAULT_PACE)
            try:
                await _measure(lab, report, sizes, ours, count)
            finally:
                await ours.pace(count, {"enabled": False})


async def _measure(lab: Lab, report: Report, sizes: Sizes, ours: Ours, count: int) -> None:
    idle = await _idle(lab, ours, sizes)
    before, began = _used(lab, ours), time.monotonic()
    each_sends = (
        sizes.full_paced_messages if count == max(sizes.connections) else sizes.paced_messages
    )
    messages = texts(f"paced {count}", each_sends, _RECIPIENTS)
    await _all(count, ours.post, messages)
    await ours.until_all_sent()
    await asyncio.sleep(_LATEST_ACK.total_seconds())
    seconds, total = time.monotonic() - began, count * len(messages)
    used = _used(lab, ours)
    each = {
        kind: (used[kind] - before[kind] - idle[kind] * seconds) * 1000 / total for kind in _KINDS
    }
    report.grow("processor time of one message", "ms", _OF, count, sum(each.values()))
    own = sum(each.values()) - each[_NOT_OURS]
    report.grow("the same, all but the browsers", "ms", _OF, count, own)
    for kind in _KINDS:
        report.grow(f"the same, {kind}", "ms", _OF, count, each[kind])
    late = [await _late(lab, number, messages) for number in range(count)]
    worst = [delay for delays in late for delay in delays]
    for label, part in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0)):
        report.grow(f"later than the pace, {label}", "s", _OF, count, percentile(worst, part))


async def _idle(lab: Lab, ours: Ours, sizes: Sizes) -> dict[str, float]:
    """Return what each kind uses in a second while nothing is sent."""
    await asyncio.sleep(sizes.settle.total_seconds())
    seconds = sizes.idle.total_seconds()
    before = _used(lab, ours)
    await asyncio.sleep(seconds)
    after = _used(lab, ours)
    return {kind: (after[kind] - before[kind]) / seconds for kind in _KINDS}


def _used(lab: Lab, ours: Ours) -> Mapping[str, float]:
    return {"MongoDB and Redis": lab.servers_cpu(), **ours.used_by_kind()}


async def _late(lab: Lab, number: int, messages: list[Message]) -> list[float]:
    """Return by how much each message came later than the longest pause of its pace allows.

    That is four seconds after the message before it, and the time for which typing is shown.
    """
    phone, wanted = phone_of(OURS, number), {each.text for each in messages}
    entries = [
        entry
        for to in {each.to for each in messages}
        for entry in await lab.arrived(phone, to)
        if entry["text"] in wanted
    ]
    arrived = sorted(datetime.fromisoformat(each["arrivedAt"]).timestamp() for each in entries)
    assert len(arrived) == len(messages)
    typing = min(len(messages[-1].text) * 0.05, 6)
    longest = 4 + typing
    return [max(0.0, later - earlier - longest) for earlier, later in pairwise(arrived)]


async def _all(count: int, give: _Give, messages: list[Message]) -> None:
    """Give the messages to each session, to all at once."""
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(give(session_name(number), messages))
