"""The outbox in MongoDB, for the API: add messages, look them up, cancel and retry them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, ReturnDocument, UpdateOne

from sessions.common.errors import ConnectionNotFoundError, MessageNotFoundError, WrongStatusError
from sessions.common.ids import new_id
from sessions.connections.model import Connection
from sessions.connections.pacing import NEW_CHATS_LIMITED
from sessions.connections.places import MessagePlaces, Places
from sessions.events.log import EventLog
from sessions.messages.events import status_event
from sessions.messages.indexes import create_indexes, forget_finished
from sessions.messages.inserts import MessageInserts
from sessions.messages.model import Draft, Message, MessageStatus
from sessions.messages.queries import ORDER
from sessions.messages.states import MOVES, NOT_SENT, Happening, becomes, may
from sessions.recipients.known_numbers import KnownNumbers
from sessions.storage.mongo import STORE_DOWN

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

_CHANGED_AT_ONCE = 1000
_MAY_BE_OUT = {"$gt": ["$unknownAt", None]}
"""The expression for queued messages that were unknown before a person retried them."""
CANCELLED: dict[str, Any] = {
    "status": {
        "$cond": [
            _MAY_BE_OUT,
            MOVES[Happening.RETRY_CANCELLED].after,
            MOVES[Happening.CANCELLED].after,
        ]
    },
    "cancelledAt": {"$cond": [_MAY_BE_OUT, "$cancelledAt", "$$NOW"]},
}
"""The changes of a cancelled message.

A cancelled retry of an unknown message is unknown again: it may have been sent before.
"""
_QUEUED_AGAIN = {
    "reason": None,
    "attempts": 0,
    "putOff": None,
    "dueAt": "$$NOW",
    # What was asked for and what happened before a retry is over. `unknownAt` stays, since it says
    # that the message may have been sent.
    **dict.fromkeys(("sendAt", "expiresAt", "sendingAt", "failedAt", "expiredAt", "cancelledAt")),
    # A queued message must not be removed as a finished one.
    "endedAt": None,
}
_DELETED = "connection_deleted"


@dataclass(frozen=True)
class QueueDepth:
    """How many messages of a connection are not sent yet, and when the oldest was queued."""

    queued: int
    oldest_queued_at: datetime | None


NOTHING_WAITS = QueueDepth(0, None)


class Outbox:
    """Store messages, look them up, cancel and redrive them."""

    def __init__(self, database: Database, events: EventLog) -> None:
        self.places = MessagePlaces(database)
        self._collection: Collection = database["messages"]
        self._events = events
        self._numbers = KnownNumbers(database)
        self._inserts = MessageInserts(self._collection)

    async def prepare(self, keep_for: timedelta) -> None:
        """Create the indexes; finished messages are removed after `keep_for`.

        Safe to repeat and to race.
        """
        await create_indexes(self._collection)
        await forget_finished(self._collection, keep_for)

    async def add(self, places: Places, drafts: Sequence[Draft]) -> list[Message]:
        """Store messages durably at their places, and return them as they are stored.

        A message whose id is stored already is not changed, so adding twice adds once. If the
        connection is deleted at the same time, `cancel_left` cancels the messages that its
        deletion did not see.
        """
        messages = [
            draft.to_message(places.connection, place, places.at)
            for place, draft in enumerate(drafts, places.first)
        ]
        stored = await self._inserts.add(messages)
        self._events.publish(*(status_event(each) for each in stored.new))
        if len(stored.new) == len(messages):
            return messages
        return await self._as_stored(messages)

    async def all_of(self, ids: Sequence[str]) -> list[Message]:
        """Return those of these messages that are stored, in this order."""
        cursor = self._collection.find({"_id": {"$in": [*ids]}})
        found = {document["_id"]: Message.model_validate(document) async for document in cursor}
        return [found[each] for each in ids if each in found]

    async def _as_stored(self, messages: Sequence[Message]) -> list[Message]:
        """Return messages as they are now in the outbox."""
        cursor = self._collection.find({"_id": {"$in": [each.id for each in messages]}})
        found = {document["_id"]: Message.model_validate(document) async for document in cursor}
        return [found.get(each.id, each) for each in messages]

    async def find(self, owner: str | None, message_id: str) -> Message:
        """Return the owner's message, or any owner's for None; raise MessageNotFoundError."""
        document = await self._collection.find_one({"_id": {"$eq": message_id}, **_of(owner)})
        if document is None:
            raise MessageNotFoundError(message_id)
        return Message.model_validate(document)

    async def try_new_chats(self, connection: str) -> None:
        """Retry messages that the limit for new chats holds back, since the limit was changed."""
        put_off = {
            "connection": connection,
            "status": MessageStatus.QUEUED,
            "reason": NEW_CHATS_LIMITED,
            "$expr": {"$gt": ["$dueAt", "$$NOW"]},
        }
        await self._collection.update_many(put_off, [{"$set": {"dueAt": "$$NOW", "reason": None}}])

    async def cancel(self, owner: str | None, message_id: str) -> Message:
        """Cancel a queued message; raise WrongStatusError if it is not queued.

        A message that was unknown before it was retried becomes unknown again.
        """
        return await self._change(owner, message_id, Happening.CANCELLED, CANCELLED)

    async def cancel_queued(self, connection: str) -> None:
        """Cancel all queued messages of a connection that is deleted."""
        await self._end_all({"connection": connection}, Happening.CANCELLED, CANCELLED)

    async def cancel_left(self) -> None:
        """Cancel messages that were stored while their connection was being deleted."""
        waits = {"status": MessageStatus.QUEUED}
        await self._cancel_if_gone(await self._collection.distinct("connection", waits))

    async def _cancel_if_gone(self, connections: Iterable[str]) -> bool:
        """Cancel the queued messages of connections that are deleted; tell whether any is.

        Returns False while MongoDB is away; `cancel_left` finds such messages later.
        """
        with suppress(*STORE_DOWN):
            gone = await self.places.gone(connections)
            for connection in gone:
                await self.cancel_queued(connection)
            return bool(gone)
        return False

    async def abandon(self, connection: str) -> None:
        """End all unsent messages of a connection that is deleted and that no worker runs.

        A message that has a WhatsApp id may have been sent, so it becomes unknown.
        """
        await self.cancel_queued(connection)
        unsent = {"connection": connection, "whatsappId": {"$exists": False}}
        await self._end_all(unsent, Happening.ABANDONED, {})
        begun = {"connection": connection, "whatsappId": {"$exists": True}}
        await self._end_all(begun, Happening.ABANDONED_SENT, {})

    async def _end_all(
        self, which: dict[str, Any], happening: Happening, changes: Mapping[str, Any]
    ) -> None:
        """End messages of a connection that is deleted, and publish each."""
        which = {**which, **may(happening)}
        ended = becomes(happening, {**changes, "reason": _DELETED})
        cursor = self._collection.find(which, projection={"_id": True}, limit=_CHANGED_AT_ONCE)
        while found := [document["_id"] async for document in cursor]:
            named = {"_id": {"$in": found}}
            await self._collection.update_many({**which, **named}, ended)
            messages = self._collection.find({**named, "status": {"$nin": list(NOT_SENT)}})
            self._events.publish(
                *[status_event(Message.model_validate(each)) async for each in messages]
            )
            cursor = cursor.clone()

    async def redrive(self, owner: str | None, message_id: str, *, unknown_too: bool) -> Message:
        """Queue a failed message again, at the end; raise WrongStatusError for another status.

        An unknown message may have been sent, so it is queued only with `unknown_too`, which a
        person confirms. It keeps its WhatsApp id, by which WhatsApp recognises it. A number that
        WhatsApp has denied is checked again.
        """
        message = await self.find(owner, message_id)
        happening = Happening.RETRY_CONFIRMED if unknown_too else Happening.RETRIED
        await self._numbers.of(message.owner).forget_denied([message.to])
        place = await self.places.take_of(message.connection, message.connection_id)
        changes = {**_QUEUED_AGAIN, "seq": place}
        changed = await self._change(owner, message_id, happening, changes)
        if await self._cancel_if_gone([message.connection]):
            raise ConnectionNotFoundError(message.connection_id)
        return changed

    async def count_failed(self, connection: Connection, reason: str | None) -> int:
        """Count the failed messages that `redrive_failed` would queue again."""
        return await self._collection.count_documents(
            _failed(connection, reason), limit=_CHANGED_AT_ONCE
        )

    async def redrive_failed(self, connection: Connection, reason: str | None) -> list[Message]:
        """Queue a connection's failed messages again in order, all or those with this reason.

        Messages that somebody else queues, or that are removed meanwhile, are left out. Raises
        ConnectionNotFoundError if the connection is deleted meanwhile.
        """
        cursor = self._collection.find(
            _failed(connection, reason),
            projection={"_id": True, "to": True},
            sort=ORDER,
            limit=_CHANGED_AT_ONCE,
        )
        documents = [document async for document in cursor]
        numbers = self._numbers.of(connection.owner)
        await numbers.forget_denied([document["to"] for document in documents])
        found = [str(document["_id"]) for document in documents]
        moved = await self._queue_again(connection, found) if found else []
        if moved and await self._cancel_if_gone([connection.id]):
            raise ConnectionNotFoundError(connection.connection_id)
        return moved

    async def _queue_again(self, connection: Connection, failed: Sequence[str]) -> list[Message]:
        """Queue failed messages again in this order; return those that were failed."""
        first = await self.places.take_of(connection.id, connection.connection_id, len(failed))
        # The mark finds the messages that this call queued: others may queue the same ones.
        mark = {"queuedIn": new_id()}
        changes = {**_QUEUED_AGAIN, **mark}
        await self._collection.bulk_write(
            [
                UpdateOne(
                    {"_id": each, **may(Happening.REDRIVEN)},
                    becomes(Happening.REDRIVEN, {**changes, "seq": seq}),
                )
                for seq, each in enumerate(failed, first)
            ],
            ordered=False,
        )
        cursor = self._collection.find(
            {"_id": {"$in": list(failed)}, **mark}, sort=[("seq", ASCENDING)]
        )
        # A worker may have claimed some already; it publishes that status itself.
        queued = {"status": MOVES[Happening.REDRIVEN].after}
        moved = [Message.model_validate(each | queued) async for each in cursor]
        self._events.publish(*(status_event(each) for each in moved))
        return moved

    async def depth(self, connection: str) -> QueueDepth:
        """Count the messages of a connection that are not sent yet."""
        waiting = {"connection": connection, "status": {"$in": list(NOT_SENT)}}
        oldest = await self._collection.find_one(waiting, sort=[("queuedAt", ASCENDING)])
        count = await self._collection.count_documents(waiting) if oldest else 0
        return QueueDepth(count, oldest["queuedAt"] if oldest else None)

    async def depths(self, connections: Sequence[str]) -> dict[str, QueueDepth]:
        """Count unsent messages of several connections; connections without any are left out."""
        waiting = {"connection": {"$in": list(connections)}, "status": {"$in": list(NOT_SENT)}}
        counts = {"queued": {"$sum": 1}, "oldest": {"$min": "$queuedAt"}}
        cursor = self._collection.aggregate(
            [{"$match": waiting}, {"$group": {"_id": "$connection"} | counts}]
        )
        return {
            str(each["_id"]): QueueDepth(each["queued"], each["oldest"]) async for each in cursor
        }

    async def sent_since(self, connections: Sequence[str], moment: datetime) -> dict[str, int]:
        """Count what each connection has sent since a moment; connections with none are left out.

        The query is answered from the index alone.
        """
        sent = {"connection": {"$in": list(connections)}, "sentAt": {"$gte": moment}}
        cursor = self._collection.aggregate(
            [{"$match": sent}, {"$group": {"_id": "$connection", "count": {"$sum": 1}}}]
        )
        return {str(each["_id"]): int(each["count"]) async for each in cursor}

    async def _change(
        self,
        owner: str | None,
        message_id: str,
        happening: Happening,
        changes: dict[str, Any],
    ) -> Message:
        document: dict[str, Any] | None = await self._collection.find_one_and_update(
            {"_id": {"$eq": message_id}, **_of(owner), **may(happening)},
            becomes(happening, changes),
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            raise WrongStatusError(message_id, (await self.find(owner, message_id)).status)
        message = Message.model_validate(document)
        self._events.publish(status_event(message))
        return message


def _of(owner: str | None) -> dict[str, Any]:
    return {} if owner is None else {"owner": {"$eq": owner}}


def _failed(connection: Connection, reason: str | None) -> dict[str, Any]:
    failed: dict[str, Any] = {"connection": connection.id, **may(Happening.REDRIVEN)}
    return failed if reason is None else {**failed, "reason": {"$eq": reason}}
