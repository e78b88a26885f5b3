"""How long things are kept whatever the settings say."""

from __future__ import annotations

from datetime import timedelta

KEPT_FOR = timedelta(hours=48)
