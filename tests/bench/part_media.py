"""Ours alone: what large files cost in memory, on their way through the API and the worker."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tests.bench.lab import Lab
from tests.bench.linked import linked
from tests.bench.ours import Ours
from tests.bench.report import Report
from tests.bench.side import session_name
from tests.bench.sizes import Sizes
from tests.bench.usage import pss_bytes

_OF = "documents of 50 MiB at once"
_AT_ONCE = (1, 6)
_MB = 1024 * 1024
_SIZE = 50 * _MB
_SESSION = session_name(0)
_LOOK_EVERY = 0.1
"""Seconds between two looks at the memory: a file of this size takes many times that."""


async def run(lab: Lab, report: Report, sizes: Sizes) -> None:
    """Measure with each number of documents, through one connection."""
    async with linked(lab, 1) as ours:
        await ours.start()
        await ours.until_ready()
        for count in _AT_ONCE:
            await asyncio.sleep(sizes.settle.total_seconds())
            _tell(report, "before", count, _memory(ours))
            async with _highest(ours) as seen:
                began = time.monotonic()
                await _upload_and_send(ours, count)
                report.grow("from upload to sent", "s", _OF, count, time.monotonic() - began)
            _tell(report, "at its highest", count, seen.highest)
            await asyncio.sleep(sizes.settle.total_seconds())
            _tell(report, "after", count, _memory(ours))


@dataclass
class _Seen:
    """The most memory of each kind of process that a look has seen."""

    highest: dict[str, float] = field(default_factory=dict)

    def add(self, memory: Mapping[str, float]) -> None:
        """Keep what is more than before."""
        for kind, value in memory.items():
            self.highest[kind] = max(value, self.highest.get(kind, 0))


@asynccontextmanager
async def _highest(ours: Ours) -> AsyncIterator[_Seen]:
    """Look at the memory again and again inside the block."""
    seen = _Seen()

    async def look() -> None:
        while True:
            seen.add(await asyncio.to_thread(_memory, ours))
            await asyncio.sleep(_LOOK_EVERY)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        await asyncio.wait({looking})


def _memory(ours: Ours) -> dict[str, float]:
    """Return the memory of each kind of process in MB."""
    return {kind: pss_bytes(pids) / _MB for kind, pids in ours.pids_by_kind().items()}


def _tell(report: Report, when: str, count: int, memory: Mapping[str, float]) -> None:
    for kind in ("API", "worker", "browsers"):
        report.grow(f"memory of the {kind} {when}", "MB", _OF, count, memory[kind])


async def _upload_and_send(ours: Ours, count: int) -> None:
    async with ours.backend() as http, asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(_send_one(http, f"+15551{number:06d}"))
    await ours.until_sent(_SESSION)


async def _send_one(http: aiohttp.ClientSession, to: str) -> None:
    async with http.post("/api/whatsapp/media", data=_document()) as answer:
        assert answer.status == 201, await answer.text()
        media = (await answer.json())["mediaId"]
    body = {"connectionId": _SESSION, "to": to, "media": {"mediaId": media, "as": "document"}}
    async with http.post("/api/whatsapp/send", json=body) as answer:
        assert answer.status == 202, await answer.text()


async def _document() -> AsyncIterator[bytes]:
    """Yield a document whose content nothing can shorten."""
    head = b"%PDF-1.7\n"
    yield head
    piece = os.urandom(_MB - len(head))
    yield piece
    for number in range(1, _SIZE // _MB):
        yield number.to_bytes(len(head), "big") + piece
