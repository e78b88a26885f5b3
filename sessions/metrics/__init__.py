"""Metrics in Prometheus's format: those of every process, and how they are served.

Each process has its own registry, which is passed on to its parts; there is no global one.

The label `connection` is our internal id, which means nothing to outsiders. With METRICS_NAMES it
is `owner/connectionId`: the owner's id and the name of the connection, masked if it looks like a
phone number. Recipients, texts, keys and numbers are never labels.

Only gauges that are read at each scrape have this label, so a connection that is deleted or moves
to another worker leaves no series behind. Counters and histograms count the whole process, so they
never decrease.
"""

from sessions.metrics.cached_probe import CachedProbe, StoreProbe
from sessions.metrics.process import LONG, SHORT, ProcessMetrics
from sessions.metrics.serving import (
    ConnectionLabels,
    MetricsClosedError,
    NoMetricsTokenError,
    check_scrape,
)

__all__ = [
    "LONG",
    "SHORT",
    "CachedProbe",
    "ConnectionLabels",
    "MetricsClosedError",
    "NoMetricsTokenError",
    "ProcessMetrics",
    "StoreProbe",
    "check_scrape",
]
