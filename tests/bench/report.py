"""What a run says while it goes, and the figures that it keeps."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter

from tests.bench.figures import Figure, Goal, Growth, number


@dataclass
class Report:
    """The progress and the figures of a run."""

    compared: dict[str, Figure] = field(default_factory=dict)
    alone: dict[str, Growth] = field(default_factory=dict)
    starts: dict[str, list[int]] = field(default_factory=dict)
    """The starts of each side: how many sessions hung."""
    earlier: float = 0.0
    """How many seconds earlier runs took whose figures are kept here."""
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long the run has been going, and those before it."""
        return self.earlier + time.monotonic() - self.began

    @classmethod
    def kept_in(cls, file: Path | None) -> Report:
        """Return the figures that earlier runs kept in a file, if there is one."""
        if file is None or not file.exists():
            return cls()
        kept = _ADAPTER.validate_json(file.read_bytes())
        return replace(kept, began=time.monotonic())

    def keep_in(self, file: Path) -> None:
        """Write the figures into a file, for a later run to go on with."""
        file.write_bytes(_ADAPTER.dump_json(replace(self, earlier=self.seconds), indent=1))

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
        growth = self.growth(name, of) or self.alone.setdefault(
            f"{name}, by {of}", Growth(name, unit, of)
        )
        growth.values[at] = value
        self.step(f"{at:,} {of}: {name}: {number(value)} {unit}")

    def growth(self, name: str, of: str) -> Growth | None:
        """Return what was measured of ours alone under a name."""
        return self.alone.get(f"{name}, by {of}")

    def started(self, side: str, hung: int) -> None:
        """Count the sessions that hung in a start, and say it."""
        self.starts.setdefault(side, []).append(hung)
        if hung:
            self.step(f"{side}: {hung} sessions hung, and were started again")

    def hung(self) -> str:
        """Return how many sessions of each side hung, in how many starts."""
        return ", ".join(
            f"{side} {sum(each)} in {len(each)} starts" for side, each in self.starts.items()
        )


_ADAPTER = TypeAdapter(Report)
