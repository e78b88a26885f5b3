"""Recent log records of all processes in MongoDB: written in the background, read by admins."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, islice
from threading import Lock
from typing import TYPE_CHECKING, Any

from loguru import logger
from pymongo import ASCENDING, DESCENDING, WriteConcern
from pymongo.errors import PyMongoError

from sessions.logs.lines import LEVELS, fields_of, rfc3339
from sessions.logs.masking import mask
from sessions.storage.mongo import NO_ANSWER

if TYPE_CHECKING:
    from loguru import Message

    from sessions.config.settings import LogLevel
    from sessions.storage.mongo import Collection, Database

KEPT_FOR = timedelta(days=7)
LARGEST = 256 * 1024 * 1024
"""The most bytes of records that are kept."""
_WAITING_AT_MOST = 10_000
"""The most records that wait for MongoDB; beyond that, the oldest are dropped."""
_BATCH = 500
_WRITE_EVERY = timedelta(seconds=1)
_TRIM_EVERY = timedelta(minutes=1)
_WRITE_WITHIN = timedelta(seconds=15)
_LAST_WRITE_WITHIN = timedelta(seconds=2)
_ROOM = 0.9
"""The part of `LARGEST` that a trim keeps, so that the next trim is not needed at once."""


@dataclass(frozen=True)
class LogQuery:
    """Which records to find; `level` includes more severe ones, `until` is exclusive."""

    level: LogLevel = "debug"
    connection: str | None = None
    process: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class LogRecords:
    """The records in MongoDB, ordered by their ids, which begin with the time."""

    def __init__(self, database: Database, largest: int = LARGEST) -> None:
        self._database = database
        # Log lines may get lost, so one server's acknowledgement is enough.
        self._collection: Collection = database["logRecords"].with_options(
            write_concern=WriteConcern(w=1, j=False)
        )
        self._largest = largest

    async def prepare(self) -> None:
        """Create the indexes; several processes may do this at once."""
        order = [("level", ASCENDING), ("_id", DESCENDING)]
        for field in ("connection", "names"):
            await self._collection.create_index([(field, ASCENDING), *order])
        await self._collection.create_index(order)
        await self._collection.create_index("at", expireAfterSeconds=int(KEPT_FOR.total_seconds()))

    async def add(self, documents: Sequence[dict[str, Any]]) -> None:
        """Store records; those that are stored already stay as they are."""
        await self._collection.insert_many(documents, ordered=False)

    async def page(self, query: LogQuery, before: str | None, limit: int) -> list[dict[str, Any]]:
        """Return records that are older than the one with the id `before`, newest first."""
        cursor = self._collection.find(
            _filter(query, before), sort=[("_id", DESCENDING)], limit=limit
        )
        return [document async for document in cursor]

    async def trim(self) -> None:
        """Remove the oldest records if all together are larger than allowed."""
        state = await self._database.command("collStats", self._collection.name)
        if state["size"] <= self._largest:
            return
        kept = int(state["count"] * self._largest / state["size"] * _ROOM)
        last = await self._collection.find_one(
            {}, sort=[("_id", DESCENDING)], skip=kept, projection={"_id": True}
        )
        if last is not None:
            await self._collection.delete_many({"_id": {"$lte": last["_id"]}})


def _filter(query: LogQuery, before: str | None) -> dict[str, Any]:
    levels = list(LEVELS)
    # Name the levels even if all are wanted: one index then serves the search and the order.
    found: dict[str, Any] = {"level": {"$in": levels[: levels.index(query.level) + 1]}}
    if query.connection is not None:
        found["connection"] = {"$eq": mask(query.connection)}
    if query.process is not None:
        found["names"] = {"$eq": query.process}
    ends = [rfc3339(query.until)] if query.until else []
    ends += [before] if before else []
    place = {"$gte": rfc3339(query.since)} if query.since else {}
    if ends:
        place["$lt"] = min(ends)
    return found | ({"_id": place} if place else {})


class RecordBuffer:
    """The records that wait to be stored; as a loguru sink it never blocks and never fails."""

    def __init__(self, longest: int = _WAITING_AT_MOST) -> None:
        self._waiting: deque[tuple[int, dict[str, Any]]] = deque()
        self._longest = longest
        self._numbers = count(1)
        # Any thread may log.
        self._lock = Lock()
        # Makes ids unique among processes.
        self._writer = os.urandom(4).hex()
        self.dropped = 0

    def write(self, message: Message) -> None:
        """Add a record; drop the oldest if too many wait."""
        fields = fields_of(message.record)
        with self._lock:
            number = next(self._numbers)
            names = [fields["process"], *([fields["worker"]] if "worker" in fields else [])]
            own = {
                "_id": f"{fields['time']}-{self._writer}-{number:012d}",
                "at": message.record["time"],
                "names": names,
            }
            self._waiting.append((number, fields | own))
            if len(self._waiting) > self._longest:
                self._waiting.popleft()
                self.dropped += 1

    def first(self, number: int) -> list[dict[str, Any]]:
        """Return the oldest records, at most `number`, without removing them."""
        with self._lock:
            return [document for _, document in islice(self._waiting, number)]

    def remove(self, documents: Sequence[dict[str, Any]]) -> None:
        """Remove records that were stored, if they have not been dropped meanwhile."""
        stored = {document["_id"] for document in documents}
        with self._lock:
            while self._waiting and self._waiting[0][1]["_id"] in stored:
                self._waiting.popleft()


@asynccontextmanager
async def keeping_records(database: Database, level: LogLevel) -> AsyncIterator[None]:
    """Store what this process logs inside the block, even if MongoDB is away for a while."""
    records, buffer, stop = LogRecords(database), RecordBuffer(), asyncio.Event()
    sink = logger.add(buffer.write, level=LEVELS[level], format="{message}")
    writing = asyncio.create_task(_keep_writing(records, buffer, stop), name="log records")
    try:
        yield
    finally:
        logger.remove(sink)
        stop.set()
        await asyncio.wait({writing}, timeout=_LAST_WRITE_WITHIN.total_seconds())
        writing.cancel()
        await asyncio.wait({writing})
        if not writing.cancelled() and (error := writing.exception()):
            logger.opt(exception=error).error("Storing log records has failed")


async def _keep_writing(records: LogRecords, buffer: RecordBuffer, stop: asyncio.Event) -> None:
    """Write records regularly until `stop`, then once more; failures are retried, not logged."""
    loop = asyncio.get_running_loop()
    prepared, trim_at = False, loop.time()
    while True:
        ending = await _is_set(stop, _WRITE_EVERY)
        with suppress(PyMongoError, TimeoutError):
            if not prepared:
                await records.prepare()
                prepared = True
            await _write_all(records, buffer)
            if loop.time() >= trim_at and not ending:
                await records.trim()
                trim_at = loop.time() + _TRIM_EVERY.total_seconds()
        if ending:
            return


async def _write_all(records: LogRecords, buffer: RecordBuffer) -> None:
    while batch := buffer.first(_BATCH):
        async with asyncio.timeout(_WRITE_WITHIN.total_seconds()):
            # MongoDB would refuse the same records again, so they are dropped.
            try:
                await records.add(batch)
            except NO_ANSWER:
                raise
            except PyMongoError:
                pass
        buffer.remove(batch)
    dropped, buffer.dropped = buffer.dropped, 0
    if dropped:
        logger.warning("{} log records were dropped, MongoDB was away too long", dropped)


async def _is_set(event: asyncio.Event, within: timedelta) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), within.total_seconds())
    return event.is_set()
