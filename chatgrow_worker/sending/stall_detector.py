"""Detect a page that says it is connected but gets no sends acknowledged."""

from __future__ import annotations

import time
from datetime import timedelta


class StallDetector:
    """Follow the sends of one page."""

    def __init__(self, stalled_after: timedelta) -> None:
        self._stalled_after = stalled_after
        self._since: float | None = None
        self._acknowledged = True

    @property
    def stalled(self) -> bool:
        """Whether sends stay unacknowledged, although the page may say that it is connected."""
        if self._since is None:
            return not self._acknowledged
        return time.monotonic() - self._since > self._stalled_after.total_seconds()

    @property
    def stalls_at(self) -> float | None:
        """When the current send counts as unacknowledged, on the monotonic clock."""
        return self._since and self._since + self._stalled_after.total_seconds()

    def began(self, takes: timedelta = timedelta(0)) -> None:
        """Note that a send has started that may take this long besides WhatsApp's answer."""
        self._since = time.monotonic() + takes.total_seconds()

    def acknowledged(self) -> None:
        """Note that WhatsApp has acknowledged a message that had become unknown."""
        self._acknowledged = True

    def left(self) -> None:
        """Note that the current send is over without a result; earlier results still count."""
        self._since = None

    def ended(self, *, acknowledged: bool) -> None:
        """Note whether WhatsApp has acknowledged the current send.

        A message that this page did not send, and that stays unknown, does not count.
        """
        if acknowledged or self._since is not None:
            self._acknowledged = acknowledged
        self._since = None
