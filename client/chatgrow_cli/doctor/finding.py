"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Verdict(str, Enum):
    """How it is; the worst last."""

    GOOD = "ok"
    UNKNOWN = "?"
    """Not known from here; not a fault."""
    WARNING = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, how it is, and what to do about it."""

    what: str
    verdict: Verdict
    told: str
    todo: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "check": self.what,
            "result": _IN_JSON[self.verdict],
            "found": self.told,
            "todo": self.todo or None,
        }


_IN_JSON = {
    Verdict.GOOD: "ok",
    Verdict.UNKNOWN: "unknown",
    Verdict.WARNING: "warning",
    Verdict.BAD: "bad",
}


def good(what: str, told: str) -> Finding:
    """All is well."""
    return Finding(what, Verdict.GOOD, told)


def unknown(what: str, told: str, todo: str = "") -> Finding:
    """It cannot be known from here."""
    return Finding(what, Verdict.UNKNOWN, told, todo)


def warning(what: str, told: str, todo: str) -> Finding:
    """It works, but look at it."""
    return Finding(what, Verdict.WARNING, told, todo)


def bad(what: str, told: str, todo: str) -> Finding:
    """It does not work."""
    return Finding(what, Verdict.BAD, told, todo)
