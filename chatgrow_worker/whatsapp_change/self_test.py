"""Find out from looks at a page whether it has the functions that we use."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from chatgrow_worker.page.snapshot import Look

_UNREADABLE_AFTER = 3
"""A page whose state cannot be read may still be loading, so it gets this many times longer."""


class SelfTest:
    """Report functions as missing when one load of a page lacks them for a while."""

    def __init__(self, settles: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self._settles = settles.total_seconds()
        self._clock = clock
        self._epoch = ""
        self._since: float | None = None
        self._failed_epoch = ""
        self.lacks: tuple[str, ...] = ()
        """The missing functions, from the first failed test until one is passed."""
        self.unreadable = False
        """Whether the page lacks the functions that show its state."""
        self.passed = False
        """Whether nothing was missing at the last look."""

    def note(self, look: Look | None, *, ready: bool) -> None:
        """Evaluate a look at a page."""
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
        """Tell whether this load of the page lacks something."""
        return look is not None and bool(look.missing) and self._failed_epoch == look.epoch

    def forget(self) -> None:
        """Start again for the next load; the missing functions are kept until it is ready."""
        self._since = None
