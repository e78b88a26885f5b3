"""What both sides share: the simulated WhatsApp Web, MongoDB, Redis, and a folder to work in."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests.bench.usage import MARK, cpu_seconds, marked, named
from tests.stack.options import Options
from tests.stack.plan import Plan
from tests.stack.process import StackProcess
from tests.stack.saved import recall
from tests.stack_client import StackClient, stack
from tests.waiting import until

OURS = "ours"
THEIRS = "theirs"
"""The peer as it comes: a whole Chromium for each session."""
THEIRS_SHELL = "theirs-shell"
"""The peer, told to use the browser that we use."""
LONG = timedelta(minutes=3)
_SERVERS = "servers"
_SYNC_MS = 3000
"""How long a page takes to synchronise: a peer that looks later never sees that it has."""
_SETTINGS = {
    # The simulated page is light: while some wait for their first synchronisation, others start.
    "START_CONCURRENCY": "16",
    "WHATSAPP_MAX_CONNECTIONS": "100",
    # The load of a whole day comes in minutes here, from one address.
    "RATE_LIMIT_MAX_REQUESTS": "100000000",
}


@dataclass(frozen=True)
class Message:
    """One text to one number."""

    to: str
    text: str


@dataclass(frozen=True)
class Lab:
    """The servers while a benchmark runs; no worker runs until it is started."""

    system: StackClient
    database: AsyncDatabase[dict[str, Any]]
    folder: Path

    def mark(self, name: str) -> str:
        """Return the mark of the processes with a name in this run."""
        return f"{name}-{self.folder.name}"

    def worker(self) -> StackProcess:
        """Return a worker that is not started yet."""
        settings = {**_SETTINGS, MARK: self.mark(OURS)}
        plan = Plan(self.folder, recall(self.folder, None), Options(0, None, None, False, settings))
        about = self.system.about
        return StackProcess(
            plan.worker(1, {"MONGODB_URI": about["mongo"], "REDIS_URL": about["redis"]}), None
        )

    def mongo(self, name: str) -> str:
        """Return the address of another database in our MongoDB."""
        return f"{self.system.about['mongo'].rsplit('/', 1)[0]}/{name}"

    async def hold_phone(self, phone: str) -> None:
        """Make an account whose phone we hold."""
        await self.system.control("POST", "phones", {"number": phone})

    async def scan(self, phone: str, code: str) -> float:
        """Scan a QR code; return the moment, on the monotonic clock."""
        await self.system.control("POST", f"phones/{phone}/scan", {"code": code})
        return time.monotonic()

    async def faults(self, changes: Mapping[str, object]) -> None:
        """Change how the simulated WhatsApp Web behaves for everybody."""
        await self.system.control("PUT", "faults", dict(changes))

    async def arrived(self, phone: str, to: str) -> list[dict[str, Any]]:
        """Return what has arrived at WhatsApp from a phone for a number, in order."""
        path = f"ledger?from={_digits(phone)}&to={_digits(to)}"
        entries: list[dict[str, Any]] = await self.system.control("GET", path)
        return entries

    async def until_arrived(self, phone: str, message: Message) -> None:
        """Wait until a message has arrived at WhatsApp."""

        async def there() -> bool:
            entries = await self.arrived(phone, message.to)
            return any(each["text"] == message.text for each in entries)

        await until(there, within=LONG)

    def servers_cpu(self) -> float:
        """Return the processor time of MongoDB and Redis."""
        return cpu_seconds(named(marked(self.mark(_SERVERS)), "mongod", "redis-server"))


def _digits(phone: str) -> str:
    return phone.removeprefix("+")


@asynccontextmanager
async def lab() -> AsyncIterator[Lab]:
    """Run the servers in a folder of their own, which stays when the block fails."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    marked_settings = {**_SETTINGS, MARK: f"{_SERVERS}-{folder.name}"}
    settings = [part for item in marked_settings.items() for part in ("--env", "=".join(item))]
    try:
        async with (
            stack("--workers", "0", "--data", str(folder), *settings) as system,
            AsyncMongoClient[dict[str, Any]](system.about["mongo"], tz_aware=True) as client,
        ):
            system.look_every = timedelta(milliseconds=20)
            lab = Lab(system, client.get_default_database(), folder)
            await lab.faults({"syncMs": _SYNC_MS})
            yield lab
    except BaseException:
        print(f"The logs stay in {folder / 'logs'}", flush=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


async def seconds_until(condition: Callable[[], Awaitable[bool]]) -> float:
    """Return after how many seconds something became true."""
    began = time.monotonic()
    await until(condition, within=LONG)
    return time.monotonic() - began
