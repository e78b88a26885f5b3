"""When a message goes: offsets by the local clock, delivery hours, and quiet hours."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sessions.connections.pacing import QuietHours

_OFFSET = re.compile(r"(\d{1,4})([mhdw])", re.ASCII)
_FIXED = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}
_DAYS = {"d": 1, "w": 7}
_DAY = timedelta(days=1)
_BEFORE_QUIET = timedelta(minutes=15)
"""How long before the quiet hours a message goes that would fall into them: time for the pace."""
OFFSET_PATTERN = r"^[0-9]{1,4}[mhdw]$"
NO_TIME_PATTERN = r"^0+[mhdw]$"
"""The offsets that name the moment itself."""


def shifted(moment: datetime, offset: str | None, zone: ZoneInfo, *, back: bool) -> datetime:
    """Return the time that is an offset (`90m`, `24h`, `2d`, `1w`) before or after a moment.

    Days and weeks keep the local time of day when the clocks change; hours and minutes are exact.
    A local time that does not exist on that day becomes the one that the clocks show instead.
    """
    found = _OFFSET.fullmatch(offset or "0m")
    if found is None:
        raise ValueError(f"{offset!r} is not a number with m, h, d or w behind it")
    amount, unit = int(found[1]) * (-1 if back else 1), found[2]
    if unit in _FIXED:
        return moment.astimezone(UTC) + amount * _FIXED[unit]
    local = moment.astimezone(zone)
    day = local.date() + amount * _DAYS[unit] * _DAY
    return datetime.combine(day, local.time(), zone).replace(fold=local.fold).astimezone(UTC)


def at_hour(moment: datetime, hour: str, zone: ZoneInfo, *, back: bool) -> datetime:
    """Return the nearest time before (`back`) or after a moment at which local clocks show this."""
    day = moment.astimezone(zone).date()
    same_day = _on(day, hour, zone)
    if back and same_day > moment:
        return _on(day - _DAY, hour, zone)
    if not back and same_day < moment:
        return _on(day + _DAY, hour, zone)
    return same_day


def _on(day: date, hour: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(hour), zone).astimezone(UTC)


def outside(moment: datetime, quiet: QuietHours | None, *, back: bool) -> datetime:
    """Return the moment, or the nearest one before (`back`) or after it outside the quiet hours."""
    if quiet is None or (end := quiet.end_after(moment)) is None:
        return moment
    start = quiet.start_before(moment)
    return start - _BEFORE_QUIET if back and start is not None else end


def due(
    anchor: datetime,
    offset: str | None,
    hour: str | None,
    zone: ZoneInfo,
    quiet: QuietHours | None,
    *,
    back: bool,
) -> datetime:
    """Return when a message goes that is about a moment.

    The delivery hour and the quiet hours move a message that goes before it (`back`) earlier, and
    any other later. An offset in days or weeks names a day: the delivery hour is the one on that
    day, which `back` reaches from the day's end, and others from its beginning.
    """
    moment = shifted(anchor, offset, zone, back=back)
    if hour is not None:
        if offset is not None and offset[-1] in _DAYS and moment != anchor:
            moment = _on(moment.astimezone(zone).date(), hour, zone)
        else:
            moment = at_hour(moment, hour, zone, back=back)
    return outside(moment, quiet, back=back)
