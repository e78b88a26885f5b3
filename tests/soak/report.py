"""What a soak run says while it goes, and its figures at the end."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence


class Report:
    """The progress and the figures of one part of the run."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.figures: list[tuple[str, str]] = []
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the part has been going."""
        return time.monotonic() - self._began

    def step(self, text: str) -> None:
        """Say in one line what has just been done."""
        print(f"{self.seconds:7.1f} s  {self.part}: {text}", flush=True)

    def figure(self, name: str, value: object) -> None:
        """Keep a figure for the table, and say it."""
        self.figures.append((name, str(value)))
        self.step(f"{name}: {value}")


def spread(values: Sequence[float], unit: str) -> str:
    """Return the median, the 99th percentile and the largest of what was measured."""
    ordered = sorted(values)
    late = ordered[min(len(ordered) - 1, round(0.99 * (len(ordered) - 1)))]
    middle = statistics.median(ordered)
    return f"p50 {middle:.1f} {unit}, p99 {late:.1f} {unit}, max {ordered[-1]:.1f} {unit}"


def table(rows: Sequence[tuple[str, str, str]]) -> str:
    """Return rows of part, name and value in columns."""
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(
        f"{part:<{widths[0]}}  {name:<{widths[1]}}  {value}" for part, name, value in rows
    )
