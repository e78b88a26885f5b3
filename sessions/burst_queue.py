"""The owner's side of the outbox for messages that go out together: one write for each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from pymongo import UpdateOne

from sessions.errors import LeaseLostError
from sessions.events import EventLog, status_event
from sessions.ids import new_id
from sessions.messages import Message, MessageStatus
from sessions.queue_filters import OUT, claim, due, held, in_hand, in_order, written_down

if TYPE_CHECKING:
    from sessions.leases import Lease
    from sessions.mongo import Collection


class BurstQueue:
    """Do for several messages what `SendQueue` does for one; every write is fenced alike."""

    def __init__(self, messages: Collection, claims: Collection, events: EventLog) -> None:
        self._messages = messages
        self._claims = claims
        self._events = events

    async def claim(
        self, lease: Lease, limit: int, fits: Callable[[Message], bool]
    ) -> list[Message]:
        """Claim the first messages in order that are due, up to one that does not fit.

        Empty when that would be only one.
        """
        first = await in_order(self._claims, due(lease), limit)
        chosen = {"_id": {"$in": [each.id for each in takewhile(fits, first)]}}
        if len(chosen["_id"]["$in"]) < 2:
            return []
        await self._claims.update_many({**due(lease), **chosen}, claim(lease))
        claimed = await in_order(self._messages, {**chosen, **held(lease)})
        self._events.publish(*(status_event(each) for each in claimed))
        return claimed

    async def write_down(
        self,
        lease: Lease,
        messages: Sequence[Message],
        whatsapp_ids: Sequence[str],
        chat_ids: Sequence[str],
    ) -> None:
        """Record the ids under which they are about to be sent; none opens a chat.

        Raises LeaseLostError when one of them is a newer owner's.
        """
        updates = [
            UpdateOne(*in_hand(lease, message, written_down(whatsapp_id, chat_id)))
            for message, whatsapp_id, chat_id in zip(messages, whatsapp_ids, chat_ids, strict=True)
        ]
        written = await self._messages.bulk_write(updates, ordered=False)
        if written.matched_count < len(updates):
            raise LeaseLostError("Messages are no longer this owner's to change.")

    async def settle_sent(self, lease: Lease, messages: Sequence[Message]) -> list[Message]:
        """Record that WhatsApp has them, and return them as they are then.

        What an ack has overtaken is left as it is. Raises LeaseLostError.
        """
        named = {"_id": {"$in": [each.id for each in messages]}}
        mark = {"settledIn": new_id()}
        changes = {"status": MessageStatus.SENT, "reason": None, **_now("status", "sent", "ended")}
        await self._messages.update_many(
            {**named, **held(lease)}, [{"$set": {**changes, **_now("paced"), **mark}}]
        )
        moved = await in_order(self._messages, {**named, **mark})
        self._events.publish(*(status_event(_as_sent(each)) for each in moved))
        if len(moved) == len(messages):
            return moved
        found = await in_order(self._messages, {**named, "generation": lease.generation})
        if len(found) < len(messages) or any(each.status not in OUT for each in found):
            raise LeaseLostError("Messages are no longer this owner's to change.")
        return found

    async def put_back(self, lease: Lease, messages: Sequence[Message]) -> None:
        """Return messages that did not come to their turn to their places, untried.

        One that has an id keeps it: under no other may it ever be sent.
        """
        named = {"_id": {"$in": [each.id for each in messages]}}
        changes = {
            "status": MessageStatus.QUEUED,
            "attempts": {"$subtract": ["$attempts", 1]},
            "sendingAt": "$$REMOVE",
            **_now("status"),
        }
        await self._messages.update_many({**named, **held(lease)}, [{"$set": changes}])
        back = await in_order(self._messages, {**named, "status": MessageStatus.QUEUED})
        self._events.publish(*(status_event(each) for each in back))


def _now(*names: str) -> dict[str, str]:
    return {f"{name}At": "$$NOW" for name in names}


def _as_sent(message: Message) -> Message:
    """Return a message as it was when it was recorded as sent: an ack may have come since."""
    return message.model_copy(
        update={"status": MessageStatus.SENT, "status_at": message.sent_at, "reason": None}
    )
