"""How worn a browser is: pages grow over days, so they are opened anew when nothing is in hand."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil

from chatgrow_worker.browser.profile import holders_of


@dataclass(frozen=True)
class WearLimits:
    """Above either a browser is opened anew when idle."""

    age: timedelta
    memory_bytes: int
    look_every: timedelta


class Wear:
    """The age and the memory of one browser."""

    def __init__(self, profile: Path, limits: WearLimits) -> None:
        self._profile = profile
        self._limits = limits
        self._opened = time.monotonic()

    @property
    def look_every(self) -> timedelta:
        """How often to look."""
        return self._limits.look_every

    def is_worn(self) -> bool:
        """Tell whether the browser is due; looks at processes, so call it in a thread."""
        if time.monotonic() - self._opened > self._limits.age.total_seconds():
            return True
        return memory_of(self._profile) > self._limits.memory_bytes


def memory_of(profile: Path) -> int:
    """Return the proportional memory in bytes of a profile's browser with all its processes."""
    seen: dict[int, psutil.Process] = {}
    for holder in holders_of(profile):
        for process in (holder, *_children(holder)):
            seen[process.pid] = process
    return sum(map(_pss, seen.values()))


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
