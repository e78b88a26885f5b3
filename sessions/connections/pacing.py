"""How fast a connection may send: its limits, and when the next message may go."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from sessions.common.json_values import Shape, WholeNumber, or_null

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NEW_CHATS_LIMITED = "new_chats_limited"
"""Why a message waits that would open a new chat."""


class _Part(BaseModel):
    """A part of the HTTP contract: camelCase, frozen, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


def _known_zone(name: str) -> str:
    try:
        # This reads one file and caches it; listing all zones would read the disk each time.
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("There is no such time zone; use a name like Asia/Jerusalem.") from error
    return name


ClockTime = Annotated[
    str,
    Shape(
        r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "Give a time of day from 00:00 to 23:59, like 08:00."
    ),
]
TimeZone = Annotated[
    str,
    AfterValidator(_known_zone),
    WithJsonSchema({"type": "string", "format": "time-zone", "examples": ["Asia/Jerusalem"]}),
]
JitterSeconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]


class QuietHours(_Part):
    """Hours of the day in which nothing is sent; they span midnight if `end` is before `start`."""

    start: ClockTime = Field(examples=["22:00"])
    end: ClockTime = Field(examples=["07:00"])
    time_zone: TimeZone

    def end_after(self, moment: datetime) -> datetime | None:
        """Return when the quiet hours around the moment end, or None outside them.

        They go by the clock on the wall: where that is put back, they come twice if both times
        of the hour lie in them; where it is put forward over `end`, they end with the jump.
        """
        if not self._include(moment):
            return None
        end = next(each for each in self._ends(moment) if each > moment)
        # Only where the clock skips `end` is the minute before outside, too.
        while not self._include(end - MINUTE):
            end -= MINUTE
        return end.astimezone(moment.tzinfo)

    def _ends(self, moment: datetime) -> list[datetime]:
        """Return the ends on the day of a moment and the next, in order; some days have two."""
        zone = ZoneInfo(self.time_zone)
        today = moment.astimezone(zone).date()
        end = time.fromisoformat(self.end)
        ends = {
            datetime.combine(day, end.replace(fold=fold), zone).astimezone(UTC)
            for day in (today, today + DAY)
            for fold in (0, 1)
        }
        return sorted(each for each in ends if not self._include(each))

    def start_before(self, moment: datetime) -> datetime | None:
        """Return when the quiet hours around the moment began, or None outside them."""
        if not self._include(moment):
            return None
        start = time.fromisoformat(self.start)
        local = moment.astimezone(ZoneInfo(self.time_zone))
        day = local.date() - (timedelta(0) if local.time() >= start else DAY)
        return datetime.combine(day, start, local.tzinfo).astimezone(moment.tzinfo)

    def _include(self, moment: datetime) -> bool:
        now = moment.astimezone(ZoneInfo(self.time_zone)).time()
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        return start <= now < end if start <= end else now >= start or now < end


_NO_QUIET_HOURS = ("quietHours", "quiet_hours")
"""What null says something of: there are to be none."""


def _as_tuple(value: object) -> object:
    """Take a list: a value that was looked at before is no JSON any more."""
    return tuple(value) if isinstance(value, list) else value


def _nullable(schema: dict[str, Any]) -> None:
    """Say that each field may be null."""
    for name, field in schema["properties"].items():
        if name not in _NO_QUIET_HOURS:
            schema["properties"][name] = or_null(field) | {"default": field.pop("default")}


class Pacing(_Part):
    """The limits of one connection; the defaults are those of a careful sender.

    A person writes a few messages a minute, and WhatsApp first restricts numbers that write to
    many strangers. Hence a pause of seconds after each message, modest limits for an hour and a
    day, and a small limit for new chats. Null for a field is the same as leaving it out, but
    `"quietHours": null` means none.
    """

    model_config = ConfigDict(json_schema_extra=_nullable)

    enabled: bool = True
    per_minute: WholeNumber = Field(20, ge=1, le=10_000)
    per_hour: WholeNumber = Field(240, ge=1, le=100_000)
    per_day: WholeNumber = Field(1000, ge=1, le=1_000_000)
    new_chats_per_day: WholeNumber = Field(50, ge=0, le=100_000)
    jitter_seconds: Annotated[tuple[JitterSeconds, JitterSeconds], BeforeValidator(_as_tuple)] = (
        1.0,
        4.0,
    )
    typing: bool = True
    quiet_hours: QuietHours | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        said = {name: each for name, each in given.items() if each is not None}
        return said | {name: given[name] for name in _NO_QUIET_HOURS if name in given}

    @model_validator(mode="after")
    def _ordered_jitter(self) -> Pacing:
        low, high = self.jitter_seconds
        if low > high:
            raise ValueError("jitterSeconds: give [min, max] with min <= max")
        return self

    def allowed_from(self, moment: datetime) -> datetime:
        """Return the moment, or the end of the quiet hours in which it lies."""
        quiet = self.quiet_hours if self.enabled else None
        return (quiet and quiet.end_after(moment)) or moment

    @property
    def windows(self) -> tuple[tuple[timedelta, int, str], ...]:
        """The sliding windows: how long each is, how many messages it allows, and its reason."""
        return (
            (MINUTE, self.per_minute, "rate_limited_per_minute"),
            (HOUR, self.per_hour, "rate_limited_per_hour"),
            (DAY, self.per_day, "rate_limited_per_day"),
        )
