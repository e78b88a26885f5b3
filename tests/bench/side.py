"""What is asked of each side, so that both are measured by the same code."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.bench.lab import OURS, THEIRS, THEIRS_SHELL, Message

_PREFIXES = {OURS: "+972501", THEIRS: "+972502", THEIRS_SHELL: "+972503"}


@dataclass(frozen=True)
class Readiness:
    """What came of a start."""

    at: float
    """When the last session came up that did not hang, on the monotonic clock."""
    hung: int = 0
    """How many sessions hung, and came up when they were started again."""


class Side(Protocol):
    """One side of the comparison: all its sessions and all its processes."""

    name: str

    async def start(self) -> None:
        """Start its processes, its disk empty; every session that is linked comes up by itself."""

    async def until_ready(self) -> Readiness:
        """Wait until every linked session can send; what hangs is started again."""

    async def link(self, session: str, phone: str) -> asyncio.Task[float]:
        """Link a phone; the task ends when the login is saved, with the seconds since the scan."""

    async def send(self, session: str, messages: Sequence[Message]) -> None:
        """Send, the way a user of this side does; return when its own word is that all are sent."""

    async def send_paced(self, count: int, messages: Sequence[Message]) -> None:
        """Send the messages from each of the first sessions, at our default pace."""

    async def stop(self) -> None:
        """End its processes in order, and lose its disk."""

    async def kill(self) -> None:
        """SIGKILL all its processes at once, and lose its disk."""

    def pids(self) -> set[int]:
        """Return all its processes."""


def phone_of(side: str, number: int) -> str:
    """Return the phone of a side's session with this number."""
    return f"{_PREFIXES[side]}{number:06d}"


def session_name(number: int) -> str:
    """Return the name of a session."""
    return f"line-{number}"


def texts(label: str, count: int, recipients: int) -> list[Message]:
    """Return messages to a few numbers in turn; no text comes twice in a run."""
    return [
        Message(f"+15551{place % recipients:06d}", f"{label}: message {place} of a benchmark")
        for place in range(count)
    ]
