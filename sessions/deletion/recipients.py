"""Erase a person: all messages to a number, and all other data that names it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sessions.common.errors import InvalidRecipientError
from sessions.common.ids import new_id
from sessions.connections.leases import NO_WORKER
from sessions.conversations.model import COLLECTION as RECEIVED
from sessions.conversations.read_marks import COLLECTION as READ_MARKS
from sessions.deletion.media import SentFiles
from sessions.deletion.received import ReceivedErasure
from sessions.events.log import EventLog, tells_of
from sessions.events.stream import START, EventStream
from sessions.media.janitor import MediaJanitor
from sessions.messages import idempotency
from sessions.messages.media_uses import MediaUses
from sessions.messages.model import MessageStatus
from sessions.queue.jobs import SendJob, SendJobs
from sessions.recipients.address import parse_recipient
from sessions.recipients.known_numbers import COLLECTION as KNOWN_NUMBERS
from sessions.recipients.number_checks import COLLECTION as NUMBER_CHECKS
from sessions.storage.mongo import forget_after, server_time
from sessions.webhooks.deliveries import DELIVERIES

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.storage import mongo
    from sessions.storage.mongo import Database

_Before = Callable[[Collection[str]], Awaitable[None]]
_AT_ONCE = 1000
_LATE_EVENTS = timedelta(days=1)
"""How long a worker may still publish events of erased messages, which it held for Redis."""


@dataclass(frozen=True)
class Erased:
    """How many records were erased, by kind.

    `cancelled` counts those of the `messages` that were queued. `sending` counts messages that are
    being sent: they are erased afterwards.
    """

    messages: int = 0
    cancelled: int = 0
    received: int = 0
    number_checks: int = 0
    known_numbers: int = 0
    idempotency_keys: int = 0
    jobs: int = 0
    events: int = 0
    deliveries: int = 0
    sending: int = 0


@dataclass(frozen=True)
class _Erasure:
    """What to erase: all data with these ids of one person, of one owner or (None) of all owners.

    Only messages that were accepted until `before` are erased.
    """

    owner: str | None
    ids: AbstractSet[str]
    before: datetime

    @property
    def of_owner(self) -> dict[str, Any]:
        return {} if self.owner is None else {"owner": {"$eq": self.owner}}

    def naming(self, *fields: str) -> dict[str, Any]:
        """Return the filter for documents that name the person in one of these fields."""
        ids = {"$in": sorted(self.ids)}
        return {"$or": [{field: ids} for field in fields]}


class Erasures:
    """Erase people. An erasure is recorded until it is complete, so a crash only delays it.

    Events of the erased messages are erased, too, and their Idempotency-Keys cannot create them
    again. A worker that could not reach Redis may publish such events later: a mark that names
    nobody is kept for a day, and as long as there is one, `go_on` removes new events of messages
    that no longer exist.
    """

    def __init__(self, database: Database, redis: ArqRedis, log: EventLog) -> None:
        self._database = database
        self._erasures: mongo.Collection = database["erasures"]
        self._marks: mongo.Collection = database["erasureMarks"]
        self._connections: mongo.Collection = database["connections"]
        self._messages: mongo.Collection = database["messages"]
        self._checks: mongo.Collection = database[NUMBER_CHECKS]
        self._numbers: mongo.Collection = database[KNOWN_NUMBERS]
        self._keys: mongo.Collection = database["idempotencyKeys"]
        self._read_marks: mongo.Collection = database[READ_MARKS]
        self._deliveries: mongo.Collection = database[DELIVERIES]
        self._jobs = SendJobs(redis)
        self._log = log
        self._received = ReceivedErasure(database)
        self._files = SentFiles(database)
        self._events = EventStream(redis)
        self._looked_until = START

    async def prepare(self) -> None:
        """Create the indexes; several processes may do this at once."""
        await self._erasures.create_index("before")
        await forget_after(self._marks, "at", _LATE_EVENTS)

    async def erase(self, owner: str | None, chat_id: str) -> Erased:
        """Erase the person with this WhatsApp id from the data of an owner (None: of all owners).

        Raises STORE_DOWN and STREAM_DOWN errors; an erasure that has begun is then completed later.
        """
        erasure = _Erasure(owner, {chat_id}, await server_time(self._database))
        record = new_id()
        await self._record(record, erasure)
        return await self._run(record, erasure)

    async def go_on(self) -> None:
        """Complete erasures that a crash interrupted, or that waited for a message to be sent."""
        async for each in self._erasures.find({}, sort=[("before", 1)]):
            erasure = _Erasure(each["owner"], {*each["ids"]}, each["before"])
            await self._run(each["_id"], erasure)
        if await self._marks.find_one({}, {"_id": True}):
            self._looked_until = await self._events.erase_messages(self._looked_until, self._gone)

    async def _gone(self, messages: Collection[str]) -> Collection[str]:
        """Return which of these messages do not exist any more."""
        if not messages:
            return ()
        named = {"_id": {"$in": [*messages]}}
        sent = self._messages.find(named, {"_id": True})
        present = {each["_id"] async for each in sent}
        return {*messages} - present - await self._received.present(messages)

    async def _record(self, record: str, erasure: _Erasure) -> None:
        document = {
            "owner": erasure.owner,
            "ids": sorted(erasure.ids),
            "before": erasure.before,
        }
        await self._erasures.replace_one({"_id": record}, document, upsert=True)

    async def _run(self, record: str, erasure: _Erasure) -> Erased:
        erasure = await self._with_all_ids(erasure)
        # The data that links the ids will be erased: store all ids first.
        await self._record(record, erasure)
        # Before the messages go: their events are found by that.
        await self._marks.update_one({"_id": record}, {"$currentDate": {"at": True}}, upsert=True)
        jobs = await self._erase_jobs(erasure)
        await self._erase_pairings(erasure)
        await self._read_marks.delete_many({**erasure.of_owner, **erasure.naming("chat")})
        counts = await self._erase_messages(erasure)
        erased = Erased(
            messages=counts["messages"],
            cancelled=counts["cancelled"],
            received=await self._received.erase(erasure.of_owner, erasure.ids, erasure.before),
            number_checks=await self._erase_checks(erasure),
            known_numbers=await self._erase_numbers(erasure),
            idempotency_keys=counts["keys"],
            jobs=jobs,
            events=await self._erase_events(erasure),
            deliveries=await self._erase_deliveries(erasure),
            # Whatever was left in a worker's hand, also where it has been sent since.
            sending=await self._messages.count_documents(self._meant(erasure)),
        )
        if not erased.sending:
            await self._erasures.delete_one({"_id": record})
        return erased

    async def _with_all_ids(self, erasure: _Erasure) -> _Erasure:
        """Add all other ids of the same person: WhatsApp's id of a number, and the reverse."""
        while True:
            found = {
                each
                async for pair in self._pairs(erasure)
                for each in pair
                if isinstance(each, str)
            }
            if found <= erasure.ids:
                return erasure
            erasure = _Erasure(erasure.owner, erasure.ids | found, erasure.before)

    async def _pairs(self, erasure: _Erasure) -> AsyncIterator[tuple[object, object]]:
        """Yield the pairs of ids in the data: one that was looked up, and WhatsApp's answer."""
        of_owner = erasure.of_owner
        chats = {**of_owner, **erasure.naming("to", "chatId")}
        for field in ("to", "chatId"):
            for each in await self._messages.distinct(field, chats):
                yield each, None
        async for each in self._numbers.find(self._known(erasure)):
            number = each["_id"]
            yield number["number"] if isinstance(number, dict) else number, each.get("chatId")
        async for each in self._checks.find(await self._checked(erasure)):
            yield each["chatId"], each.get("account")
        async for pair in self._received.pairs(erasure.of_owner, erasure.ids):
            yield pair

    def _meant(self, erasure: _Erasure) -> dict[str, Any]:
        return {
            **erasure.of_owner,
            **erasure.naming("to", "chatId"),
            # By MongoDB's clock, like `before`; message ids use the clock of their process.
            "queuedAt": {"$lte": erasure.before},
        }

    def _known(self, erasure: _Erasure) -> dict[str, Any]:
        of_owner = {} if erasure.owner is None else {"_id.owner": {"$eq": erasure.owner}}
        return {**of_owner, **erasure.naming("_id", "_id.number", "chatId")}

    async def _checked(self, erasure: _Erasure) -> dict[str, Any]:
        naming = erasure.naming("chatId", "account")
        if erasure.owner is None:
            return naming
        of_owner = erasure.of_owner
        connections = {
            *await self._connections.distinct("_id", of_owner),
            # Deleted connections have lost their owner, but their messages have not.
            *await self._messages.distinct("connection", of_owner),
        }
        return {"connection": {"$in": sorted(connections)}, **naming}

    async def _erase_messages(self, erasure: _Erasure) -> Counter[str]:
        """Erase all messages except those that a worker is sending; count what was erased."""
        counts: Counter[str] = Counter()
        not_in_hand = {"$nor": [await self._in_hand(erasure)]}
        cursor = self._messages.find(
            {**self._meant(erasure), **not_in_hand}, {"_id": True}, limit=_AT_ONCE
        )
        while ids := [each["_id"] async for each in cursor]:
            counts["keys"] += await self._void_keys(ids)
            these = {"_id": {"$in": ids}}
            await self._files.remove(ids)
            queued = await self._messages.delete_many({**these, "status": MessageStatus.QUEUED})
            others = await self._messages.delete_many({**these, **not_in_hand})
            counts["cancelled"] += queued.deleted_count
            counts["messages"] += queued.deleted_count + others.deleted_count
            cursor = cursor.clone()
        return counts

    async def _in_hand(self, erasure: _Erasure) -> dict[str, Any]:
        """Return the filter for messages that a live worker is sending.

        Those of a dead worker are not included: its connection may never run again.
        """
        sending = {"status": MessageStatus.SENDING}
        connections = await self._messages.distinct(
            "connection", {**self._meant(erasure), **sending}
        )
        owned = {"_id": {"$in": connections}, "$expr": {"$not": [NO_WORKER]}}
        # Not by `distinct`, which does not support $$NOW.
        run = [each["_id"] async for each in self._connections.find(owned, {"_id": True})]
        return {**sending, "connection": {"$in": run}}

    async def _erase_events(self, erasure: _Erasure) -> int:
        """Erase events: those that this process has not published yet, then those in Redis."""
        self._log.discard(lambda event: tells_of(event, erasure.owner, erasure.ids))
        return await self._events.erase(erasure.owner, erasure.ids)

    async def _erase_deliveries(self, erasure: _Erasure) -> int:
        """Erase what webhooks were told; the relay removes what it is storing right now."""
        named = {**erasure.of_owner, **erasure.naming("chats")}
        return (await self._deliveries.delete_many(named)).deleted_count

    async def _void_keys(self, ids: Sequence[str]) -> int:
        """Void the Idempotency-Keys that would create these messages again; count them."""
        voided = await self._keys.update_many(
            {"messageIds": {"$in": list(ids)}, "digest": {"$ne": idempotency.ERASED}},
            {"$set": {"digest": idempotency.ERASED}},
        )
        return voided.modified_count

    async def _erase_checks(self, erasure: _Erasure) -> int:
        return (await self._checks.delete_many(await self._checked(erasure))).deleted_count

    async def _erase_pairings(self, erasure: _Erasure) -> None:
        """Erase requests for pairing codes: one that was refused keeps its number."""
        phones = [f"+{each.partition('@')[0]}" for each in sorted(erasure.ids)]
        asked = {**erasure.of_owner, "pairing.phone": {"$in": phones}}
        await self._connections.update_many(asked, {"$unset": {"pairing": True}})

    async def _erase_numbers(self, erasure: _Erasure) -> int:
        return (await self._numbers.delete_many(self._known(erasure))).deleted_count

    async def _erase_jobs(self, erasure: _Erasure) -> int:
        """Erase arq jobs in Redis that carry messages to the person."""
        erased = 0
        async for batch in self._jobs.batches():
            erased += await self._jobs.remove([each for each in batch if _is_to(each, erasure)])
        return erased


def _is_to(job: SendJob, erasure: _Erasure) -> bool:
    """Tell whether an arq job carries a message of that owner to the person."""
    try:
        to = parse_recipient(str(job.body["to"])).chat_id
    except (KeyError, InvalidRecipientError):
        return False  # not a message: a worker will refuse it, and keeps nothing of it
    return erasure.owner in (None, job.owner) and to in erasure.ids


class DeletedData:
    """Remove the messages, files, number checks and events of connections that were deleted.

    This is done in batches; after an interruption, the next call continues.
    """

    def __init__(self, database: Database, redis: ArqRedis) -> None:
        self._removed: mongo.Collection = database["removedConnections"]
        self._messages: mongo.Collection = database["messages"]
        self._left: Iterable[mongo.Collection] = (
            database[RECEIVED],
            database[NUMBER_CHECKS],
            database[READ_MARKS],
            database[DELIVERIES],
        )
        self._keys: mongo.Collection = database["idempotencyKeys"]
        self._files = SentFiles(database)
        self._media = MediaJanitor(database, MediaUses(database).needed)
        self._events = EventStream(redis)

    async def remove(self, older_than: datetime) -> None:
        """Remove the data of connections that were removed by then; raise STORE_DOWN errors."""
        due = {"removedAt": {"$lte": older_than}, "dataRemoved": {"$ne": True}}
        while ids := [
            each["_id"] async for each in self._removed.find(due, {"_id": True}, limit=_AT_ONCE)
        ]:
            await _remove_of(self._messages, ids, self._files.remove)
            for collection in self._left:
                await _remove_of(collection, ids)
            await self._media.retire(ids)
            await self._void_keys(ids)
            await self._events.erase_connections(ids)
            await self._removed.update_many({"_id": {"$in": ids}}, {"$set": {"dataRemoved": True}})

    async def _void_keys(self, connections: Collection[str]) -> None:
        """Void the Idempotency-Keys of connections: they stay known, without their requests."""
        used = {"connection": {"$in": [*connections]}, "digest": {"$ne": idempotency.ERASED}}
        voided = {"$set": {"digest": idempotency.ERASED}}
        cursor = self._keys.find(used, {"_id": True}, limit=_AT_ONCE)
        while found := [each["_id"] async for each in cursor]:
            await self._keys.update_many({"_id": {"$in": found}}, voided)
            cursor = cursor.clone()


async def _remove_of(
    collection: mongo.Collection, connections: Collection[str], before: _Before | None = None
) -> None:
    """Remove all documents of these connections, in batches; do `before` with each batch first."""
    which = {"connection": {"$in": [*connections]}}
    while found := [
        each["_id"] async for each in collection.find(which, {"_id": True}, limit=_AT_ONCE)
    ]:
        if before is not None:
            await before(found)
        await collection.delete_many({"_id": {"$in": found}})
