"""JSON values that are read and written strictly: RFC 3339 times and whole numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, PlainSerializer, WithJsonSchema

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _read_moment(value: object) -> object:
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (OverflowError, ValueError) as error:
            raise ValueError("There is no such time.") from error
    raise ValueError("Give a time with its zone as in RFC 3339, like 2030-01-31T09:00:00Z.")


def _write_moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Timestamp = Annotated[AwareDatetime, BeforeValidator(_read_moment)]
"""A time with its zone, in UTC."""
WrittenTimestamp = Annotated[
    datetime,
    PlainSerializer(_write_moment, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time that is always written with milliseconds, also if they are 0."""
WholeNumber = Annotated[int, BeforeValidator(_read_whole)]
"""A whole number; in JSON `5.0` is one, too."""
