"""Count in sliding windows in this process, for times when Redis is away."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from control_api.rate_limits.bounded_table import BoundedTable, Who
from control_api.rate_limits.rules import Rule, Standing, grows_in


@dataclass
class _Window:
    """The count of the present window, and that of the previous one."""

    began: float = -math.inf
    current: int = 0
    before: int = 0
    over_at: float = math.inf


@dataclass(frozen=True)
class LocalStanding:
    """A standing by the counts of this process; `own` is False if others share the counter."""

    standing: Standing
    own: bool


class LocalWindows:
    """Sliding windows as in Redis: the previous window's count weighs less and less."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._table = BoundedTable(_Window, clock)

    def charge(self, rule: Rule, who: Who) -> LocalStanding:
        """Count one more, or refuse it without counting it."""
        window, own = self._table.find(rule.name, who)
        now = self._clock()
        _move_on(window, rule, now)
        used = _used(window, rule, now)
        allowed = used < rule.amount
        if allowed:
            window.current += 1
        remaining = max(0, rule.amount - used - allowed)
        return LocalStanding(Standing(rule, allowed, remaining, _resets_in(window, rule, now)), own)

    def give_back(self, rule: Rule, who: Who) -> None:
        """Take back one count, except from a counter that others share."""
        window, own = self._table.find(rule.name, who)
        if own:
            window.current = max(0, window.current - 1)

    def forget(self, rule: Rule, who: Who) -> None:
        """Forget all counts."""
        self._table.forget(rule.name, who)


def _move_on(window: _Window, rule: Rule, now: float) -> None:
    """Begin the next window if the present one has ended."""
    elapsed = now - window.began
    if elapsed >= 2 * rule.seconds:
        window.began, window.current, window.before = now, 0, 0
    elif elapsed >= rule.seconds:
        window.began += rule.seconds
        window.current, window.before = 0, window.current
    window.over_at = window.began + 2 * rule.seconds


def _used(window: _Window, rule: Rule, now: float) -> int:
    left = 1 - (now - window.began) / rule.seconds
    return math.floor(window.before * left) + window.current


def _resets_in(window: _Window, rule: Rule, now: float) -> int:
    return grows_in(rule, window.before, window.began + rule.seconds - now)
