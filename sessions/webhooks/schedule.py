"""When a delivery is tried, and when a webhook is paused or given up."""

from __future__ import annotations

import random
from datetime import timedelta

WAITS = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long to wait before each try, after the one before."""
GIVEN_UP_AFTER = timedelta(days=5)
"""A webhook that has failed for so long, without one success, is disabled."""
STRUGGLES_FROM = 5
"""After so many failures in a row, a webhook gets one delivery at a time, with pauses between."""

_JITTER = 0.1
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=5)


def next_wait(tries: int) -> timedelta | None:
    """Return how long to wait after so many tries, with jitter; None when there is no other."""
    if tries >= len(WAITS):
        return None
    return WAITS[tries] * random.uniform(1, 1 + _JITTER)  # noqa: S311  spreads load only


def pause(failures: int) -> timedelta:
    """Return how long a webhook rests after so many failures in a row.

    Otherwise each of the thousands of events for a dead receiver would cost ten connections.
    """
    if failures < STRUGGLES_FROM:
        return timedelta(0)
    return min(_FIRST_PAUSE * (1 << min(failures - STRUGGLES_FROM, 10)), _LONGEST_PAUSE)
