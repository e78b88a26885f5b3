"""Accept what a page shows only if it still shows it some time later."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

_AFTER = timedelta(seconds=1)


class Steady:
    """A condition that holds once two looks, some time apart, have seen it in one load."""

    def __init__(
        self, after: timedelta = _AFTER, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._after = after.total_seconds()
        self._clock = clock
        self._epoch: str | None = None
        self._since = 0.0

    def holds(self, epoch: str) -> bool:
        """Note that it is seen in this load of the page; tell whether it has lasted long enough."""
        now = self._clock()
        if epoch != self._epoch:
            self._epoch, self._since = epoch, now
        return now - self._since >= self._after

    def ends(self) -> None:
        """Note that it is no longer seen."""
        self._epoch = None
