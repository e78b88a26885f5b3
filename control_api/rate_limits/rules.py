"""Limits as rules, and how somebody stands with one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Rule:
    """So many in so long a time (whole seconds); `name` keeps rules apart."""

    name: str
    amount: int
    window: timedelta

    @property
    def seconds(self) -> int:
        """The window; parts of a second are rounded up."""
        return math.ceil(self.window.total_seconds())


@dataclass(frozen=True)
class Standing:
    """How somebody stands with a rule, after this one was counted or refused."""

    rule: Rule
    allowed: bool
    remaining: int
    resets_in: int
    """Seconds, at least one, until more is allowed."""
