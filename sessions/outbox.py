"""The outbox in MongoDB: the queue of record, from the accepted message to its last ack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, ReturnDocument

from sessions.connections import Connection, ConnectionStore
from sessions.errors import LeaseLostError, MessageNotFoundError
from sessions.ids import new_id
from sessions.messages import (
    PROGRESS,
    STATUS_OF_ACK,
    Ack,
    Message,
    MessageStatus,
    Priority,
)

if TYPE_CHECKING:
    from sessions.leases import Lease
    from sessions.mongo import Collection, Database


@dataclass(frozen=True)
class QueueDepth:
    """How many messages of a connection are not sent yet, and since when the oldest waits."""

    queued: int
    oldest_queued_at: datetime | None


_NOT_SENT = (MessageStatus.QUEUED, MessageStatus.SENDING)


class Outbox:
    """Store messages, hand them out in order, and record what became of them.

    What a dispatcher writes is fenced by the generation of its lease: a message that a newer
    owner has claimed is out of reach for an older one (LeaseLostError).
    """

    def __init__(self, database: Database, connections: ConnectionStore) -> None:
        self._collection: Collection = database["messages"]
        self._connections = connections

    async def prepare(self) -> None:
        """Create the indexes; safe to repeat and to race."""
        order = [("connection", ASCENDING), ("status", ASCENDING)]
        await self._collection.create_index([*order, ("priority", ASCENDING), ("seq", ASCENDING)])
        await self._collection.create_index([*order, ("queuedAt", ASCENDING)])
        await self._collection.create_index(
            [("status", ASCENDING), ("connection", ASCENDING)],
            partialFilterExpression={"status": MessageStatus.QUEUED},
        )
        await self._collection.create_index(
            [("connection", ASCENDING), ("bareId", ASCENDING)],
            partialFilterExpression={"bareId": {"$exists": True}},
        )

    async def add(
        self, connection: Connection, to: str, text: str, priority: Priority, now: datetime
    ) -> Message:
        """Store a message durably behind those already there; only then may it be accepted."""
        message = Message(
            id=new_id(),
            owner=connection.owner,
            connection=connection.id,
            connection_id=connection.connection_id,
            to=to,
            text=text,
            priority=priority,
            seq=await self._connections.next_sequence(connection.id),
            status=MessageStatus.QUEUED,
            queued_at=now,
            due_at=now,
        )
        await self._collection.insert_one(message.model_dump(by_alias=True, exclude_none=True))
        return message

    async def find(self, owner: str, message_id: str) -> Message:
        """Return the owner's message or raise MessageNotFoundError."""
        document = await self._collection.find_one(
            {"_id": {"$eq": message_id}, "owner": {"$eq": owner}}
        )
        if document is None:
            raise MessageNotFoundError(message_id)
        return Message.model_validate(document)

    async def depth(self, connection: str) -> QueueDepth:
        """Count what is not sent yet."""
        waiting = {"connection": connection, "status": {"$in": list(_NOT_SENT)}}
        oldest = await self._collection.find_one(waiting, sort=[("queuedAt", ASCENDING)])
        count = await self._collection.count_documents(waiting) if oldest else 0
        return QueueDepth(count, oldest["queuedAt"] if oldest else None)

    async def longest_queues(self, limit: int) -> list[str]:
        """Return the connections with the most messages waiting, the fullest first."""
        cursor = self._collection.aggregate(
            [
                {"$match": {"status": MessageStatus.QUEUED}},
                {"$group": {"_id": "$connection", "waiting": {"$sum": 1}}},
                {"$sort": {"waiting": -1}},
                {"$limit": limit},
            ]
        )
        return [str(each["_id"]) async for each in cursor]

    async def left_over(self, lease: Lease) -> list[Message]:
        """Take over what an earlier owner had in hand, in order: it may or may not be sent."""
        await self._collection.update_many(
            {
                "connection": lease.connection,
                "status": MessageStatus.SENDING,
                "generation": {"$lt": lease.generation},
            },
            {"$set": {"generation": lease.generation}},
        )
        return await self._list(
            {
                "connection": lease.connection,
                "status": MessageStatus.SENDING,
                "generation": lease.generation,
            }
        )

    async def claim_next(self, lease: Lease) -> Message | None:
        """Claim the first message in order, or None when nothing is due."""
        document = await self._collection.find_one_and_update(
            {
                "connection": lease.connection,
                "status": MessageStatus.QUEUED,
                "generation": {"$lte": lease.generation},
                "$expr": {"$lte": ["$dueAt", "$$NOW"]},
            },
            [
                {
                    "$set": {
                        "status": MessageStatus.SENDING,
                        "generation": lease.generation,
                        "attempts": {"$add": ["$attempts", 1]},
                        "sendingAt": "$$NOW",
                    }
                }
            ],
            sort=[("priority", ASCENDING), ("seq", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else Message.model_validate(document)

    async def write_down(self, lease: Lease, message: Message, whatsapp_id: str) -> None:
        """Record the id under which the message is about to be sent, before it is sent."""
        changes = {"whatsappId": whatsapp_id, "bareId": bare_id(whatsapp_id)}
        await self._finish(lease, message, changes)

    async def settle(
        self, lease: Lease, message: Message, status: MessageStatus, reason: str | None = None
    ) -> None:
        """Record how a send ended (sent, failed, unknown) or that it goes back to the queue."""
        time = {} if status is MessageStatus.QUEUED else {f"{status}At": "$$NOW"}
        await self._finish(lease, message, {"status": status, "reason": reason, **time})

    async def record_ack(self, lease: Lease, message_key: str, ack: Ack) -> bool:
        """Move a message forward by an ack; False when it had gone that far already.

        Matched on the bare id: the chat part of the key may have become a LID meanwhile.
        """
        status = STATUS_OF_ACK.get(ack)
        if status is None:
            return False
        before = [*PROGRESS[1 : PROGRESS.index(status)], MessageStatus.UNKNOWN]
        times = {
            f"{reached}At": {"$ifNull": [f"${reached}At", "$$NOW"]}
            for reached in PROGRESS[2 : PROGRESS.index(status) + 1]
        }
        result = await self._collection.update_one(
            {
                "connection": lease.connection,
                "bareId": bare_id(message_key),
                "status": {"$in": before},
                "generation": {"$lte": lease.generation},
            },
            [{"$set": {"status": status, "reason": None, **times}}],
        )
        return result.matched_count == 1

    async def unsettled(self, lease: Lease, limit: int) -> list[Message]:
        """Return the newest messages that are out but not read: acks may have been missed."""
        awaited = [MessageStatus.SENT, MessageStatus.DELIVERED]
        cursor = self._collection.find(
            {"connection": lease.connection, "status": {"$in": awaited}},
            sort=[("_id", -1)],
            limit=limit,
        )
        return [Message.model_validate(document) async for document in cursor]

    async def _finish(self, lease: Lease, message: Message, changes: dict[str, Any]) -> None:
        result = await self._collection.update_one(
            {"_id": message.id, "generation": lease.generation, "status": MessageStatus.SENDING},
            [{"$set": {name: _literal(value) for name, value in changes.items()}}],
        )
        if result.matched_count == 0 and not await self._acked_meanwhile(lease, message):
            raise LeaseLostError(f"Message {message.id} is no longer this owner's to change.")

    async def _acked_meanwhile(self, lease: Lease, message: Message) -> bool:
        """Tell whether an ack overtook the record of the send: then there is nothing to add."""
        beyond = list(PROGRESS[2:])
        document = await self._collection.find_one(
            {
                "_id": message.id,
                "generation": lease.generation,
                "status": {"$in": beyond},
            }
        )
        return document is not None

    async def _list(self, query: dict[str, Any]) -> list[Message]:
        cursor = self._collection.find(query, sort=[("priority", 1), ("seq", 1)])
        return [Message.model_validate(document) async for document in cursor]


def bare_id(message_key: str) -> str:
    """Return the part of a WhatsApp message key that stays when its chat becomes a LID.

    A key reads `true_<chat>_<id>`, in groups `true_<chat>_<id>_<author>` (wa-js MsgKey).
    """
    parts = message_key.split("_")
    return parts[2] if len(parts) > 2 else message_key


def _literal(value: Any) -> Any:
    """Keep a text from being read as an expression of the pipeline, `$$NOW` aside."""
    return value if value == "$$NOW" else {"$literal": value}
