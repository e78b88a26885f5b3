"""What a worker counts of webhooks."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Histogram

from sessions.metrics import SHORT


class Result(StrEnum):
    """How a try ended."""

    DELIVERED = "delivered"
    """The receiver answered with 2xx."""
    REFUSED = "refused"
    """The receiver answered something else."""
    UNREACHABLE = "unreachable"
    """There was no answer in time."""


class WebhookMetrics:
    """The counters and histograms of webhooks, in the registry of their process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tries = Counter(
            "chatgrow_webhook_tries_total",
            "Tries to deliver an event to a webhook.",
            ["result"],
            registry=registry,
        )
        self._duration = Histogram(
            "chatgrow_webhook_try_seconds",
            "How long receivers took to answer.",
            buckets=SHORT,
            registry=registry,
        )
        self._relayed = Counter(
            "chatgrow_webhook_events_total",
            "Events that were taken out of their documents, also those that no webhook wanted.",
            registry=registry,
        )
        for each in Result:
            self._tries.labels(each)

    def tried(self, result: Result, duration: timedelta) -> None:
        """Count a try."""
        self._tries.labels(result).inc()
        self._duration.observe(duration.total_seconds())

    def relayed(self, events: int) -> None:
        """Count events that were taken."""
        self._relayed.inc(events)
