"""Rules of rate limits, and a caller's standing with one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Rule:
    """At most `amount` in a `window`; the `name` is that of its counters in Redis."""

    name: str
    amount: int
    window: timedelta

    @property
    def seconds(self) -> int:
        """The window in seconds, rounded up."""
        return math.ceil(self.window.total_seconds())


@dataclass(frozen=True)
class Standing:
    """A caller's standing with a rule, after a request was counted or refused."""

    rule: Rule
    allowed: bool
    remaining: int
    resets_in: int
    """Seconds, at least one, until more requests are allowed."""
