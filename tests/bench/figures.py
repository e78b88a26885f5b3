"""The figures of a run: what was measured on each side, what is wanted, and what came of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.lab import OURS, THEIRS, THEIRS_SHELL


@dataclass(frozen=True)
class Goal:
    """What the ratio ours / theirs should be at most, or at least."""

    ratio: float
    at_least: bool = False

    def met_by(self, ratio: float) -> bool:
        """Tell whether a ratio is good enough."""
        return ratio >= self.ratio if self.at_least else ratio <= self.ratio

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.ratio:.2f}"


@dataclass
class Figure:
    """One figure, with a sample of each side that it is measured of for each round."""

    name: str
    unit: str
    meaning: str
    goal: Goal | None = None
    """Beside theirs as it comes."""
    shell_goal: Goal | None = None
    """Beside theirs on the browser that we use."""
    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, side: str, value: float) -> None:
        """Keep what was measured of a side."""
        self.samples.setdefault(side, []).append(value)

    def of(self, side: str) -> list[float]:
        """Return what was measured of a side."""
        return self.samples.get(side, [])

    def ratio(self, side: str = THEIRS) -> float | None:
        """Return ours / that of another side, by the medians; None when one is missing."""
        if not self.of(OURS) or not self.of(side):
            return None
        ours, other = statistics.median(self.of(OURS)), statistics.median(self.of(side))
        return ours / other if other else math.inf

    @property
    def verdict(self) -> str:
        """Whether the goal beside theirs as it comes is met; empty without a goal."""
        return self._verdict(self.goal, THEIRS)

    @property
    def shell_verdict(self) -> str:
        """Whether the goal beside theirs on the headless shell is met; empty without a goal."""
        return self._verdict(self.shell_goal, THEIRS_SHELL)

    def _verdict(self, goal: Goal | None, side: str) -> str:
        ratio = self.ratio(side)
        if goal is None or ratio is None:
            return ""
        return "met" if goal.met_by(ratio) else "MISSED"


@dataclass(frozen=True)
class Growth:
    """One figure of ours alone, at growing amounts."""

    name: str
    unit: str
    of: str
    values: dict[int, float] = field(default_factory=dict)


def spread(values: Sequence[float]) -> str:
    """Return the median and, with more than one value, the smallest and the largest."""
    if not values:
        return "–"
    middle = number(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))}–{number(max(values))})"


def number(value: float) -> str:
    """Return a number with three digits that count."""
    if math.isinf(value):
        return "∞"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which this part of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(part * (len(ordered) - 1)))]
