"""Whether a page has the functions that we use, as its looks tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from chatgrow_worker.page.snapshot import Look

_UNREADABLE_AFTER = 3
"""A page whose state cannot be read may still be loading, so it is given so many times longer."""


class SelfTest:
    """Believes that functions are missing when one load of a page lacks them for a while."""

    def __init__(self, settles: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self._settles = settles.total_seconds()
        self._clock = clock
        self._epoch = ""
        self._since: float | None = None
        self._failed_epoch = ""
        self.lacks: tuple[str, ...] = ()
        """What is missing, since the test was first failed until it is passed."""
        self.unreadable = False
        """Whether the page lacks what tells its state."""
        self.passed = False
        """Whether the last look missed nothing."""

    def note(self, look: Look | None, *, ready: bool) -> None:
        """Take in a look at a page."""
        self.passed = look is not None and not look.missing
        if look is None or not look.missing:
            self._since, self.unreadable = None, False
            if look is not None and ready:
                self.lacks = ()
            return
        if self._since is None or look.epoch != self._epoch:
            self._epoch, self._since = look.epoch, self._clock()
        readable = look.snapshot is not None
        needed = self._settles * (1 if readable else _UNREADABLE_AFTER)
        if self._clock() - self._since >= needed:
            self.lacks, self.unreadable = look.missing, not readable
            self._failed_epoch = look.epoch

    def has_failed(self, look: Look | None) -> bool:
        """Tell whether the load of the page that is looked at lacks something."""
        return look is not None and bool(look.missing) and self._failed_epoch == look.epoch

    def forget(self) -> None:
        """Begin anew with the load that comes; what was lacking is so until that one is ready."""
        self._since = None
