"""Count in sliding windows in this process: what holds while Redis cannot be asked."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from control_api.rate_limits.bounded_table import BoundedTable, Who
from control_api.rate_limits.rules import Rule, Standing


@dataclass
class _Window:
    """The counts of a window that began at some time, and of the one before it."""

    began: float = -math.inf
    current: int = 0
    before: int = 0
    over_at: float = math.inf


@dataclass(frozen=True)
class LocalStanding:
    """How somebody stands by what this process has seen; `own` unless others count as them too."""

    standing: Standing
    own: bool


class LocalWindows:
    """Sliding windows as those in Redis: the count of the window before weighs less and less."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._table = BoundedTable(_Window, clock)

    def charge(self, rule: Rule, who: Who) -> LocalStanding:
        """Count one more, or refuse it: what is refused is not counted."""
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
        """Take one back that was counted; where it counts others too, it stays counted."""
        window, own = self._table.find(rule.name, who)
        if own:
            window.current = max(0, window.current - 1)

    def forget(self, rule: Rule, who: Who) -> None:
        """Start anew, as if nothing had been counted."""
        self._table.forget(rule.name, who)


def _move_on(window: _Window, rule: Rule, now: float) -> None:
    """Begin the next window when one has ended."""
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
    """Return the whole seconds, at least one, until one more is allowed or the window ends."""
    left = window.began + rule.seconds - now
    if window.before:
        left %= rule.seconds / window.before
    return max(1, math.ceil(left))
