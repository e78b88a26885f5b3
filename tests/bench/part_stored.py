"""Ours alone: what a long past costs, with messages put into MongoDB directly."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import aiohttp
from pymongo import WriteConcern

from tests.bench.lab import Lab
from tests.bench.linked import linked
from tests.bench.ours import Ours
from tests.bench.report import Report
from tests.bench.side import session_name, texts
from tests.bench.sizes import Sizes
from tests.bench.usage import cpu_seconds, pss_bytes

_OF = "stored messages"
_MB = 1024 * 1024
_SESSION = session_name(0)
_BATCH = 10_000
_MESSAGES = 100
_LOOKS = 30
_PAST = timedelta(days=80)
"""Younger than what is forgotten."""


async def run(lab: Lab, report: Report, sizes: Sizes) -> None:
    """Measure with each number of messages of one connection."""
    async with linked(lab, 1):
        pass  # now there is one
    record = await lab.database["connections"].find_one({"connectionId": _SESSION})
    past = _past(record or {}, max(sizes.stored))
    stored = 0
    for count in sizes.stored:
        await _insert(lab, past, count - stored)
        stored = count
        report.step(f"{count:,} messages are stored")
        await _measure(lab, report, sizes, count)


async def _measure(lab: Lab, report: Report, sizes: Sizes, count: int) -> None:
    async with linked(lab, 1) as ours:
        began = time.monotonic()
        await ours.start()
        await ours.until_ready()
        report.grow("one connection from a cold start", "s", _OF, count, time.monotonic() - began)
        await asyncio.sleep(sizes.settle.total_seconds() / 2)
        report.grow("memory", "MB", _OF, count, pss_bytes(ours.pids()) / _MB)
        await _dispatch(lab, report, ours, count)
        async with ours.backend() as http:
            for name, path in (
                ("status of a connection, median", f"connections/{_SESSION}/status"),
                ("a page of its messages, median", f"messages?connectionId={_SESSION}"),
            ):
                took = [await _ask(http, f"/api/whatsapp/{path}") for _ in range(_LOOKS)]
                report.grow(name, "ms", _OF, count, statistics.median(took) * 1000)


async def _dispatch(lab: Lab, report: Report, ours: Ours, count: int) -> None:
    messages = texts(f"stored {count}", _MESSAGES, _MESSAGES // 5)
    before, servers = cpu_seconds(ours.pids()), lab.servers_cpu()
    began = time.monotonic()
    await ours.send(_SESSION, messages)
    report.grow("messages", "1/s", _OF, count, _MESSAGES / (time.monotonic() - began))
    used = (cpu_seconds(ours.pids()) - before) * 1000 / _MESSAGES
    report.grow("processor time of one message", "ms", _OF, count, used)
    used = (lab.servers_cpu() - servers) * 1000 / _MESSAGES
    report.grow("the same of MongoDB and Redis", "ms", _OF, count, used)


async def _ask(http: aiohttp.ClientSession, path: str) -> float:
    began = time.monotonic()
    async with http.get(path) as answer:
        assert answer.status == 200, await answer.text()
        await answer.read()
    return time.monotonic() - began


async def _insert(lab: Lab, past: Iterator[dict[str, Any]], count: int) -> None:
    """Add messages in a copy of the collection that gets its indexes last: that is far quicker."""
    messages = lab.database["messages"]
    copy = lab.database.get_collection("past", write_concern=WriteConcern(w=1, j=False))
    await (await messages.aggregate([{"$out": copy.name}])).to_list()
    while batch := list(islice(past, min(_BATCH, count))):
        await copy.insert_many(batch, ordered=False)
        count -= len(batch)
    indexes = [
        {name: value for name, value in index.items() if name != "v"}
        async for index in await messages.list_indexes()
    ]
    await lab.database.command("createIndexes", copy.name, indexes=indexes)
    await copy.rename(messages.name, dropTarget=True)
    # What MongoDB has still to write would be counted as ours.
    await lab.database.client.admin.command("fsync")


def _past(record: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Make up messages that were read, the oldest first, evenly over the past."""
    began = datetime.now(UTC) - _PAST
    for number in range(count):
        at = began + _PAST * (number / count)
        bare = f"3EB0{number:018X}"
        to = f"1555{2_000_000 + number * 7919 % 50_000}@c.us"
        yield {
            "_id": f"0{number:025d}",
            "owner": record["owner"],
            "connection": record["_id"],
            "connectionId": record["connectionId"],
            "to": to,
            "text": f"message {number} of the past, about as long as most of them are",
            "priority": 1,
            "seq": number - count,
            "status": "read",
            "attempts": 1,
            "generation": 1,
            "whatsappId": f"true_{to}_{bare}",
            "bareId": bare,
            **dict.fromkeys(
                ("queuedAt", "dueAt", "sendingAt", "pacedAt", "sentAt", "deliveredAt", "readAt"),
                at,
            ),
            "endedAt": at,
        }
