"""What webhooks are told: one record for each event and webhook, with each try."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import BulkWriteError

from sessions.common.errors import DomainError
from sessions.outgoing_events.families import OutgoingEvent
from sessions.storage.mongo import forget_after, server_time
from sessions.storage.refusals import DUPLICATE_KEY
from sessions.webhooks.model import Delivery, DeliveryStatus, StoredBody, Try, Webhook
from sessions.webhooks.schedule import next_wait

if TYPE_CHECKING:
    from sessions.messages.sealed_texts import TextSealer
    from sessions.storage.mongo import Collection, Database
    from sessions.webhooks.store import WebhookStore

DELIVERIES = "webhookDeliveries"
"""The name of the collection."""

_AT_ONCE = 1000
_TRIES_KEPT = 20
_BODY = "body"
_ANSWER = "answer"


class DeliveryNotFoundError(DomainError):
    """The webhook has no delivery with that id."""

    code = "delivery_not_found"

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"There is no delivery {delivery_id!r}.")


@dataclass(frozen=True)
class Redrive:
    """Which deliveries to send again: these, or all since a time, or all that failed."""

    events: Names[str] | None = None
    since: datetime | None = None
    types: Names[str] | None = None


class Deliveries:
    """Store what webhooks are to be told, hand it out in order, and record how it went."""

    def __init__(
        self,
        database: Database,
        webhooks: WebhookStore,
        texts: TextSealer,
        ring: Callable[[str], Awaitable[None]],
    ) -> None:
        self._database = database
        self._collection: Collection = database[DELIVERIES]
        self._webhooks = webhooks
        self._texts = texts
        self._ring = ring

    async def prepare(self, keep_for: timedelta) -> None:
        """Create the indexes; deliveries are removed after `keep_for`. Safe to repeat."""
        webhook, status = ("webhook", ASCENDING), ("status", ASCENDING)
        for keys in (
            [webhook, status, ("order", ASCENDING), ("dueAt", ASCENDING)],
            [webhook, status, ("dueAt", ASCENDING)],
            [webhook, ("createdAt", DESCENDING), ("_id", DESCENDING)],
            [webhook, ("event", ASCENDING)],
            [("event", ASCENDING)],
            [("connection", ASCENDING)],
            [("chats", ASCENDING)],
        ):
            await self._collection.create_index(keys)
        await forget_after(self._collection, "createdAt", keep_for)

    async def owners(self) -> set[str]:
        """Return the owners of webhooks that are enabled."""
        return await self._webhooks.owners()

    async def take(self, events: Sequence[OutgoingEvent]) -> None:
        """Store a delivery of each event for each webhook that wants it; repeats add nothing."""
        webhooks = await self._webhooks.of_owners({each.owner for each in events})
        if not webhooks:
            return
        now = await server_time(self._database)
        documents = [
            self._delivery(event, webhook, now).to_document()
            for event in events
            for webhook in webhooks
            if webhook.owner == event.owner and webhook.wants(event.type, event.connection)
        ]
        if documents:
            await self._insert(documents)
            told = {each["webhook"] for each in documents}
            if await self._wake(told) < len(told):
                # Whoever deletes a webhook removes it first, then what is stored for it.
                await self.delete_of(await self._webhooks.deleted_among(told))

    async def forget(self, events: Sequence[str]) -> None:
        """Remove all deliveries of these events."""
        await self._delete({"event": {"$in": [*events]}})

    async def _wake(self, webhooks: set[str]) -> int:
        """Have them served: noted first, since a ring can be lost; return how many exist."""
        exist = await self._webhooks.wake(webhooks)
        await asyncio.gather(*map(self._ring, sorted(webhooks)))
        return exist

    async def _insert(self, documents: Sequence[dict[str, Any]]) -> None:
        try:
            await self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            refused = [each["code"] for each in details["writeErrors"]]
            if details["writeConcernErrors"] or set(refused) != {DUPLICATE_KEY}:
                raise

    def _delivery(self, event: OutgoingEvent, webhook: Webhook, now: datetime) -> Delivery:
        delivery_id = f"{event.id}.{webhook.id}"
        return Delivery(
            id=delivery_id,
            webhook=webhook.id,
            owner=webhook.owner,
            event=event.id,
            type=event.type,
            connection=event.connection,
            chats=list(event.chats),
            order=event.order,
            body=self._texts.seal(body_of(event), delivery_id, _BODY),
            due_at=now,
            created_at=now,
        )

    def body(self, delivery: Delivery) -> bytes:
        """Return what is sent; raise TextKeyMissingError or TextUnreadableError."""
        return self._texts.open(delivery.body, delivery.id, _BODY).encode()

    def seal_answer(self, delivery: Delivery, answer: str) -> StoredBody:
        """Return the beginning of an answer as it is stored; it may repeat a text."""
        return self._texts.seal(answer, delivery.id, _ANSWER)

    def answer(self, delivery: Delivery, stored: StoredBody) -> str:
        """Return a stored answer; raise TextKeyMissingError or TextUnreadableError."""
        return self._texts.open(stored, delivery.id, _ANSWER)

    async def due(self, webhook: Webhook, limit: int) -> list[Delivery]:
        """Return the webhook's deliveries that are due, in the order of their events."""
        cursor = self._collection.find(
            {**_pending(webhook.id), "$expr": {"$lte": ["$dueAt", "$$NOW"]}},
            sort=[("order", ASCENDING)],
            limit=limit,
        )
        return [Delivery.model_validate(document) async for document in cursor]

    async def next_due(self, webhook: Webhook) -> datetime | None:
        """Return when the webhook's next delivery is due; None if it has none."""
        found = await self._collection.find_one(
            _pending(webhook.id), {"dueAt": True}, sort=[("dueAt", ASCENDING)]
        )
        return found["dueAt"] if found else None

    async def record(self, delivery: Delivery, made: Try, status: DeliveryStatus) -> None:
        """Record a try and what became of the delivery.

        A delivery that is still pending becomes due by the schedule; after its last try it failed.
        """
        wait = next_wait(delivery.tried + 1)
        if status is DeliveryStatus.PENDING and wait is None:
            status = DeliveryStatus.FAILED
        changes: dict[str, Any] = {"status": status}
        if status is DeliveryStatus.PENDING and wait is not None:
            changes["dueAt"] = made.at + timedelta(milliseconds=made.duration_ms) + wait
        else:
            changes["endedAt"] = made.at
        entry = made.model_dump(by_alias=True, exclude_none=True)
        await self._collection.update_one(
            {"_id": delivery.id, "status": DeliveryStatus.PENDING},
            {
                "$set": changes,
                "$inc": {"tried": 1},
                "$push": {"tries": {"$each": [entry], "$slice": -_TRIES_KEPT}},
            },
        )

    async def page(
        self, webhook: Webhook, status: DeliveryStatus | None, cursor: str | None, limit: int
    ) -> tuple[list[Delivery], str | None]:
        """Return deliveries, newest first, and the cursor of the next page if there is one."""
        query: dict[str, Any] = {"webhook": webhook.id}
        if status is not None:
            query["status"] = status
        if cursor is not None:
            at, after = await self._position(webhook, cursor)
            query["$or"] = [{"createdAt": {"$lt": at}}, {"createdAt": at, "_id": {"$lt": after}}]
        newest = [("createdAt", DESCENDING), ("_id", DESCENDING)]
        found = self._collection.find(query, sort=newest, limit=limit + 1)
        deliveries = [Delivery.model_validate(document) async for document in found]
        more = len(deliveries) > limit
        return deliveries[:limit], deliveries[limit - 1].event if more else None

    async def _position(self, webhook: Webhook, cursor: str) -> tuple[datetime, str]:
        found = await self._collection.find_one(
            {"webhook": webhook.id, "event": {"$eq": cursor}}, {"createdAt": True}
        )
        if found is None:
            raise DeliveryNotFoundError(cursor)
        return found["createdAt"], found["_id"]

    async def redrive(self, webhook: Webhook, which: Redrive) -> int:
        """Make deliveries due again, under the same ids; return how many.

        Without ids and without a time, those that failed; otherwise also what was delivered.
        """
        query: dict[str, Any] = {"webhook": webhook.id}
        if which.events is not None:
            query["event"] = {"$in": [*which.events]}
        elif which.since is None:
            query["status"] = DeliveryStatus.FAILED
        if which.since is not None:
            query["order"] = {"$gte": f"{round(which.since.timestamp() * 1000):015d}"}
        if which.types is not None:
            query["type"] = {"$in": [*which.types]}
        again = {"status": DeliveryStatus.PENDING, "dueAt": "$$NOW", "tried": 0, "endedAt": None}
        changed = await self._collection.update_many(query, [{"$set": again}])
        if changed.matched_count:
            await self._wake({webhook.id})
        return changed.matched_count

    async def delete_of(self, webhooks: Names[str]) -> None:
        """Delete everything that these webhooks were or are to be told."""
        await self._delete({"webhook": {"$in": sorted(webhooks)}})

    async def _delete(self, which: dict[str, Any]) -> None:
        cursor = self._collection.find(which, {"_id": True}, limit=_AT_ONCE)
        while found := [document["_id"] async for document in cursor]:
            await self._collection.delete_many({"_id": {"$in": found}})
            cursor = cursor.clone()


def body_of(event: OutgoingEvent) -> str:
    """Return the JSON that a webhook gets for an event."""
    at = event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f'{{"type":"{event.type}","timestamp":"{at}","data":{event.data}}}'


def _pending(webhook_id: str) -> dict[str, Any]:
    return {"webhook": webhook_id, "status": DeliveryStatus.PENDING}
