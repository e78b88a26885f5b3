"""Metrics in Prometheus's format: what every process has, and how they are served.

Each process has a registry of its own, handed down; there is no global one.

The label `connection` is our own id of the connection, which says nothing outside. With
METRICS_NAMES it is `owner/connectionId` instead: our id of the owner, and the name that they gave
to the connection, masked where it looks like a phone number. No recipient, no text, no key and no
number is ever a label.

Only gauges that are read anew at each scrape have that label, so a connection that is deleted or
moves to another worker leaves nothing behind; counters and histograms are of the whole process, so
that none of them ever falls.
"""

from sessions.metrics.cached_probe import CachedProbe, StoreProbe
from sessions.metrics.process import LONG, SHORT, ProcessMetrics
from sessions.metrics.serving import (
    CONTENT_TYPE,
    ConnectionLabels,
    MetricsClosedError,
    NoMetricsTokenError,
    check_scrape,
    exposition,
)

__all__ = [
    "CONTENT_TYPE",
    "LONG",
    "SHORT",
    "CachedProbe",
    "ConnectionLabels",
    "MetricsClosedError",
    "NoMetricsTokenError",
    "ProcessMetrics",
    "StoreProbe",
    "check_scrape",
    "exposition",
]
