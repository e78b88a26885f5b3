"""Notice another live worker that goes by our name: the two overwrite each other's record."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from sessions.connections.workers import Beat

_TOLD_EVERY = timedelta(minutes=1).total_seconds()
_LAST_BEATS = 1
"""A process that is ending may still have one on the way."""


class NameConflict:
    """Judges, at each heartbeat of ours, whose the one before was."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._own: Beat | None = None
        self._others: Counter[str] = Counter()
        self._tell_from = 0.0

    def note(self, before: Beat | None, own: Beat) -> None:
        """Take in the heartbeat that ours has replaced; complain of a worker that goes on."""
        # What stood there before our first one is a predecessor's.
        began, self._own = self._own is None, own
        if began or before is None or before.instance == own.instance:
            return
        self._others[before.instance] += 1
        if self._others[before.instance] > _LAST_BEATS and time.monotonic() >= self._tell_from:
            self._tell_from = time.monotonic() + _TOLD_EVERY
            logger.error(
                "Two workers go by the name {}: this one on {} and another on {}. "
                "They disturb each other: give each a WORKER_ID of its own",
                self._worker,
                own.host,
                before.host,
            )
