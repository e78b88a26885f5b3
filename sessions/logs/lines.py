"""The fields of a log record, which are the same in files, on standard error and in MongoDB."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sessions.logs.masking import mask

if TYPE_CHECKING:
    from loguru import Record

    from sessions.config.settings import LogLevel

LEVELS: dict[LogLevel, str] = {
    "error": "ERROR",
    "warn": "WARNING",
    "info": "INFO",
    "debug": "DEBUG",
}
"""Our levels, most severe first, and loguru's names for them."""

_LEAST: tuple[tuple[LogLevel, int], ...] = (("error", 40), ("warn", 30), ("info", 20))
_OWN = ("process", "worker", "exception", "line")
_LONGEST_MESSAGE = 8_000
_LONGEST_EXCEPTION = 32_000
_LONGEST_VALUE = 500
"""Characters: lines must stay readable, and MongoDB's documents are bounded."""
_MONGO_INT = 1 << 63


def make_safe(record: Record) -> None:
    """Mask everything in a log record before any sink sees it; this is loguru's patcher.

    An exception becomes text here, without the values of variables: loguru itself would format it
    unmasked.
    """
    record["message"] = _safe(record["message"], _LONGEST_MESSAGE)
    extra = {name: _plain(value) for name, value in record["extra"].items()}
    if (exception := record["exception"]) is not None:
        text = "".join(traceback.format_exception(*exception))
        # Keep the end, which says what went wrong.
        extra["exception"] = _safe(text[-_LONGEST_EXCEPTION:], 2 * _LONGEST_EXCEPTION)
        record["exception"] = None
    record["extra"].clear()
    record["extra"].update(extra)


def fields_of(record: Record) -> dict[str, Any]:
    """Return the fields of a masked record, in the order of the log line."""
    extra = record["extra"]
    fields = {
        "time": rfc3339(record["time"]),
        "level": _level_of(record["level"].no),
        "process": extra["process"],
        "worker": extra.get("worker"),
        **bound_to(record),
        "message": record["message"],
        "exception": extra.get("exception"),
    }
    return {name: value for name, value in fields.items() if value is not None}


def bound_to(record: Record) -> dict[str, Any]:
    """Return what a record was bound to, such as its owner, connection and message."""
    return {name: value for name, value in record["extra"].items() if name not in _OWN}


def as_json(record: Record) -> str:
    """Return a masked record as JSON in one line, without a line break at its end."""
    return json.dumps(fields_of(record), ensure_ascii=False, default=str)


def rfc3339(moment: datetime) -> str:
    """Return a time in UTC with microseconds; the text has a fixed width, so it sorts by time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: object) -> object:
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int) and abs(value) < _MONGO_INT:
        return value
    # A line break in an id must not begin a new log line.
    text = "".join(each if each.isprintable() else " " for each in str(value))
    return _safe(text, _LONGEST_VALUE)


def _safe(text: str, longest: int) -> str:
    """Return a text that is masked, bounded, and valid for files and MongoDB."""
    # Lone surrogates cannot be encoded.
    text = mask(text[: 2 * longest].encode(errors="replace").decode())
    return text if len(text) <= longest else f"{text[:longest]}…"


def _level_of(number: int) -> LogLevel:
    for name, least in _LEAST:
        if number >= least:
            return name
    return "debug"
