"""How fast a connection may send: its limits, and when the next message may go."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class _Part(BaseModel):
    """A part of the contract: camelCase, frozen, nothing unknown."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("There is no such time zone; use a name like Asia/Jerusalem.")
    return name


ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class QuietHours(_Part):
    """A part of the day in which nothing is sent, over midnight if `end` is before `start`."""

    start: ClockTime
    end: ClockTime
    time_zone: Annotated[str, AfterValidator(_known_zone)]

    def end_after(self, moment: datetime) -> datetime | None:
        """Return when the quiet hours around the moment end, or None outside them."""
        zone = ZoneInfo(self.time_zone)
        local = moment.astimezone(zone)
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        now = local.time()
        inside = start <= now < end if start <= end else now >= start or now < end
        if not inside:
            return None
        day = local.date() + (timedelta(0) if now < end else DAY)
        return datetime.combine(day, end, zone).astimezone(moment.tzinfo)


class Pacing(_Part):
    """The limits of one connection; the defaults are those of a careful sender.

    A person writes a few messages a minute, and WhatsApp restricts numbers that write to many
    strangers first of all. Hence a pause of seconds after each message, a modest hour and day,
    and a small allowance for chats that are new.
    """

    enabled: bool = True
    per_minute: int = Field(20, ge=1, le=10_000)
    per_hour: int = Field(240, ge=1, le=100_000)
    per_day: int = Field(1000, ge=1, le=1_000_000)
    new_chats_per_day: int = Field(50, ge=0, le=100_000)
    jitter_seconds: tuple[float, float] = (1.0, 4.0)
    typing: bool = True
    quiet_hours: QuietHours | None = None

    @model_validator(mode="after")
    def _ordered_jitter(self) -> Pacing:
        low, high = self.jitter_seconds
        if not 0 <= low <= high <= 3600:
            raise ValueError("jitterSeconds: give [min, max] with 0 <= min <= max <= 3600")
        return self

    def changed(self, wishes: dict[str, Any]) -> Pacing:
        """Return these limits with some of them changed; raise ValidationError."""
        return Pacing.model_validate(self.model_dump(by_alias=True) | wishes)

    @property
    def windows(self) -> tuple[tuple[timedelta, int, str], ...]:
        """The windows that slide: how long, how many messages, and the reason code."""
        return (
            (MINUTE, self.per_minute, "rate_limited_per_minute"),
            (HOUR, self.per_hour, "rate_limited_per_hour"),
            (DAY, self.per_day, "rate_limited_per_day"),
        )
