"""How much of each thing a run does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tests.bench.lab import OURS, THEIRS, THEIRS_SHELL


@dataclass(frozen=True)
class Sizes:
    """The full amounts."""

    fleets: tuple[int, ...] = (10, 40)
    """The numbers of sessions of each side; the last one rests before its idle time."""
    sides: tuple[str, ...] = (OURS, THEIRS, THEIRS_SHELL)
    rounds: int = 3
    settle: timedelta = timedelta(seconds=6)
    rest: timedelta = timedelta(minutes=5)
    """How long a side stands still before its idle time is measured."""
    idle: timedelta = timedelta(minutes=1)
    weight_mb: int = 60
    messages: int = 300
    recipients: int = 20
    login_mb: tuple[int, ...] = (30, 200)
    accept_rates: tuple[int, ...] = (50, 200)
    accept_for: timedelta = timedelta(seconds=10)
    paced_rate: int = 10
    paced_for: timedelta = timedelta(seconds=20)
    connections: tuple[int, ...] = (1, 10, 40, 100)
    paced_connections: tuple[int, ...] = (1, 10, 40, 100)
    paced_messages: int = 20
    full_paced_messages: int = 200
    """At the largest number of connections: ten minutes of the default pace."""
    stored: tuple[int, ...] = (1_000, 100_000, 1_000_000)


QUICK = Sizes(
    fleets=(1, 2),
    rounds=2,
    settle=timedelta(seconds=5),
    rest=timedelta(seconds=1),
    idle=timedelta(seconds=5),
    messages=60,
    login_mb=(5,),
    accept_for=timedelta(seconds=3),
    paced_for=timedelta(seconds=3),
    connections=(1, 2),
    paced_connections=(1, 2),
    paced_messages=5,
    full_paced_messages=10,
    stored=(1_000, 10_000),
)
"""Enough to see that it runs; the figures are worth little."""
