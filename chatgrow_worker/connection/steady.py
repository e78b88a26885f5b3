"""Take what a page shows for granted only when it goes on showing it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

_AFTER = timedelta(seconds=1)


class Steady:
    """Something that two looks have seen, some time apart, in one load of the page."""

    def __init__(
        self, after: timedelta = _AFTER, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._after = after.total_seconds()
        self._clock = clock
        self._epoch: str | None = None
        self._since = 0.0

    def holds(self, epoch: str) -> bool:
        """Note that it is seen in this load of the page; tell whether it has been for long."""
        now = self._clock()
        if epoch != self._epoch:
            self._epoch, self._since = epoch, now
        return now - self._since >= self._after

    def ends(self) -> None:
        """Note that it is not seen any more."""
        self._epoch = None
