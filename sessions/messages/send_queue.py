"""The worker's side of the outbox: claim in order, record the WhatsApp id, record the result."""

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
from sessions.messages.content import ACTIONS
from sessions.messages.events import status_event
from sessions.messages.expiry import Expiry
from sessions.messages.grounds import Grounds
from sessions.messages.model import (
    CHECKING_NUMBER,
    WAITS_FOR_MESSAGE,
    Ack,
    Message,
    MessageStatus,
)
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
"""Matches any time using only the index, which `$exists` cannot."""


class SendQueue:
    """Hand out the messages of a connection to the holder of its lease.

    Every write is fenced by the generation of the lease: a worker cannot change a message that a
    newer lease has claimed (LeaseLostError).
    """

    def __init__(self, database: Database, events: EventLog) -> None:
        self._events = events
        self._collection: Collection = database["messages"]
        # A claim need not be journaled. The next write to the document is, and it matches only if
        # MongoDB still has the claim.
        self._claims: Collection = self._collection.with_options(
            write_concern=WriteConcern(w=1, j=False)
        )
        self._expiry = Expiry(database, events)
        self._grounds = Grounds(database)
        self._checks: Collection = database[NUMBER_CHECKS]
        self._numbers = KnownNumbers(database)
        self._having: BatchedLookup[str, bool] = BatchedLookup(self._which_have)

    async def left_over(self, lease: Lease) -> list[Message]:
        """Take over the messages that an earlier lease had claimed, in order; some may be sent."""
        await self._collection.update_many(
            {
                "connection": lease.connection,
                **may(Happening.KEPT),
                "generation": {"$lt": lease.generation},
            },
            {"$set": {"generation": lease.generation}},
        )
        return await in_order(self._collection, {"connection": lease.connection, **held(lease)})

    async def count_resumption(self, lease: Lease, message: Message) -> Message | None:
        """Count that a left-over message is resumed, and return it; raise LeaseLostError.

        Returns None if an ack has arrived meanwhile, which proves that it was sent.
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
        """Tell whether a message has expired, by MongoDB's clock."""
        if message.expires_at is None:
            return False
        late = {"_id": message.id, "$expr": OVERDUE}
        return await self._collection.find_one(late, projection={"_id": True}) is not None

    async def still_holds(self, message: Message) -> bool:
        """Tell whether all records on which a planned message stands are as it was planned by."""
        return message.plan is None or await self._grounds.hold(message.plan)

    async def expire(self, lease: Lease) -> None:
        """Expire the connection's overdue messages."""
        await self._expiry.end_overdue(lease.connection)

    async def first_due(self, lease: Lease, but: AbstractSet[str] = frozenset()) -> Message | None:
        """Return the message that `claim_next` would claim, or None when nothing is due.

        Messages with ids in `but` are skipped.
        """
        others = {"_id": {"$nin": [*but]}} if but else {}
        document = await self._collection.find_one({**due(lease), **others}, sort=ORDER)
        return None if document is None else Message.model_validate(document)

    async def has_any(self, lease: Lease) -> bool:
        """Tell whether anything is queued, due or not; concurrent callers share one query."""
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
        """Hold a queued message back until a time; others may pass it."""
        await self._collection.update_one(
            {"_id": message.id, "status": MessageStatus.QUEUED, **fence(lease)},
            {"$set": {"dueAt": until, "reason": reason}},
        )

    async def defer(self, lease: Lease, ids: AbstractSet[str], until: datetime) -> None:
        """Hold queued messages back until a time or `end_deferral`; others may pass them."""
        await self._collection.update_many(
            {"_id": {"$in": [*ids]}, "status": MessageStatus.QUEUED, **fence(lease)},
            {"$set": {"dueAt": until, "reason": Reason.WHATSAPP_CHANGED}},
        )

    async def end_deferral(self, lease: Lease) -> None:
        """Make the messages that `defer` has held back due again, at their old places."""
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
        """Make the messages that were put off for a reason due now."""
        put_off = {"connection": lease.connection, "putOff": True, "reason": reason}
        waits = {**put_off, "status": MessageStatus.QUEUED, **fence(lease)}
        await self._collection.update_many(waits, [{"$set": {"dueAt": "$$NOW"}}])

    async def claim_next(self, lease: Lease) -> Message | None:
        """Claim and return the first message in order, or None when nothing is due."""
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
        """Return the messages and number checks that counted for the pace since a time."""
        lately = {"connection": connection, "pacedAt": {"$gte": since}}
        fields = {"pacedAt": True, "newChat": True}
        return [
            Paced(str(each["_id"]), each["pacedAt"], bool(each.get("newChat")))
            for source in (self._collection, self._checks)
            async for each in source.find(lately, projection=fields)
        ]

    async def opens_chat(self, message: Message) -> bool:
        """Tell whether a message would open a new chat, as far as stored messages show.

        The chat of its number is looked up in the numbers that its owner has checked.
        """
        known = await self._numbers.of(message.owner).find(message.to)
        return await self.is_new_chat(message.connection, message.to, known.chat_id or message.to)

    async def is_new_chat(self, connection: str, to: str, chat_id: str) -> bool:
        """Tell whether no stored message went to this recipient or its chat.

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
        """Tell whether an unchecked number has the same last digits as that of a known chat."""
        tail = number_tail(message.to)
        known = await self._numbers.of(message.owner).find(message.to)
        if tail is None or known.exists is not None:
            return False
        alike = {"connection": message.connection, "chatTail": tail}
        return await self._collection.find_one(alike, projection={"_id": True}) is not None

    async def write_down(
        self, lease: Lease, message: Message, whatsapp_id: str, chat_id: str, *, new_chat: bool
    ) -> Message:
        """Record a message's WhatsApp id and chat before it is sent.

        Return the updated message; raise LeaseLostError.
        """
        changes = written_down(whatsapp_id, chat_id)
        if message.conversation is not None:
            changes |= {"conversation": chat_id, "conversationAt": "$$NOW"}
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
        """Record how a send ended: sent, failed, expired, cancelled or unknown.

        Raises IllegalMoveError for any other status.

        A message that may have been sent counts for the pace; `counts` makes a failed one count,
        because WhatsApp was asked about its number. Return the updated message, or None if an ack
        has arrived meanwhile, which proves that it was sent.
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
        """Return a claimed message to its place in the queue; it keeps its WhatsApp id.

        `uncounted` does not count this try, since the message was not at fault.
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
        """Return a claimed message to its place, and let others pass it until a time.

        `counts` says whether this try counts for the pace. `uncounted` does not count it as a try,
        since the message only waits for others. Return the updated message, or None if an ack has
        arrived meanwhile.
        """
        changes: dict[str, Any] = {"reason": reason, "dueAt": until, "putOff": True}
        if counts:
            changes["pacedAt"] = "$$NOW"
        if uncounted:
            changes["attempts"] = max(0, message.attempts - 1)
        return await self._finish(lease, message, Happening.PUT_BACK, changes)

    async def put_off_before(self, lease: Lease, message: Message) -> Message | None:
        """Return the put-off message to the same recipient that goes before this one, if any.

        Of several, return the one that waits longest, since this message must not overtake it.
        """
        before = _put_off_before(lease, message)
        document = await self._collection.find_one(before, sort=[("dueAt", DESCENDING)])
        return None if document is None else Message.model_validate(document)

    async def release_earlier(self, lease: Lease, message: Message) -> None:
        """Make earlier messages to the same recipient due that wait for its number check."""
        waits = {**_put_off_before(lease, message), "reason": CHECKING_NUMBER}
        changes = {"dueAt": "$$NOW", "reason": None}
        await self._collection.update_many(waits, [{"$set": changes}])

    async def record_ack(self, lease: Lease, message_key: str, ack: Ack) -> Message | None:
        """Move a message forward by an ack and return it; None if it was that far already.

        The message is found by its bare id, since its chat may have become a LID meanwhile.
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
        """Do what `record_ack` does for many keys, with at most two calls; return what moved."""
        steps = {key: OF_ACK[ack] for key, ack in acks.items() if ack in OF_ACK}
        if len(steps) < 2:
            moved_alone = [await self.record_ack(lease, key, acks[key]) for key in steps]
            return [each for each in moved_alone if each is not None]
        # The mark finds the messages that this call moved: the dispatcher runs at the same time.
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
        """Return the newest messages whose acks may have been missed: sent or unknown, not read."""
        awaited = [MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.UNKNOWN]
        cursor = self._collection.find(
            {
                "connection": lease.connection,
                "status": {"$in": awaited},
                "kind": {"$nin": list(ACTIONS)},  # nobody acknowledges these
            },
            sort=[("_id", -1)],
            limit=limit,
        )
        return [Message.model_validate(document) async for document in cursor]

    async def _finish(
        self, lease: Lease, message: Message, happening: Happening, changes: dict[str, Any]
    ) -> Message | None:
        """End the claim of a message and publish its status; None if an ack arrived meanwhile."""
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
        """Raise LeaseLostError unless an ack has already moved the message on."""
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
        # What waits for another message must not hold that one up.
        "reason": {"$ne": WAITS_FOR_MESSAGE},
        "$or": before,
        # An expired message is never claimed, so nothing may wait for it.
        "$expr": {"$not": [OVERDUE]},
        **fence(lease),
    }
