"""Read times and lengths of time as people type them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import typer
from pydantic import AwareDatetime, TypeAdapter, ValidationError

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.IGNORECASE)
_AWARE: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_ANY: TypeAdapter[datetime] = TypeAdapter(datetime)


def length(text: str | timedelta) -> timedelta:
    """Read a length of time, such as `90`, `90s`, `2m`, `1h` or `1d`; a default is one already."""
    if isinstance(text, timedelta):
        return text
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no length of time such as 90s, 2m or 1h.")
    try:
        return timedelta(seconds=float(found[1]) * _UNITS[found[2].lower()])
    except OverflowError:
        raise typer.BadParameter(f"{text!r} is longer than can be counted.") from None


def moment(text: str) -> datetime:
    """Read a time with a zone, a local time, or `2h` for two hours ago."""
    if found := _LENGTH.fullmatch(text.strip()):
        if found[2]:
            return _from_now(text, -1)
    elif read := time_of(text.strip()):
        return read
    raise typer.BadParameter(f"{text!r} is no time such as 2026-10-31T10:00 or, for ago, 2h.")


def coming_moment(text: str) -> datetime:
    """Read a time with a zone, a local time, or `2h` for in two hours."""
    if found := _LENGTH.fullmatch(text.strip()):
        if found[2]:
            return _from_now(text, 1)
    elif read := time_of(text.strip()):
        return read
    raise typer.BadParameter(f"{text!r} is no time such as 2026-10-31T10:00 or, for later, 2h.")


def _from_now(text: str, direction: int) -> datetime:
    try:
        return datetime.now().astimezone() + direction * length(text)
    except OverflowError:
        raise typer.BadParameter(f"{text!r} leads out of the calendar.") from None


def time_of(text: str) -> datetime | None:
    """Read a time; one without a zone is local. None if it is no time.

    A number is none: it may be how a spreadsheet counts days, and not how a computer counts time.
    """
    if "-" not in text.strip()[1:]:
        return None
    try:
        return _AWARE.validate_python(text)
    except ValidationError:
        pass
    try:
        return _ANY.validate_python(text).astimezone()
    except (ValueError, OverflowError):
        return None
