"""Our side: the control API and one worker with its driver and browsers."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import aiohttp

from tests.bench.lab import LONG, OURS, Lab, Message
from tests.bench.side import Readiness, session_name
from tests.bench.usage import cpu_seconds, marked, named
from tests.stack.process import StackProcess
from tests.waiting import until

_AT_ONCE = 8
_NOT_SENT = ["queued", "sending"]
_ASK_EVERY = timedelta(seconds=2)
DEFAULT_PACE: Mapping[str, object] = {"enabled": True, "perHour": 100_000, "perDay": 1_000_000}
"""The default pause after each message, without the limits of an hour and a day: earlier parts of a
run have used those up."""


class Ours:
    """The worker, from its empty disk on; the API runs all the time and counts too."""

    name = OURS

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._records = lab.database["connections"]
        self._messages = lab.database["messages"]
        self._worker: StackProcess | None = None
        self._before: dict[str, int] = {}

    async def start(self) -> None:
        self._before = {
            each["_id"]: each["generation"]
            async for each in self._records.find({"desired": "running"})
        }
        self._worker = self._lab.worker()
        await self._worker.start()

    async def until_ready(self) -> Readiness:
        async def ready() -> bool:
            found = self._records.find({"state": "connected"}, {"generation": True})
            up = {each["_id"] async for each in found if each["generation"] > self._since(each)}
            return up >= self._before.keys()

        await until(ready, within=LONG)
        return Readiness(time.monotonic())

    async def link(self, session: str, phone: str) -> asyncio.Task[float]:
        await self._lab.system.create(session)
        await self._lab.hold_phone(phone)
        shown = await self._lab.system.get(
            f"/api/whatsapp/connections/{session}/qr?format=json&wait=60"
        )
        scanned = await self._lab.scan(phone, shown["code"])
        saved = asyncio.create_task(self._until_saved(session, scanned))
        await self._lab.system.until_state("connected", session)
        return saved

    async def send(self, session: str, messages: Sequence[Message]) -> None:
        """Post each message by itself, several requests under way, and wait for the outbox."""
        await self.post(session, messages)
        await self.until_sent(session)

    async def send_paced(self, count: int, messages: Sequence[Message]) -> None:
        """Have the messages accepted for each session, and wait for the outbox, asking seldom."""
        await self.pace(count, DEFAULT_PACE)
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(self.post(session_name(number), messages))
        await self.until_all_sent()
        await self.pace(count, {"enabled": False})

    async def until_all_sent(self) -> None:
        """Wait until nothing waits any more; what is asked is counted with the rest."""
        waiting = {"status": {"$in": _NOT_SENT}}
        while await self._messages.count_documents(waiting):  # noqa: ASYNC110
            await asyncio.sleep(_ASK_EVERY.total_seconds())

    async def pace(self, count: int, pacing: Mapping[str, object]) -> None:
        """Set the pace of the first sessions."""
        async with self.backend() as http:
            for number in range(count):
                path = f"/api/whatsapp/connections/{session_name(number)}"
                async with http.patch(path, json={"pacing": pacing}) as answer:
                    assert answer.status == 200, await answer.text()

    async def post(self, session: str, messages: Sequence[Message]) -> None:
        """Have messages accepted by the API, in order as far as requests can be."""
        waiting = iter(messages)
        async with self.backend() as http, asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(_post_all(http, session, waiting))

    def backend(self) -> aiohttp.ClientSession:
        """Return what a backend asks the API with: connections that are kept."""
        about = self._lab.system.about
        return aiohttp.ClientSession(about["api"], headers={"X-Api-Key": about["apiKey"]})

    async def until_sent(self, session: str) -> None:
        """Wait until nothing of a session waits or is in hand."""
        record = await self._records.find_one({"connectionId": session})
        waiting = {"connection": (record or {})["_id"], "status": {"$in": _NOT_SENT}}

        async def sent() -> bool:
            return await self._messages.find_one(waiting, {"_id": True}) is None

        await until(sent, within=LONG)

    async def stop(self) -> None:
        if self._worker is not None:
            await self._worker.stop()
        self._lose_disk()

    async def kill(self) -> None:
        for pid in marked(self._lab.mark(OURS)):
            os.kill(pid, signal.SIGKILL)
        await self.stop()
        await until(self._no_lease_lives, within=LONG)

    def pids(self) -> set[int]:
        return {*marked(self._lab.mark(OURS)), self._lab.system.pid("api")}

    def pids_by_kind(self) -> dict[str, set[int]]:
        """Return its processes: the API, the worker, Playwright's driver, and the browsers."""
        api, worker = self._lab.system.pid("api"), self._worker.pid if self._worker else 0
        every = marked(self._lab.mark(OURS))
        # Newer Nodes name their first thread.
        drivers = named(every, "node", "node-MainThread")
        return {
            "API": {api},
            "worker": {worker},
            "driver": drivers,
            "browsers": every - drivers - {worker},
        }

    def used_by_kind(self) -> dict[str, float]:
        """Return the processor seconds of its processes, as `pids_by_kind` has them."""
        return {kind: cpu_seconds(pids) for kind, pids in self.pids_by_kind().items()}

    def _since(self, record: dict[str, Any]) -> int:
        return self._before.get(record["_id"], -1)

    def _lose_disk(self) -> None:
        shutil.rmtree(self._lab.folder / "sessions", ignore_errors=True)

    async def _no_lease_lives(self) -> bool:
        live = {"$expr": {"$gt": ["$lease.expiresAt", "$$NOW"]}}
        return await self._records.find_one(live) is None

    async def _until_saved(self, session: str, scanned: float) -> float:
        saved = {"connectionId": session, "blobs.0": {"$exists": True}}

        async def there() -> bool:
            return await self._records.find_one(saved, {"_id": True}) is not None

        await until(there, within=LONG)
        return time.monotonic() - scanned


async def _post_all(http: aiohttp.ClientSession, session: str, waiting: Any) -> None:
    for message in waiting:
        body = {"connectionId": session, "to": message.to, "message": message.text}
        async with http.post("/api/whatsapp/send", json=body) as answer:
            assert answer.status == 202, await answer.text()
