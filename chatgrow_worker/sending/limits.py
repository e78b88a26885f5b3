"""The bounds of a send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class SendLimits:
    """The bounds of a send."""

    outcome_within: timedelta
    outcome_poll: timedelta
    number_recheck: timedelta
    ghost_wait: timedelta
    stalled_after: timedelta
    resend_ghosts: bool
    tries: int
