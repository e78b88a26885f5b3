"""The metrics of the control API: its requests, and the fleet as stored in MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from prometheus_client import Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sessions.metrics import SHORT, CachedProbe, ConnectionLabels, ProcessMetrics, StoreProbe
from sessions.monitoring.fleet import Fleet, FleetStore
from sessions.storage.mongo import STORE_DOWN

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from sessions.webhooks.store import WebhookCounts, WebhookStore

_FLEET_WITHIN = timedelta(seconds=2)
_FLEET_FRESH_FOR = timedelta(seconds=5)


class ApiMetrics:
    """Counts requests, and reads the state of the fleet for each scrape."""

    def __init__(
        self,
        process: ProcessMetrics,
        probe: StoreProbe,
        fleet: FleetStore,
        now: Callable[[], datetime],
        labels: ConnectionLabels,
        webhooks: WebhookStore,
    ) -> None:
        self.process = process
        self._probe = probe
        self._requests = Histogram(
            "chatgrow_http_request_duration_seconds",
            "How long requests took, by the template of their path.",
            ["method", "route", "status"],
            buckets=SHORT,
            registry=process.registry,
        )
        self._fleet, self._webhooks = FleetCollector(labels), WebhookCollector()
        process.registry.register(self._fleet)
        process.registry.register(self._webhooks)

        async def look() -> Fleet | None:
            try:
                return await fleet.look(now())
            except STORE_DOWN:
                return None

        async def count() -> WebhookCounts | None:
            try:
                return await webhooks.counts()
            except STORE_DOWN:
                return None

        self._glimpse = CachedProbe(look, _FLEET_WITHIN, _FLEET_FRESH_FOR)
        self._counting = CachedProbe(count, _FLEET_WITHIN, _FLEET_FRESH_FOR)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, f"{status // 100}xx").observe(seconds)

    async def look(self) -> None:
        """Read the stores before a scrape, within two seconds."""
        await self._probe.look()
        self._fleet.fleet = await self._glimpse.get()
        self._webhooks.counts = await self._counting.get()


class WebhookCollector(Collector):
    """The webhooks as they were counted last; no metrics while MongoDB is away."""

    def __init__(self) -> None:
        self.counts: WebhookCounts | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics for the registry."""
        states = GaugeMetricFamily(
            "chatgrow_webhooks",
            "Webhooks that work, fail now, or are disabled.",
            labels=["state"],
        )
        for state, count in asdict(self.counts).items() if self.counts else ():
            states.add_metric([state], count)
        yield states


class FleetCollector(Collector):
    """The fleet as it was read last; no metrics while MongoDB is away, since they would be old."""

    def __init__(self, labels: ConnectionLabels) -> None:
        self.fleet: Fleet | None = None
        self._labels = labels

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics for the registry."""
        states = GaugeMetricFamily(
            "chatgrow_connections",
            "Connections in each state, as it is true now.",
            labels=["state"],
        )
        workers = GaugeMetricFamily("chatgrow_workers_alive", "Workers with a fresh heartbeat.")
        depth = GaugeMetricFamily(
            "chatgrow_queue_messages", "Messages not sent yet.", labels=["connection"]
        )
        oldest = GaugeMetricFamily(
            "chatgrow_queue_oldest_age_seconds",
            "For how long the oldest message not sent yet has been due.",
            labels=["connection"],
        )
        changed = GaugeMetricFamily(
            "chatgrow_whatsapp_changed",
            "Whether the fleet waits, since WhatsApp Web has changed: 1, or 0.",
        )
        if (fleet := self.fleet) is not None:
            changed.add_metric([], fleet.whatsapp_changed)
            workers.add_metric([], fleet.workers)
            for state, count in fleet.states().items():
                states.add_metric([state], count)
            for each in fleet.connections:
                label = [self._labels.of(each.owner, each.connection_id, each.id)]
                depth.add_metric(label, fleet.queue_of(each).messages)
                oldest.add_metric(label, fleet.queue_of(each).oldest.total_seconds())
        yield from (states, workers, depth, oldest, changed)
