"""How long things are kept that no setting controls."""

from __future__ import annotations

from datetime import timedelta

KEPT_FOR = timedelta(hours=48)
"""How long an Idempotency-Key is known after the last of its messages has ended."""
