"""Ours alone: what a year of a shop costs its statistics, and a long table its import."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any

import aiohttp
from pymongo import WriteConcern

from tests.bench.figures import percentile
from tests.bench.lab import Lab
from tests.bench.ours import Ours
from tests.bench.report import Report
from tests.bench.sizes import QUICK, Sizes
from tests.bench.usage import cpu_seconds
from tests.shop_year import YEAR, ShopYear

_YEAR = "messages of a year"
_ROWS = "imported rows"
_OWNER = "admin"
_SHOP = "shop-1000"
_BATCH = 5_000
_LOOKS = 9
_EVERY = 0.05
"""Seconds between two requests beside the import."""
_PER_APPOINTMENT = 2.6
"""About how many messages the made-up year has for each appointment."""


async def run(lab: Lab, report: Report, sizes: Sizes) -> None:
    """Measure both on the API alone: no worker runs."""
    quick = max(sizes.stored) <= max(QUICK.stored)
    messages, rows = (5_000, 2_000) if quick else (200_000, 50_000)
    await lab.system.create(_SHOP)
    async with Ours(lab).backend() as http:
        await _statistics(lab, report, http, messages)
        await _import(report, http, rows)


async def _statistics(lab: Lab, report: Report, http: aiohttp.ClientSession, messages: int) -> None:
    stored = await _insert_year(lab, messages)
    now = datetime.now(UTC).replace(microsecond=0)
    for by in ("day", "month"):
        span = {"from": _written(now - YEAR), "to": _written(now), "by": by}
        first = await _ask(http, "/provider/stats", span)
        report.grow(f"statistics by {by}, the first time", "ms", _YEAR, stored, first * 1000)
        before = _used(lab)
        took = [await _ask(http, "/provider/stats", span) for _ in range(_LOOKS)]
        used = (_used(lab) - before) * 1000 / _LOOKS
        report.grow(f"statistics by {by}, processor time", "ms", _YEAR, stored, used)
        warm = statistics.median(took) * 1000
        report.grow(f"statistics by {by}, median", "ms", _YEAR, stored, warm)


def _used(lab: Lab) -> float:
    """Return the processor time of the API and the servers."""
    return cpu_seconds({lab.system.pid("api")}) + lab.servers_cpu()


async def _insert_year(lab: Lab, messages: int) -> int:
    """Store a year; return how many messages it has."""
    record = await lab.database["connections"].find_one({"connectionId": _SHOP})
    appointments = int(messages * 0.85 / _PER_APPOINTMENT)
    others = int(messages * 0.15)
    year = ShopYear(_OWNER, record or {}, datetime.now(UTC), appointments, others)
    at_once = WriteConcern(w=1, j=False)
    documents = year.documents()
    while batch := sorted(islice(documents, _BATCH), key=lambda each: each[0]):
        for name, group in groupby(batch, key=lambda each: each[0]):
            collection = lab.database.get_collection(name, write_concern=at_once)
            await collection.insert_many([each for _, each in group], ordered=False)
    # What MongoDB has still to write would be counted as ours.
    await lab.database.client.admin.command("fsync")
    return await lab.database["messages"].count_documents({"connectionId": _SHOP})


async def _import(report: Report, http: aiohttp.ClientSession, rows: int) -> None:
    """Import a table while others ask for something."""
    lines = (f"Somebody {number},+97255{number:07d},he" for number in range(rows))
    table = "\n".join(["name,phone,language", *lines]).encode()
    asked: list[float] = []
    beside = asyncio.create_task(_keep_asking(http, asked))
    began = time.monotonic()
    headers = {"Content-Type": "text/csv"}
    long = aiohttp.ClientTimeout(600)
    async with http.post(
        "/api/customers/import", data=table, headers=headers, timeout=long
    ) as answer:
        told: dict[str, Any] = await answer.json()
        assert told["created"] == rows, told
    report.grow("import of customers", "s", _ROWS, rows, time.monotonic() - began)
    beside.cancel()
    for label, part in (("p50", 0.5), ("p99", 0.99)):
        name = f"a request beside the import, {label}"
        report.grow(name, "ms", _ROWS, rows, percentile(asked, part) * 1000)


async def _keep_asking(http: aiohttp.ClientSession, took: list[float]) -> None:
    """Ask at a steady rate, whatever became of the requests before."""
    path = f"/api/whatsapp/connections/{_SHOP}/status"

    async def one(due: float) -> None:
        await _ask(http, path)
        took.append(time.monotonic() - due)

    async with asyncio.TaskGroup() as group:
        due = time.monotonic()
        while True:
            group.create_task(one(due))
            due += _EVERY
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _ask(
    http: aiohttp.ClientSession, path: str, query: dict[str, str] | None = None
) -> float:
    began = time.monotonic()
    async with http.get(path, params=query) as answer:
        assert answer.status == 200, await answer.text()
        await answer.read()
    return time.monotonic() - began


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
