"""Watch how long sends take: a page can say that all is well and get nothing through."""

from __future__ import annotations

import time
from datetime import timedelta


class StallDetector:
    """Follows the sends of one page."""

    def __init__(self, stalled_after: timedelta) -> None:
        self._stalled_after = stalled_after
        self._since: float | None = None
        self._acknowledged = True

    @property
    def stalled(self) -> bool:
        """Whether sends stay unacknowledged, whatever the page says of itself."""
        if self._since is None:
            return not self._acknowledged
        return time.monotonic() - self._since > self._stalled_after.total_seconds()

    @property
    def stalls_at(self) -> float | None:
        """When what is on its way counts as unacknowledged, on the monotonic clock."""
        return self._since and self._since + self._stalled_after.total_seconds()

    def began(self) -> None:
        """Note that a send is on its way."""
        self._since = time.monotonic()

    def acknowledged(self) -> None:
        """Note that WhatsApp has answered after all, for what had been given up."""
        self._acknowledged = True

    def left(self) -> None:
        """Note that nothing is on its way; what went before stays as it was."""
        self._since = None

    def ended(self, *, acknowledged: bool) -> None:
        """Note whether WhatsApp has answered at last.

        That something stays unknown which this page has not sent says nothing about its sends.
        """
        if acknowledged or self._since is not None:
            self._acknowledged = acknowledged
        self._since = None
