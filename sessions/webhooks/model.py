"""The records of webhooks and of what they are told."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from sessions.encryption.sealed_value import SealedValue
from sessions.storage.record import Record

ALL_EVENTS = "*"
"""In a webhook's list of events: every type, also those of later versions."""

StoredBody = str | SealedValue
"""A body or an answer as it is stored: plain, or encrypted (`SEAL_TEXTS`)."""


class DisabledReason(StrEnum):
    """Why a webhook is disabled; a stable code for clients."""

    BY_OWNER = "by_owner"
    """Its owner has switched it off."""
    GONE = "gone"
    """The receiver has answered 410: it wants no more."""
    FAILING = "failing"
    """Nothing was delivered for five days."""


class StoredSecret(Record):
    """A secret for signatures; one that was replaced still signs until its end."""

    id: str
    sealed: SealedValue
    until: datetime | None = None


class Webhook(Record):
    """A URL that is told of its owner's events."""

    id: str = Field(alias="_id")
    owner: str
    url: str
    events: list[str]
    connections: list[str] | None = None
    """Our ids of the only connections it is told of; None: all, and what is about none."""
    description: str | None = None
    header_names: list[str] = Field(default_factory=list)
    sealed_headers: SealedValue | None = None
    secrets: list[StoredSecret]
    enabled: bool = True
    disabled_reason: DisabledReason | None = None
    disabled_at: datetime | None = None
    failures: int = 0
    """How many deliveries failed since the last success."""
    failing_since: datetime | None = None
    held_until: datetime | None = None
    """Until when it gets nothing, since it has failed too often."""
    wakes: int = 0
    """Counts what gives it work, so that whoever finds none knows whether some came meanwhile."""
    created_at: datetime

    def wants(self, event_type: str, connection: str | None) -> bool:
        """Tell whether the webhook is to be told of an event."""
        if not self.enabled or not {ALL_EVENTS, event_type} & set(self.events):
            return False
        return self.connections is None or connection in self.connections


class DeliveryStatus(StrEnum):
    """Where a delivery is."""

    PENDING = "pending"
    """It will be tried, for the first time or again."""
    DELIVERED = "delivered"
    """The receiver has answered with 2xx."""
    FAILED = "failed"
    """All tries have failed, or the receiver wants no more."""


class Try(Record):
    """One try of a delivery."""

    at: datetime
    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    """The code of what went wrong, where there was no answer in time."""
    answer: StoredBody | None = None
    """The beginning of the receiver's answer."""


class Delivery(Record):
    """One event for one webhook."""

    id: str = Field(alias="_id")
    webhook: str
    owner: str
    event: str
    """The event's id."""
    type: str
    connection: str | None = None
    chats: list[str] = Field(default_factory=list)
    order: str
    body: StoredBody
    status: DeliveryStatus = DeliveryStatus.PENDING
    due_at: datetime
    tried: int = 0
    """How many tries count for the schedule: a redrive begins anew."""
    tries: list[Try] = Field(default_factory=list)
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def sequences(self) -> set[str]:
        """What it is delivered in order in: its chat, under all its ids, or its connection."""
        place = self.connection or ""
        return {f"{place}:{chat}" for chat in self.chats} or {place}

    def to_document(self) -> dict[str, Any]:
        """Return the document to store."""
        return self.model_dump(by_alias=True, exclude_none=True)
