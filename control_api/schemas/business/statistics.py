"""The models of statistics."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
)

from business.model import (
    AppointmentStatus,
)
from business.statistics import MessageCounts, Outcomes
from control_api.schemas.base import Answer, Body, not_before
from control_api.schemas.business.fields import (
    Time,
)
from sessions.common.json_values import WrittenTimestamp


class StatsQuery(Body):
    """GET /provider/stats: the last 30 days, unless `from` and `to` say otherwise."""

    since: Time | None = Field(None, alias="from")
    until: Annotated[Time, not_before("since", "from")] | None = Field(None, alias="to")
    by: Literal["day", "week", "month"] = "day"


class MessageStats(Answer):
    """What became of messages: by status, and as rates of those that were sent."""

    at: WrittenTimestamp | None = None
    automation: str | None = None
    by_status: dict[str, int]
    sent: int
    delivery_rate: float | None = None
    read_rate: float | None = None

    @classmethod
    def of(cls, counts: MessageCounts) -> MessageStats:
        """Show counts."""
        return cls(
            at=counts.at,
            automation=counts.automation,
            by_status=counts.by_status,
            sent=counts.sent,
            delivery_rate=counts.rate("delivered", "read"),
            read_rate=counts.rate("read"),
        )


class AppointmentStats(Answer):
    """How appointments ended, with or without a reminder that was sent."""

    reminded: bool
    by_status: dict[str, int]
    confirmed_rate: float | None = None
    cancelled_rate: float | None = None
    no_show_rate: float | None = None

    @classmethod
    def of(cls, outcomes: Outcomes) -> AppointmentStats:
        """Show outcomes."""
        return cls(
            reminded=outcomes.reminded,
            by_status=outcomes.by_status,
            confirmed_rate=outcomes.rate(AppointmentStatus.CONFIRMED),
            cancelled_rate=outcomes.rate(AppointmentStatus.CANCELLED),
            no_show_rate=outcomes.rate(AppointmentStatus.NO_SHOW),
        )


class StatsView(Answer):
    """GET /provider/stats: by days, weeks (from Sunday) or months of a time zone.

    Times without messages are left out.
    """

    since: WrittenTimestamp = Field(alias="from")
    until: WrittenTimestamp = Field(alias="to")
    time_zone: str
    messages: list[MessageStats]
    automations: list[MessageStats]
    appointments: list[AppointmentStats]
    median_seconds_to_read: float | None = None
    replies: int
