"""Whom a campaign would reach: the lists of an owner, each with its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from business.model import Agreement, Purpose, Subscriber, SubscriberStatus
from business.store import Store

_CONSENTS = {
    "from": "consents",
    "localField": "phone",
    "foreignField": "phone",
    "let": {"owner": "$owner"},
    "pipeline": [{"$match": {"$expr": {"$eq": ["$owner", "$$owner"]}}}],
    "as": "consents",
}
"""The join of a subscriber with what their number has agreed to."""


@dataclass
class Audience:
    """Whom a campaign to a list would reach now, and why it would skip the others."""

    list: str
    eligible: int = 0
    skipped: dict[str, int] = field(default_factory=dict)

    def add(self, status: SubscriberStatus, count: int, *, opted_out: bool) -> None:
        """Count subscribers with a status, who have or have not refused marketing."""
        if status is SubscriberStatus.SUBSCRIBED and not opted_out:
            self.eligible += count
        else:
            reason = skip_reason(status)
            self.skipped[reason] = self.skipped.get(reason, 0) + count


def skip_reason(status: SubscriberStatus) -> str:
    """Return why a campaign skips a subscriber with this status."""
    return "opted_out" if status is SubscriberStatus.SUBSCRIBED else str(status)


async def audiences(store: Store[Subscriber], owner: str | None) -> list[Audience]:
    """Return the audiences of an owner's lists (None: of everybody's), by name."""
    opted_out = {"$in": [Agreement.OUT, f"$consents.consents.{Purpose.MARKETING}.state"]}
    stages: list[dict[str, Any]] = [
        {"$match": {} if owner is None else {"owner": {"$eq": owner}}},
        {"$lookup": _CONSENTS},
        {
            "$group": {
                "_id": {"list": "$list", "status": "$status", "optedOut": opted_out},
                "count": {"$sum": 1},
            }
        },
        {"$sort": {"_id": 1}},
    ]
    lists: dict[str, Audience] = {}
    async for each in store.collection.aggregate(stages):
        key = each["_id"]
        audience = lists.setdefault(key["list"], Audience(key["list"]))
        audience.add(
            SubscriberStatus(key["status"]), int(each["count"]), opted_out=bool(key["optedOut"])
        )
    return list(lists.values())
