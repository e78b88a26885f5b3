"""Metrics in Prometheus's format: what every process has, and how they are served.

Each process has a registry of its own, handed down; there is no global one.

The label `connection` is `owner/connectionId`: our own id of the owner, which says nothing outside,
and the name that they gave to the connection, without which an operator could not tell which one is
in trouble. A name that looks like a phone number is masked. No recipient, no text, no key and no
number is ever a label. Whoever finds the names too much for an open path sets METRICS_TOKEN.

Only gauges that are read anew at each scrape have that label, so a connection that is deleted or
moves to another worker leaves nothing behind; counters and histograms are of the whole process, so
that none of them ever falls.
"""

from sessions.metrics.glimpse import Glimpse, StoreProbe
from sessions.metrics.process import LONG, SHORT, ProcessMetrics
from sessions.metrics.serving import CONTENT_TYPE, connection_label, exposition, may_scrape

__all__ = [
    "CONTENT_TYPE",
    "LONG",
    "SHORT",
    "Glimpse",
    "ProcessMetrics",
    "StoreProbe",
    "connection_label",
    "exposition",
    "may_scrape",
]
