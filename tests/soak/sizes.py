"""How much of each thing a soak run does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The full amounts; a run may ask for fewer."""

    connections: int = 20
    copies: int = 100
    repetitions: int = 4
    pauses: int = 10
    cycles: int = 200
    seed: int = 1
