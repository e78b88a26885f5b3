"""Recycle browsers: their pages grow over days, so idle ones are opened again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil


@dataclass(frozen=True)
class RecyclingLimits:
    """A browser above either limit is recycled when it is idle."""

    age: timedelta
    memory_bytes: int
    look_every: timedelta


class Recycling:
    """Decide by age and memory when one browser is due."""

    def __init__(self, profile: Path, limits: RecyclingLimits) -> None:
        self._profile = profile
        self._limits = limits
        self._opened = time.monotonic()
        self._was_large = False

    @property
    def look_every(self) -> timedelta:
        """How often to check."""
        return self._limits.look_every

    def is_worn(self) -> bool:
        """Tell whether the browser is due; this reads many processes, so call it in a thread.

        Its memory must be above the limit at two checks in a row: a page that has just loaded takes
        twice what it needs later.
        """
        if time.monotonic() - self._opened > self._limits.age.total_seconds():
            return True
        large = memory_of(self._profile) > self._limits.memory_bytes
        was_large, self._was_large = self._was_large, large
        return large and was_large


def memory_of(profile: Path) -> int:
    """Return the proportional memory (PSS) of all processes of a profile's browser, in bytes."""
    return memory_by_profile({"": profile}).get("", 0)


def memory_by_profile(profiles: Mapping[str, Path]) -> dict[str, int]:
    """Return the same for the running browsers of many profiles, listing all processes once."""
    named = {f"--user-data-dir={profile}": name for name, profile in profiles.items()}
    children: dict[int, list[psutil.Process]] = {}
    holders: dict[str, list[psutil.Process]] = {}
    for process in psutil.process_iter(["cmdline", "ppid"]):
        children.setdefault(process.info["ppid"], []).append(process)
        for flag in set(process.info["cmdline"] or []) & named.keys():
            holders.setdefault(named[flag], []).append(process)
    return {
        name: sum(map(_pss, _with_descendants(processes, children)))
        for name, processes in holders.items()
    }


def _with_descendants(
    processes: list[psutil.Process], children: Mapping[int, list[psutil.Process]]
) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    waiting = list(processes)
    while waiting:
        process = waiting.pop()
        if process.pid not in found:
            found[process.pid] = process
            waiting += children.get(process.pid, [])
    return list(found.values())


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
