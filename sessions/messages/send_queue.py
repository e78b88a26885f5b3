"""The owner's side of the outbox: claim in order, write down, record what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING, ReturnDocument, UpdateOne, WriteConcern

from sessions.common.errors import LeaseLostError
from sessions.common.ids import new_id
from sessions.connections.states import Reason
from sessions.events.log import EventLog
from sessions.messages.events import status_event
from sessions.messages.expiry import Expiry
from sessions.messages.model import CHECKING_NUMBER, Ack, Message, MessageStatus
from sessions.messages.paced_sends import Paced
from sessions.messages.queries import (
    ORDER,
    OVERDUE,
    bare_id,
    claim,
    due,
    fence,
    held,
    in_hand,
    in_order,
    out_of_hand,
    step,
    written_down,
)
from sessions.messages.states import OF_ACK, OUT, Happening, ending_in, may
from sessions.recipients.address import number_tail
from sessions.recipients.known_numbers import KnownNumbers
from sessions.recipients.number_checks import COLLECTION as NUMBER_CHECKS
from sessions.storage.batching import BatchedLookup

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database

_EVER = {"$gt": datetime.min.replace(tzinfo=UTC)}
"""Matches any time from the index alone, which `$exists` cannot."""


class SendQueue:
    """Hand out the messages of a connection to the holder of its lease.

    Every write is fenced by the generation of the lease: a message that a newer owner has claimed
    is out of reach for an older one (LeaseLostError).
    """

    def __init__(self, database: Database, events: EventLog) -> None:
        self._events = events
        self._collection: Collection = database["messages"]
        # A claim that MongoDB forgets in a crash is as good as none: what is written down next, in
        # the same document and durably, holds only where the claim has held.
        self._claims: Collection = self._collection.with_options(
            write_concern=WriteConcern(w=1, j=False)
        )
        self._expiry = Expiry(database, events)
        self._checks: Collection = database[NUMBER_CHECKS]
        self._numbers = KnownNumbers(database)
        self._having: BatchedLookup[str, bool] = BatchedLookup(self._which_have)

    async def left_over(self, lease: Lease) -> list[Message]:
        """Take over what an earlier owner had in hand, in order: it may or may not be sent."""
        await self._collection.update_many(
            {
                "connection": lease.connection,
                **may(Happening.KEPT),
                "generation": {"$lt": lease.generation},
            },
            {"$set": {"generation": lease.generation}},
        )
        return await in_order(self._collection, {"connection": lease.connection, **held(lease)})

    async def count_taking_up(self, lease: Lease, message: Message) -> Message | None:
        """Count that a message left over is gone on with, and return it; raise LeaseLostError.

        None when an ack has overtaken that: then it is out.
        """
        again = {"takenUp": {"$add": [{"$ifNull": ["$takenUp", 0]}, 1]}}
        document: dict[str, Any] | None = await self._collection.find_one_and_update(
            {"_id": message.id, **held(lease)},
            [{"$set": again}],
            return_document=ReturnDocument.AFTER,
        )
        if document is not None:
            return Message.model_validate(document)
        await self._check_overtaken(lease, message)
        return None

    async def is_overdue(self, message: Message) -> bool:
        """Tell whether a message's time has run out, by the server's clock."""
        if message.expires_at is None:
            return False
        late = {"_id": message.id, "$expr": OVERDUE}
        return await self._collection.find_one(late, projection={"_id": True}) is not None

    async def expire(self, lease: Lease) -> None:
        """End the messages whose time ran out before they were sent."""
        await self._expiry.end_overdue(lease.connection)

    async def first_due(self, lease: Lease, but: AbstractSet[str] = frozenset()) -> Message | None:
        """Return the message that `claim_next` would claim, or None when nothing is due.

        Those with ids in `but` are passed over.
        """
        others = {"_id": {"$nin": [*but]}} if but else {}
        document = await self._collection.find_one({**due(lease), **others}, sort=ORDER)
        return None if document is None else Message.model_validate(document)

    async def has_any(self, lease: Lease) -> bool:
        """Tell whether anything is queued, due or not; those who ask together, in one go."""
        return await self._having(lease.connection)

    async def _which_have(self, connections: Sequence[str]) -> list[bool | Exception]:
        queued = {"status": MessageStatus.QUEUED, "connection": {"$in": list(connections)}}
        found = set(await self._collection.distinct("connection", queued))
        return [connection in found for connection in connections]

    async def next_due_at(self, lease: Lease) -> datetime | None:
        """Return when the next scheduled message is due, or None when there is none."""
        document = await self._collection.find_one(
            {"connection": lease.connection, "status": MessageStatus.QUEUED},
            sort=[("dueAt", ASCENDING)],
        )
        return None if document is None else document["dueAt"]

    async def postpone(self, lease: Lease, message: Message, until: datetime, reason: str) -> None:
        """Let others pass a queued message until a time."""
        await self._collection.update_one(
            {"_id": message.id, "status": MessageStatus.QUEUED, **fence(lease)},
            {"$set": {"dueAt": until, "reason": reason}},
        )

    async def let_pass(self, lease: Lease, ids: AbstractSet[str], until: datetime) -> None:
        """Let others pass queued messages, until a time or `call_back`."""
        await self._collection.update_many(
            {"_id": {"$in": [*ids]}, "status": MessageStatus.QUEUED, **fence(lease)},
            {"$set": {"dueAt": until, "reason": Reason.WHATSAPP_CHANGED}},
        )

    async def call_back(self, lease: Lease) -> None:
        """Give the messages that others were let pass their places again."""
        await self._collection.update_many(
            {
                "connection": lease.connection,
                "status": MessageStatus.QUEUED,
                "reason": Reason.WHATSAPP_CHANGED,
                **fence(lease),
            },
            [{"$set": {"dueAt": {"$min": ["$dueAt", "$$NOW"]}}}],
        )

    async def release(self, lease: Lease, reason: str) -> None:
        """Let the messages that were put off for a reason be tried again now."""
        put_off = {"connection": lease.connection, "putOff": True, "reason": reason}
        waits = {**put_off, "status": MessageStatus.QUEUED, **fence(lease)}
        await self._collection.update_many(waits, [{"$set": {"dueAt": "$$NOW"}}])

    async def claim_next(self, lease: Lease) -> Message | None:
        """Claim the first message in order, or None when nothing is due."""
        document: dict[str, Any] | None = await self._claims.find_one_and_update(
            due(lease),
            claim(lease),
            sort=ORDER,
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            return None
        message = Message.model_validate(document)
        self._events.publish(status_event(message))
        return message

    async def paced_since(self, connection: str, since: datetime) -> list[Paced]:
        """Return what has counted for a connection's pace since a time: messages and checks."""
        lately = {"connection": connection, "pacedAt": {"$gte": since}}
        fields = {"pacedAt": True, "newChat": True}
        return [
            Paced(str(each["_id"]), each["pacedAt"], bool(each.get("newChat")))
            for source in (self._collection, self._checks)
            async for each in source.find(lately, projection=fields)
        ]

    async def opens_chat(self, message: Message) -> bool:
        """Tell whether nothing was ever sent to a message's recipient, as far as we remember.

        The chat of its number is looked for among the numbers that its owner has asked about.
        """
        known = await self._numbers.of(message.owner).find(message.to)
        return await self.is_new_chat(message.connection, message.to, known.chat_id or message.to)

    async def is_new_chat(self, connection: str, to: str, chat_id: str) -> bool:
        """Tell whether nothing was ever sent to this chat, as far as we remember.

        Two spellings of one account's number are one chat.
        """
        same = {"$in": [to, chat_id]}
        known = {
            "connection": connection,
            "$or": [{"to": same}, {"chatId": same}],
            "pacedAt": _EVER,
            "whatsappId": {"$exists": True},
        }
        return await self._collection.find_one(known, projection={"_id": True}) is None

    async def may_be_known(self, message: Message) -> bool:
        """Tell whether a number of which WhatsApp was not asked ends like one of a known chat."""
        tail = number_tail(message.to)
        known = await self._numbers.of(message.owner).find(message.to)
        if tail is None or known.exists is not None:
            return False
        alike = {"connection": message.connection, "chatTail": tail}
        return await self._collection.find_one(alike, projection={"_id": True}) is not None

    async def write_down(
        self, lease: Lease, message: Message, whatsapp_id: str, chat_id: str, *, new_chat: bool
    ) -> Message:
        """Record the id under which the message is about to be sent, and its chat, before that.

        Return the message as it is then; raise LeaseLostError.
        """
        changes = written_down(whatsapp_id, chat_id)
        if new_chat:
            changes["newChat"] = True
        written: dict[str, Any] | None = await self._collection.find_one_and_update(
            *in_hand(lease, message, changes), return_document=ReturnDocument.AFTER
        )
        if written is None:
            raise LeaseLostError(f"Message {message.id} is no longer this owner's to change.")
        return Message.model_validate(written)

    async def settle(
        self,
        lease: Lease,
        message: Message,
        status: MessageStatus,
        reason: str | None = None,
        counts: bool = False,
    ) -> Message | None:
        """Record how a send ended: sent, failed, expired or unknown; raise IllegalMoveError.

        What may be out counts for the pace, and so does a number that WhatsApp was asked for in
        vain (`counts`).
        Return the message as it is then; None where an ack has overtaken that: then it is out.
        """
        changes: dict[str, Any] = {"reason": reason}
        if status in (MessageStatus.SENT, MessageStatus.UNKNOWN) or counts:
            changes["pacedAt"] = "$$NOW"
        return await self._finish(lease, message, ending_in(status), changes)

    async def put_back(
        self,
        lease: Lease,
        message: Message,
        reason: str | None = None,
        *,
        uncounted: bool = False,
    ) -> None:
        """Return a message in hand to its place; it keeps the id that it has.

        `uncounted` takes this try back: it was no fault of the message.
        """
        changes: dict[str, Any] = {"reason": reason}
        if uncounted:
            changes["attempts"] = max(0, message.attempts - 1)
        await self._finish(lease, message, Happening.PUT_BACK, changes)

    async def put_off(
        self,
        lease: Lease,
        message: Message,
        until: datetime,
        reason: str | None,
        *,
        counts: bool,
        uncounted: bool = False,
    ) -> Message | None:
        """Return a message in hand to its place, and let others pass it until a time.

        `counts` tells whether what was done for it counts for the pace. `uncounted` takes this
        try back: the message only waits for others. Return it as it is then; None where an ack has
        overtaken that.
        """
        changes: dict[str, Any] = {"reason": reason, "dueAt": until, "putOff": True}
        if counts:
            changes["pacedAt"] = "$$NOW"
        if uncounted:
            changes["attempts"] = max(0, message.attempts - 1)
        return await self._finish(lease, message, Happening.PUT_BACK, changes)

    async def put_off_before(self, lease: Lease, message: Message) -> Message | None:
        """Return what was put off for the same recipient and stands before a message, if any.

        Of several the one that waits longest: a message that went now would overtake it.
        """
        before = _put_off_before(lease, message)
        document = await self._collection.find_one(before, sort=[("dueAt", DESCENDING)])
        return None if document is None else Message.model_validate(document)

    async def recall(self, lease: Lease, message: Message) -> None:
        """Let what waits for the number of this message's recipient, and stands before it, go."""
        waits = {**_put_off_before(lease, message), "reason": CHECKING_NUMBER}
        changes = {"dueAt": "$$NOW", "reason": None}
        await self._collection.update_many(waits, [{"$set": changes}])

    async def record_ack(self, lease: Lease, message_key: str, ack: Ack) -> Message | None:
        """Move a message forward by an ack and return it; None when it had gone that far already.

        Matched on the bare id: the chat part of the key may have become a LID meanwhile.
        """
        acked = OF_ACK.get(ack)
        if acked is None:
            return None
        document: dict[str, Any] | None = await self._collection.find_one_and_update(
            *step(lease, message_key, acked), return_document=ReturnDocument.AFTER
        )
        if document is None:
            return None
        message = Message.model_validate(document)
        self._events.publish(status_event(message))
        return message

    async def record_acks(self, lease: Lease, acks: Mapping[str, Ack]) -> list[Message]:
        """Do what `record_ack` does for many keys, with two calls at most; return what moved."""
        steps = {key: OF_ACK[ack] for key, ack in acks.items() if ack in OF_ACK}
        if len(steps) < 2:
            moved_alone = [await self.record_ack(lease, key, acks[key]) for key in steps]
            return [each for each in moved_alone if each is not None]
        # Marked, since the dispatcher moves messages at the same time.
        mark = {"ackedIn": new_id()}
        updates = []
        for key, acked in steps.items():
            found, changes = step(lease, key, acked)
            updates.append(UpdateOne(found, [*changes, {"$set": mark}]))
        written = await self._collection.bulk_write(updates, ordered=False)
        if not written.matched_count:
            return []
        named = {"$in": [bare_id(key) for key in steps]}
        moved = await in_order(
            self._collection, {"connection": lease.connection, "bareId": named, **mark}
        )
        self._events.publish(*(status_event(each) for each in moved))
        return moved

    async def unsettled(self, lease: Lease, limit: int) -> list[Message]:
        """Return the newest messages that are, or may be, out and not read: acks may be missed."""
        awaited = [MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.UNKNOWN]
        cursor = self._collection.find(
            {"connection": lease.connection, "status": {"$in": awaited}},
            sort=[("_id", -1)],
            limit=limit,
        )
        return [Message.model_validate(document) async for document in cursor]

    async def _finish(
        self, lease: Lease, message: Message, happening: Happening, changes: dict[str, Any]
    ) -> Message | None:
        """Let a message out of hand and tell of it; None when an ack has overtaken that."""
        document: dict[str, Any] | None = await self._collection.find_one_and_update(
            *out_of_hand(lease, message, happening, changes), return_document=ReturnDocument.AFTER
        )
        if document is None:
            await self._check_overtaken(lease, message)
            return None
        finished = Message.model_validate(document)
        self._events.publish(status_event(finished))
        return finished

    async def _check_overtaken(self, lease: Lease, message: Message) -> None:
        """Raise LeaseLostError unless an ack overtook what we have to say of a message."""
        acked = {"_id": message.id, "generation": lease.generation, "status": {"$in": list(OUT)}}
        if await self._collection.find_one(acked, projection={"_id": True}) is None:
            raise LeaseLostError(f"Message {message.id} is no longer this owner's to change.")


def _put_off_before(lease: Lease, message: Message) -> dict[str, Any]:
    before = [
        {"priority": {"$lt": message.priority}},
        {"priority": message.priority, "seq": {"$lt": message.seq}},
    ]
    return {
        "connection": lease.connection,
        "to": message.to,
        "putOff": True,
        "status": MessageStatus.QUEUED,
        "$or": before,
        # What has expired is never claimed: who waited for it would be asked again at once.
        "$expr": {"$not": [OVERDUE]},
        **fence(lease),
    }
