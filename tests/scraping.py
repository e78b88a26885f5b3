"""Read what a scrape gives."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sessions.metrics import ProcessMetrics


class Scrape:
    """The metrics of one scrape, by name and labels."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))
        self._samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self._families
            for sample in family.samples
        }

    def value(self, name: str, /, **labels: str) -> float | None:
        """Return a sample's value, or None when there is no such series."""
        return self._samples.get((name, frozenset(labels.items())))

    def series(self, name: str) -> list[Mapping[str, str]]:
        """Return the labels of all series of a name."""
        return [dict(labels) for sample, labels in self._samples if sample == name]

    def metrics(self) -> dict[str, str]:
        """Return the type of each metric by its name, as a table of metrics names it."""
        suffixes = {"counter": "_total"}
        return {
            family.name + suffixes.get(family.type, ""): family.type for family in self._families
        }


def scrape(metrics: ProcessMetrics) -> Scrape:
    """Read a process's metrics without asking for them by HTTP."""
    return Scrape(generate_latest(metrics.registry).decode())
