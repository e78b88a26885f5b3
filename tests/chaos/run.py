"""One run of chaos, the same for the same seed as far as processes allow."""

from __future__ import annotations

import asyncio
import base64
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from redis.exceptions import RedisError

from sessions.queue.doorbell import redis_client
from tests.chaos.phones import Phones
from tests.chaos.receiver import Receiver, receiver
from tests.ports import LOOPBACK
from tests.processes import children_named
from tests.stack_client import THEIR_PHONE, StackClient, stack
from tests.waiting import until

_FILE_EVERY = 10
_RARELY = timedelta(seconds=5)
_FINAL = ("sent", "delivered", "read", "failed", "unknown")


@dataclass(frozen=True)
class Size:
    """How large a run is."""

    connections: int
    workers: int
    messages: int
    blows: int
    patience: timedelta
    received: int = 0
    """How many messages phones write to the connections."""
    takeovers: bool = False
    """Whether another worker takes over at once from one that is killed.

    It then uses the login in MongoDB, which is older than the profile of the killed one. What that
    one's page had received, and had not recorded yet, is on no disk but the killed worker's: nobody
    can be sure to know it. So such a run is without received messages.
    """
    resend_ghosts: bool = True


@dataclass(frozen=True)
class Verdict:
    """What a run left: texts by connection and priority, as accepted and as delivered."""

    accepted: dict[str, list[str]]
    delivered: dict[str, list[str]]
    statuses: dict[str, int]
    unknown: list[str]
    blows: list[str]
    received: int
    """How many messages were received, of all connections."""
    told: int
    """How many events of received messages the webhook was told of, repeats not counted."""
    wrong: list[str]
    """What was received otherwise than it was said, or not told as it has to be."""

    @property
    def missing_is_unknown(self) -> bool:
        """Whether all that is not unknown arrived once and in order, and nothing else did.

        What is unknown may have arrived or not; that is what the word says.
        """
        unknown = set(self.unknown)
        return all(
            _without(self.delivered.get(line, []), unknown) == _without(accepted, unknown)
            and len(set(self.delivered.get(line, []))) == len(self.delivered.get(line, []))
            for line, accepted in self.accepted.items()
        )


class Chaos:
    """Sends and receives on all connections while blow after blow falls."""

    def __init__(self, system: StackClient, told: Receiver, seed: int, size: Size) -> None:
        self._system = system
        self._told = told
        self._phones = Phones(system, seed)
        self._random = random.Random(seed)  # noqa: S311  repeatable, guards no secret
        self._size = size
        self._accepted: dict[str, list[str]] = defaultdict(list)
        self._ids: dict[str, str] = {}
        self._falls: list[str] = []

    async def run(self) -> Verdict:
        """Link, send and receive under blows, let calm return, and tell what arrived."""
        names = [f"c{number}" for number in range(self._size.connections)]
        for number, name in enumerate(names):
            await self._system.create(name)
            await self._system.scan(name, _phone(number))
            await self._system.until_state("connected", name)
        await self._system.until_saved()
        wish = {"url": self._told.url, "events": ["*"]}
        self._told.secret = (await self._system.post("/api/webhooks", wish))["secret"]
        async with asyncio.TaskGroup() as group:
            for number, name in enumerate(names):
                group.create_task(self._send_all(name))
                group.create_task(self._speak(name, number))
            group.create_task(self._blows())
        await until(self._all_final, within=self._size.patience)
        with suppress(TimeoutError):
            await until(self._all_told, within=self._size.patience, every=_RARELY)
        return await self._verdict()

    async def _speak(self, name: str, number: int) -> None:
        share = self._size.received // self._size.connections
        await self._phones.speak(name, _speaker(number), _phone(number), share)

    async def _send_all(self, name: str) -> None:
        share = self._size.messages // self._size.connections
        for number in range(share):
            priority = ("high", "normal", "low")[number % 3]
            text = f"{name} {priority} {number}"
            files = {"media": self._file()} if number % _FILE_EVERY == 0 else {}
            body = {"connectionId": name, "to": THEIR_PHONE, "message": text, "priority": priority}
            self._ids[await self._accept(body | files, key=text)] = text
            self._accepted[f"{name} {priority}"].append(text)

    def _file(self) -> dict[str, str]:
        content = self._random.randbytes(self._random.randint(1, 100_000))
        return {"base64": base64.b64encode(content).decode(), "filename": "file.bin"}

    async def _accept(self, body: dict[str, Any], key: str) -> str:
        """Send as a careful backend does: the same key until it is accepted."""
        url = f"{self._system.about['api']}/api/whatsapp/send"
        async with asyncio.timeout(self._size.patience.total_seconds()):
            while True:
                with suppress(aiohttp.ClientError):
                    headers = {"Idempotency-Key": key}
                    async with self._system.http.post(url, json=body, headers=headers) as answer:
                        if answer.status == 202:
                            return str((await answer.json())["messageId"])
                        assert answer.status == 503, await answer.text()
                await asyncio.sleep(0.1)

    async def _blows(self) -> None:
        blows: list[Callable[[], Awaitable[None]]] = [
            self._kill_worker,
            self._kill_browser,
            self._kill_redis,
            self._flush_redis,
            self._kill_mongo,
            self._cut_network,
            self._hold_acks,
            self._end_a_line,
            self._take_a_login,
            self._close_receiver,
            self._fail_receiver,
            self._slow_receiver,
        ]
        for _ in range(self._size.blows):
            await asyncio.sleep(self._random.uniform(0.5, 3))
            blow = self._random.choice(blows)
            self._falls.append(blow.__name__.lstrip("_"))
            await blow()

    async def _kill_worker(self) -> None:
        number = self._random.randint(1, self._size.workers)
        _kill(self._system.pid(f"worker-{number}"))

    async def _kill_browser(self) -> None:
        number = self._random.randint(1, self._size.workers)
        browsers = children_named(self._system.pid(f"worker-{number}"), "chromium")
        if browsers:
            _kill(self._random.choice(browsers).pid)

    async def _kill_redis(self) -> None:
        _kill(self._system.pid("redis"))

    async def _kill_mongo(self) -> None:
        _kill(self._system.pid("mongo"))

    async def _flush_redis(self) -> None:
        with suppress(RedisError, OSError):
            pool = redis_client(self._system.about["redis"])
            await pool.flushall()
            await pool.aclose(close_connection_pool=True)

    async def _cut_network(self) -> None:
        await self._fault("dropNetwork", self._random.uniform(1, 5))

    async def _hold_acks(self) -> None:
        await self._fault("holdAcks", self._random.uniform(1, 5))

    async def _end_a_line(self) -> None:
        await self._on_one("lineDead")

    async def _take_a_login(self) -> None:
        await self._on_one("otherBrowserTakesOver")

    async def _close_receiver(self) -> None:
        await self._told.stop()
        await asyncio.sleep(self._random.uniform(1, 5))
        await self._told.start()

    async def _fail_receiver(self) -> None:
        self._told.status = 500
        await asyncio.sleep(self._random.uniform(1, 5))
        self._told.status = 204

    async def _slow_receiver(self) -> None:
        self._told.slow = True
        await asyncio.sleep(self._random.uniform(1, 5))
        self._told.slow = False

    async def _on_one(self, name: str) -> None:
        """Do to one connection what happens once, and what only a page loaded anew mends."""
        number = _phone(self._random.randrange(self._size.connections))
        await self._system.control("PUT", "faults", {"number": number, name: True})

    async def _fault(self, name: str, seconds: float) -> None:
        await self._system.control("PUT", "faults", {name: True})
        await asyncio.sleep(seconds)
        await self._system.control("PUT", "faults", {name: False})

    async def _all_final(self) -> bool:
        with suppress(aiohttp.ClientError):
            for message_id in self._ids:
                if (await self._system.message(message_id)).get("status") not in _FINAL:
                    return False
            return True
        return False

    async def _all_told(self) -> bool:
        return not await self._wrong(await self._statuses())

    async def _statuses(self) -> dict[str, str]:
        return {each: (await self._system.message(each))["status"] for each in self._ids}

    async def _received(self) -> list[str]:
        """Return the ids of received messages that say something: others may not be told of."""
        return [
            str(each["messageId"])
            for name in self._phones.said
            for each in await self._phones.received(name)
            if not each.get("revoked")
        ]

    async def _wrong(self, statuses: dict[str, str]) -> list[str]:
        if wrong := await self._phones.wrong():
            return wrong
        return [
            *self._told.missing(await self._received(), statuses),
            *(f"two events for {each}" for each in self._told.told_twice()),
            *(f"two contents of event {each}" for each in self._told.changed),
        ]

    async def _delivered(self) -> dict[str, list[str]]:
        delivered: dict[str, list[str]] = defaultdict(list)
        entries = sorted(await self._system.ledger(), key=lambda entry: str(entry["arrivedAt"]))
        for entry in entries:
            if entry["to"] == THEIR_PHONE and entry["deliveredAt"] is not None:
                text = str(entry.get("caption") or entry["text"])
                delivered[" ".join(text.split()[:2])].append(text)
        return dict(delivered)

    async def _verdict(self) -> Verdict:
        statuses = await self._statuses()
        return Verdict(
            accepted=dict(self._accepted),
            delivered=await self._delivered(),
            statuses=dict(Counter(statuses.values())),
            unknown=[self._ids[each] for each, status in statuses.items() if status == "unknown"],
            blows=self._falls,
            received=len(await self._received()),
            told=len(self._told.ids_of("message.received")),
            wrong=await self._wrong(statuses),
        )


async def run_chaos(seed: int, size: Size, data: Path) -> Verdict:
    """Run the stack under blows from a seed."""
    lease = "5" if size.takeovers else "60"
    settings = ("--env", f"LEASE_TTL={lease}", "--env", "GHOST_WAIT=2")
    lines = ("--env", "LINE_LIMIT=5", "--env", "TAKE_BACK_AFTER=2")
    ghosts = ("--env", f"RESEND_GHOSTS={size.resend_ghosts}")
    workers = ("--workers", str(size.workers))
    told = ("--env", f"WEBHOOK_ALLOWED_HOSTS={LOOPBACK}")
    options = (*workers, *settings, *lines, *ghosts, *told)
    async with (
        receiver() as told_to,
        stack("--supervise", "--data", str(data), *options) as system,
    ):
        return await Chaos(system, told_to, seed, size).run()


def _without(texts: list[str], left_out: set[str]) -> list[str]:
    return [text for text in texts if text not in left_out]


def _phone(number: int) -> str:
    return f"+9725011{number:05d}"


def _speaker(number: int) -> str:
    return f"+9725022{number:05d}"


def _kill(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).kill()
