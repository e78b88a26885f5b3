"""The models of subscribers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    model_validator,
)

from business.audience import Audience
from business.model import (
    Language,
    Subscriber,
    SubscriberStatus,
)
from control_api.schemas.base import NULL, Answer, Body, PhoneNumber, never, taken_away
from control_api.schemas.business.fields import (
    Line,
    PageQuery,
    Searched,
    Tag,
    Zone,
    viewed,
)
from sessions.common.json_values import OrDefault, WrittenTimestamp
from sessions.messages.fields import ConnectionId


class NewSubscriber(Body):
    """POST /api/subscribers; with `doubleOptIn`, they are asked over `connectionId` to confirm."""

    model_config = ConfigDict(
        json_schema_extra=never("doubleOptIn", doubleOptIn={"const": True}, connectionId=NULL)
    )

    name: Line | None = None
    phone: PhoneNumber
    list: OrDefault[Tag] = "news"
    language: Language | None = None
    time_zone: Zone | None = None
    double_opt_in: OrDefault[bool] = False
    connection_id: ConnectionId | None = Field(None, examples=["business_main"])

    @model_validator(mode="after")
    def _can_be_asked(self) -> NewSubscriber:
        if self.double_opt_in and self.connection_id is None:
            raise ValueError("connectionId: over which connection is the question to be sent?")
        return self


class SubscriberChange(Body):
    """PATCH /api/subscribers/{id}: only the given fields change.

    Null takes the name or the time zone away.
    """

    name: Line | None = None
    language: Language | None = None
    time_zone: Zone | None = None
    status: Literal["unsubscribed"] | None = None

    def to_changes(self) -> dict[str, Any]:
        """Return the fields that change, as they are stored."""
        given = self.model_dump(exclude_none=True, by_alias=True)
        return given | taken_away(self, name="", time_zone=None)


class SubscriberQuery(PageQuery):
    """GET /api/subscribers."""

    list: Tag | None = None
    status: SubscriberStatus | None = None
    search: Searched | None = None


class SubscriberView(Answer):
    """A subscriber of a list."""

    id: str
    owner: str
    name: str
    phone: str
    list: str
    language: Language
    time_zone: str | None = None
    status: SubscriberStatus
    created_at: WrittenTimestamp

    @classmethod
    def of(cls, subscriber: Subscriber) -> SubscriberView:
        """Show a subscriber."""
        return viewed(cls, subscriber)


class ListView(Answer):
    """A list: how many a campaign to it would reach now, and how many it would skip, by reason."""

    list: str
    eligible: int
    skipped: dict[str, int]

    @classmethod
    def of(cls, audience: Audience) -> ListView:
        """Show a list."""
        return cls(list=audience.list, eligible=audience.eligible, skipped=audience.skipped)


class ListsView(Answer):
    """GET /api/subscribers/lists: all lists, by name."""

    items: Sequence[ListView]


class SubscriberList(Answer):
    """A page of subscribers, newest first."""

    items: list[SubscriberView]
    cursor: str | None = None
