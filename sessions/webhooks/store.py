"""Webhooks in MongoDB: what their owners set, and how they fare."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, ReturnDocument

from sessions.common.errors import DomainError
from sessions.events.log import EventLog, EventType
from sessions.outgoing_events.pending import adds
from sessions.webhooks.events import disabled_event
from sessions.webhooks.model import DisabledReason, StoredSecret, Webhook
from sessions.webhooks.schedule import GIVEN_UP_AFTER, STRUGGLES_FROM, pause

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database
    from sessions.storage.turns import Turns

_HEALTHY: dict[str, Any] = {"failures": 0, "failingSince": None, "heldUntil": None}
_SECRETS_AT_MOST = 5
"""How many secrets sign at a time: the newest, and replaced ones that are still valid."""


class WebhookNotFoundError(DomainError):
    """No webhook of this owner has that id."""

    code = "webhook_not_found"

    def __init__(self, webhook_id: str) -> None:
        super().__init__(f"There is no webhook {webhook_id!r}.")


@dataclass(frozen=True)
class WebhookCounts:
    """How many webhooks there are, by how they fare."""

    working: int = 0
    failing: int = 0
    disabled: int = 0


class WebhookStore:
    """Create, read, change and disable webhooks."""

    def __init__(self, database: Database, events: EventLog) -> None:
        self._collection: Collection = database["webhooks"]
        self._events = events

    async def prepare(self) -> None:
        """Create the indexes; safe to repeat and to race."""
        await self._collection.create_index([("owner", ASCENDING), ("_id", ASCENDING)])
        await self._collection.create_index([("workAt", ASCENDING)], sparse=True)

    async def add(self, webhook: Webhook) -> None:
        """Store a new webhook."""
        await self._collection.insert_one(webhook.model_dump(by_alias=True, exclude_none=True))

    async def find(self, owner: str | None, webhook_id: str) -> Webhook:
        """Return the owner's webhook, or any owner's for None; raise WebhookNotFoundError."""
        document = await self._collection.find_one({"_id": {"$eq": webhook_id}, **_of(owner)})
        if document is None:
            raise WebhookNotFoundError(webhook_id)
        return Webhook.model_validate(document)

    async def of_owner(self, owner: str | None) -> list[Webhook]:
        """Return all webhooks of an owner, or of all owners for None, oldest first."""
        cursor = self._collection.find(_of(owner), sort=[("_id", ASCENDING)])
        return [Webhook.model_validate(document) async for document in cursor]

    async def of_owners(self, owners: Names[str]) -> list[Webhook]:
        """Return the enabled webhooks of several owners."""
        wanted = {"owner": {"$in": sorted(owners)}, "enabled": True}
        return [
            Webhook.model_validate(document) async for document in self._collection.find(wanted)
        ]

    async def owners(self) -> set[str]:
        """Return the owners of enabled webhooks."""
        return set(await self._collection.distinct("owner", {"enabled": True}))

    async def count(self, owner: str) -> int:
        """Count the webhooks of an owner."""
        return await self._collection.count_documents({"owner": {"$eq": owner}})

    async def counts(self) -> WebhookCounts:
        """Count all webhooks, by how they fare."""
        state = {"$cond": [{"$gt": ["$failures", 0]}, "failing", "working"]}
        how = {"$cond": ["$enabled", state, "disabled"]}
        grouped = self._collection.aggregate([{"$group": {"_id": how, "count": {"$sum": 1}}}])
        return WebhookCounts(**{each["_id"]: each["count"] async for each in grouped})

    async def change(self, webhook: Webhook, changes: Mapping[str, Any]) -> Webhook:
        """Set fields that the owner may change; raise WebhookNotFoundError.

        Switching it on again forgets how it failed, and delivers what still waits.
        """
        fields = dict(changes)
        if "enabled" in changes:
            fields |= _HEALTHY | {"disabledReason": None, "disabledAt": None}
        if changes.get("enabled") is False:
            fields |= {"disabledReason": DisabledReason.BY_OWNER}
        update: dict[str, Any] = {"$set": fields, "$inc": {"wakes": 1}}
        at = "disabledAt" if changes.get("enabled") is False else "workAt"
        update["$currentDate"] = {at: True}
        fields.pop(at, None)
        return await self._update(webhook.id, update)

    async def add_secret(
        self, webhook: Webhook, secret: StoredSecret, overlap: timedelta, now: datetime
    ) -> Webhook:
        """Sign with a new secret; those before it sign on for `overlap`, but not for longer."""
        end = now + overlap
        before = [
            each.model_copy(update={"until": min(end, each.until or end)})
            for each in webhook.secrets
            if each.until is None or each.until > now
        ]
        secrets = [secret, *(before if overlap else [])][:_SECRETS_AT_MOST]
        stored = [each.model_dump(by_alias=True, exclude_none=True) for each in secrets]
        return await self._update(webhook.id, {"$set": {"secrets": stored}})

    async def delete(self, webhook: Webhook) -> None:
        """Delete a webhook; raise WebhookNotFoundError."""
        if not (await self._collection.delete_one({"_id": webhook.id})).deleted_count:
            raise WebhookNotFoundError(webhook.id)

    async def wake(self, webhooks: Names[str]) -> int:
        """Note that these webhooks have something to deliver now; return how many exist."""
        woken = await self._collection.update_many(
            {"_id": {"$in": sorted(webhooks)}},
            [{"$set": {"workAt": {"$min": ["$workAt", "$$NOW"]}, "wakes": _one_more("$wakes")}}],
        )
        return woken.matched_count

    async def deleted_among(self, webhooks: Names[str]) -> set[str]:
        """Return which of these webhooks do not exist any more."""
        present = await self._collection.distinct("_id", {"_id": {"$in": sorted(webhooks)}})
        return set(webhooks) - set(present)

    async def with_work(self, limit: int, turns: Turns) -> list[str]:
        """Return the ids of webhooks with something to deliver, that nobody else serves."""
        wanted = {
            "enabled": True,
            "workAt": {"$type": "date"},
            "$expr": {"$and": [{"$lte": ["$workAt", "$$NOW"]}, turns.can_be_taken]},
        }
        cursor = self._collection.find(
            wanted, {"_id": True}, sort=[("workAt", ASCENDING)], limit=limit
        )
        return [document["_id"] async for document in cursor]

    async def rest(self, webhook: Webhook, until: datetime | None) -> bool:
        """Note when the next delivery is due, if any, and let others serve the webhook.

        Changes nothing and returns False if there is new work already.
        """
        rests = {"workAt": until or "$$REMOVE", "turn": "$$REMOVE"}
        unchanged = {"_id": webhook.id, "wakes": webhook.wakes}
        rested = await self._collection.update_one(unchanged, [{"$set": rests}])
        return rested.matched_count > 0

    async def note_success(self, webhook: Webhook) -> None:
        """Note that the receiver works, if it failed before."""
        failed = {"_id": webhook.id, "failures": {"$gt": 0}}
        await self._collection.update_one(failed, {"$set": _HEALTHY})

    async def note_failure(self, webhook: Webhook) -> Webhook | None:
        """Count a failure, and return the webhook; None if it was deleted.

        A webhook that fails often rests; one that has failed for five days is disabled.
        """
        failures = _one_more("$failures")
        since = {"$ifNull": ["$failingSince", "$$NOW"]}
        too_long = {"$gte": [{"$subtract": ["$$NOW", since]}, _milliseconds(GIVEN_UP_AFTER)]}
        given_up = {"$and": ["$enabled", too_long]}
        held = {"$cond": [{"$gte": [failures, STRUGGLES_FROM]}, _later(failures), None]}
        changes = {"failures": failures, "failingSince": since, "heldUntil": held}
        document = await self._collection.find_one_and_update(
            {"_id": webhook.id},
            [{"$set": {**changes, **_disabling(DisabledReason.FAILING, where=given_up)}}],
            return_document=ReturnDocument.AFTER,
        )
        return self._told(webhook, document)

    async def disable(self, webhook: Webhook, reason: DisabledReason) -> None:
        """Disable a webhook, and tell of it."""
        document = await self._collection.find_one_and_update(
            {"_id": webhook.id},
            [{"$set": _disabling(reason, where="$enabled")}],
            return_document=ReturnDocument.AFTER,
        )
        self._told(webhook, document)

    def _told(self, before: Webhook, document: dict[str, Any] | None) -> Webhook | None:
        if document is None:
            return None
        after = Webhook.model_validate(document)
        if before.enabled and not after.enabled:
            self._events.publish(disabled_event(after))
        return after

    async def delete_of_owner(self, owner: str) -> Sequence[str]:
        """Delete all webhooks of an owner; return their ids."""
        found = [each.id for each in await self.of_owner(owner)]
        await self._collection.delete_many({"_id": {"$in": found}})
        return found

    async def _update(self, webhook_id: str, update: dict[str, Any]) -> Webhook:
        document = await self._collection.find_one_and_update(
            {"_id": webhook_id}, update, return_document=ReturnDocument.AFTER
        )
        if document is None:
            raise WebhookNotFoundError(webhook_id)
        return Webhook.model_validate(document)


def _of(owner: str | None) -> dict[str, Any]:
    return {} if owner is None else {"owner": {"$eq": owner}}


def _one_more(field: str) -> dict[str, Any]:
    return {"$add": [{"$ifNull": [field, 0]}, 1]}


def _disabling(reason: DisabledReason, *, where: Any) -> dict[str, Any]:
    """Return the fields of a `$set` that disable a webhook where an expression is true."""
    changes = {"enabled": False, "disabledReason": reason, "disabledAt": "$$NOW"}
    told = adds(EventType.WEBHOOK_DISABLED, {"reason": reason}, where=where)
    return {
        **{field: {"$cond": [where, new, f"${field}"]} for field, new in changes.items()},
        **told,
    }


def _later(failures: dict[str, Any]) -> dict[str, Any]:
    """Return the expression for when a webhook with so many failures may be tried again."""
    steps = range(STRUGGLES_FROM, STRUGGLES_FROM + 12)
    pauses = [
        {"case": {"$lte": [failures, step]}, "then": _milliseconds(pause(step))} for step in steps
    ]
    longest = _milliseconds(pause(steps.stop))
    return {"$add": ["$$NOW", {"$switch": {"branches": pauses, "default": longest}}]}


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
