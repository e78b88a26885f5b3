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


def grows_in(rule: Rule, before: int, left: float) -> int:
    """Return in how many whole seconds, at least one, more is allowed than now.

    `before` is the count of the previous window, which weighs less and less; without one, nothing
    changes before the present window ends, in `left` seconds.
    """
    span = rule.seconds / before if before else rule.seconds
    return max(1, math.ceil(left % span or span))
