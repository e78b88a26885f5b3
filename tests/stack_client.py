"""Use the whole stack from a test, as a backend, an admin and a phone would."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from pymongo import AsyncMongoClient

from tests.waiting import until

ROOT = Path(__file__).parents[1]
OUR_PHONE = "+972501111111"
THEIR_PHONE = "+972501234567"
PATIENCE = timedelta(seconds=60)
LOOK_EVERY = timedelta(milliseconds=100)
"""How often it is looked for what is waited for: each look costs several processes some work."""


@dataclass
class StackClient:
    """A running stack: its processes, its API, and the simulated WhatsApp Web behind it."""

    process: asyncio.subprocess.Process
    http: aiohttp.ClientSession
    about: dict[str, Any]
    restarts: list[dict[str, Any]]
    look_every: timedelta = LOOK_EVERY
    forgotten: int = 0
    """How many deliveries belong to tests before."""

    async def get(self, path: str) -> dict[str, Any]:
        """Ask the API."""
        async with self.http.get(self.about["api"] + path) as answer:
            body: dict[str, Any] = await answer.json()
            return body | {"http": answer.status}

    async def post(
        self, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Tell the API."""
        url = self.about["api"] + path
        async with self.http.post(url, json=body, headers=headers) as answer:
            told: dict[str, Any] = await answer.json()
            return told | {"http": answer.status}

    async def delete(self, path: str) -> int:
        """Have the API delete something; return the HTTP status."""
        async with self.http.delete(self.about["api"] + path) as answer:
            return answer.status

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """Use the simulator's control endpoints."""
        url = f"{self.about['simulator']}/control/{path}"
        async with self.http.request(method, url, json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def create(self, connection_id: str = "main", /, **fields: object) -> None:
        """Create a connection, without pacing unless that is given."""
        body = {"connectionId": connection_id, "pacing": {"enabled": False}}
        made = await self.post("/api/whatsapp/connections", body | fields)
        assert made["http"] == 201, made

    async def scan(self, connection_id: str = "main", phone: str = OUR_PHONE) -> None:
        """Have a phone scan the QR code of a connection."""
        path = f"/api/whatsapp/connections/{connection_id}/qr?format=json&wait=60"
        shown = await self.get(path)
        assert shown["http"] == 200, shown
        await self.control("POST", "phones", {"number": phone})
        await self.control("POST", f"phones/{phone}/scan", {"code": shown["code"]})

    async def link(self, connection_id: str = "main", /, **fields: object) -> None:
        """Create a connection, and link our phone."""
        await self.create(connection_id, **fields)
        await self.scan(connection_id)
        await self.until_state("connected", connection_id)

    async def link_again(self) -> None:
        """Start the connection `main`, which was logged out, and link our phone."""
        await self.post("/api/whatsapp/connections/main/start")
        await self.scan()
        await self.until_state("connected")

    async def until_in_group(self, chat_id: str) -> dict[str, Any]:
        """Wait until the page of `main` knows a group; return what is listed of it."""
        found: list[dict[str, Any]] = []

        async def listed() -> bool:
            answer = await self.get("/api/whatsapp/groups?connectionId=main")
            found[:] = [each for each in answer.get("items", ()) if each["chatId"] == chat_id]
            return bool(found)

        await until(listed, within=PATIENCE, every=LOOK_EVERY)
        return found[0]

    async def status(self, connection_id: str = "main") -> dict[str, Any]:
        """Return the status of a connection."""
        return await self.get(f"/api/whatsapp/connections/{connection_id}/status")

    async def until_state(self, state: str, connection_id: str = "main") -> None:
        """Wait for a state of a connection."""

        async def there() -> bool:
            return bool((await self.status(connection_id)).get("state") == state)

        await until(there, within=PATIENCE, every=self.look_every)

    async def send(self, text: str, connection_id: str = "main", to: str = THEIR_PHONE) -> str:
        """Enqueue a message; return its id."""
        body = {"connectionId": connection_id, "to": to, "message": text}
        accepted = await self.post("/api/whatsapp/send", body)
        assert accepted["http"] == 202, accepted
        return str(accepted["messageId"])

    async def send_stubbornly(self, text: str) -> str:
        """Enqueue a message as a backend does while servers are away: again until accepted.

        Under one key: what gave no answer, or a 503, may have been accepted all the same.
        """
        accepted: list[str] = []
        key = {"Idempotency-Key": str(uuid.uuid4())}

        async def taken() -> bool:
            body = {"connectionId": "main", "to": THEIR_PHONE, "message": text}
            try:
                told = await self.post("/api/whatsapp/send", body, key)
            except aiohttp.ClientError:
                return False
            if told["http"] == 202:
                accepted.append(told["messageId"])
            return bool(accepted)

        await until(taken, within=PATIENCE, every=LOOK_EVERY)
        return accepted[0]

    async def until_saved(self, times: int = 1) -> None:
        """Wait until each connection has so many blobs: then its login may move to any worker."""
        async with AsyncMongoClient[dict[str, Any]](self.about["mongo"]) as client:
            records = client.get_default_database()["connections"]

            async def saved() -> bool:
                without = {f"blobs.{times - 1}": {"$exists": False}}
                return await records.count_documents(without) == 0

            await until(saved, within=PATIENCE, every=LOOK_EVERY)

    async def until_login_is_on_disk(self) -> None:
        """Wait until the browser has written the login: it takes seconds to write localStorage."""
        profiles = Path(self.about["data"]) / "sessions"
        pattern = "*/[!.]*/Default/Local Storage/leveldb/*.log"  # copies being saved are hidden

        def written() -> bool:
            try:
                return any(b"WANoiseInfo" in file.read_bytes() for file in profiles.glob(pattern))
            except FileNotFoundError:
                return False  # LevelDB began a new log meanwhile

        await until(written, within=PATIENCE, every=LOOK_EVERY)

    async def until_message(self, message_id: str, status: str) -> dict[str, Any]:
        """Wait for a status of a message; return the message."""

        async def there() -> bool:
            try:
                return bool((await self.message(message_id)).get("status") == status)
            except aiohttp.ClientError:
                return False

        await until(there, within=PATIENCE, every=self.look_every)
        return await self.message(message_id)

    async def until_sending(self, message_id: str) -> None:
        """Wait until a message is in the hands of a worker, or beyond."""

        async def in_hand() -> bool:
            return bool((await self.message(message_id))["status"] != "queued")

        await until(in_hand, within=PATIENCE, every=LOOK_EVERY)

    async def until_held_back(self) -> list[dict[str, Any]]:
        """Wait until the simulator holds a message back; the page has stored it by then."""
        held: list[dict[str, Any]] = []

        async def some() -> bool:
            held[:] = await self.control("GET", "held")
            return bool(held)

        await until(some, within=PATIENCE, every=LOOK_EVERY)
        return held

    async def until_given_up(self, held: list[dict[str, Any]]) -> None:
        """Wait until the simulator knows that the page of these messages is dead."""

        async def gone() -> bool:
            now = await self.control("GET", "held")
            return not any(each in now for each in held)

        await until(gone, within=PATIENCE, every=LOOK_EVERY)

    async def message(self, message_id: str) -> dict[str, Any]:
        """Return a message."""
        return await self.get(f"/api/whatsapp/messages/{message_id}")

    async def ledger(self) -> list[dict[str, Any]]:
        """Return what the simulated WhatsApp has delivered."""
        entries: list[dict[str, Any]] = await self.control("GET", "ledger")
        return entries[self.forgotten :]

    async def forget_deliveries(self) -> None:
        """Begin the ledger anew from here on."""
        self.forgotten += len(await self.ledger())

    async def until_restarted(self, name: str, times: int = 1) -> None:
        """Wait until the stack has started a dead process again."""

        def there() -> bool:
            return len([1 for each in self.restarts if each["restarted"] == name]) >= times

        await until(there, within=PATIENCE, every=LOOK_EVERY)

    def pid(self, name: str) -> int:
        """Return the process id of `api`, `mongo`, `redis`, `simulator` or `worker-N` now."""
        for each in reversed(self.restarts):
            if each["restarted"] == name:
                return int(each["pid"])
        pids = self.about["pids"]
        if name.startswith("worker-"):
            return int(pids["workers"][int(name.removeprefix("worker-")) - 1])
        return int(pids[name])

    def forget_restarts(self) -> None:
        """Count restarts from here on."""
        pids = self.about["pids"]
        for name in {each["restarted"] for each in self.restarts}:
            if name.startswith("worker-"):
                pids["workers"][int(name.removeprefix("worker-")) - 1] = self.pid(name)
            else:
                pids[name] = self.pid(name)
        self.restarts.clear()


@asynccontextmanager
async def stack(*arguments: str) -> AsyncIterator[StackClient]:
    """Run `python -m tests.stack` with these arguments."""
    async with AsyncExitStack() as cleanup:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.stack", *arguments),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        cleanup.push_async_callback(_end, process)
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE.total_seconds() * 2):
            about = json.loads(await process.stdout.readline())
        restarts: list[dict[str, Any]] = []
        reading = asyncio.create_task(_read(process.stdout, restarts))
        cleanup.callback(reading.cancel)
        http = aiohttp.ClientSession(
            headers={"X-Api-Key": about["apiKey"]},
            # A new connection for each request: one that is refused has certainly done nothing.
            connector=aiohttp.TCPConnector(force_close=True),
        )
        yield StackClient(process, await cleanup.enter_async_context(http), about, restarts)


async def _read(stdout: asyncio.StreamReader, restarts: list[dict[str, Any]]) -> None:
    async for line in stdout:
        restarts += [json.loads(line)]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE.total_seconds()):
        await process.wait()
