"""What a run says while it goes, and the figures that it keeps."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tests.bench.figures import Figure, Goal, Growth, number


@dataclass
class Report:
    """The progress and the figures of a run."""

    compared: dict[str, Figure] = field(default_factory=dict)
    alone: dict[tuple[str, str], Growth] = field(default_factory=dict)
    starts: dict[str, list[bool]] = field(default_factory=dict)
    """The cold starts of each side: whether it came up."""
    _began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long the run has been going."""
        return time.monotonic() - self._began

    def step(self, text: str) -> None:
        """Say in one line what has just been done."""
        print(f"{self.seconds:7.1f} s  {text}", flush=True)

    def figure(
        self,
        name: str,
        unit: str,
        meaning: str,
        goal: Goal | None = None,
        shell_goal: Goal | None = None,
    ) -> Figure:
        """Return the figure with this name, made at its first use."""
        return self.compared.setdefault(name, Figure(name, unit, meaning, goal, shell_goal))

    def add(self, figure: Figure, side: str, value: float) -> None:
        """Keep a sample and say it."""
        figure.add(side, value)
        self.step(f"{side}: {figure.name}: {number(value)} {figure.unit}")

    def grow(self, name: str, unit: str, of: str, at: int, value: float) -> None:
        """Keep what was measured of ours alone with this amount of something, and say it."""
        growth = self.alone.setdefault((of, name), Growth(name, unit, of))
        growth.values[at] = value
        self.step(f"{at:,} {of}: {name}: {number(value)} {unit}")

    def started(self, side: str, came_up: bool) -> None:
        """Count a cold start, and say it when it hung."""
        self.starts.setdefault(side, []).append(came_up)
        if not came_up:
            self.step(f"{side}: a cold start hung, and is repeated")

    def hung(self) -> str:
        """Return how many cold starts of each side hung."""
        return ", ".join(
            f"{side} {starts.count(False)} of {len(starts)}" for side, starts in self.starts.items()
        )
