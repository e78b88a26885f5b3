"""What the processes of a side take: proportional memory, and processor time with their dead."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

MARK = "BENCH_SIDE"
"""The variable that the processes of a side inherit; it finds those that left their parent too."""

_TICKS = os.sysconf("SC_CLK_TCK")
_TIMES = slice(11, 15)
"""utime, stime, cutime and cstime, counted from the state behind the program's name."""


def marked(side: str) -> set[int]:
    """Return the processes that carry this side's mark, and all below them.

    Chromium writes its titles over the environment of some of its processes.
    """
    wanted = f"{MARK}={side}".encode()
    pids = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    parents = {pid: _parent(pid) for pid in pids}
    found = {pid for pid in pids if wanted in _read(pid, "environ").split(b"\0")}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def named(pids: Iterable[int], *names: str) -> set[int]:
    """Return those of the processes whose program has one of these names."""
    return {pid for pid in pids if _read(pid, "comm").strip().decode() in names}


def pss_bytes(pids: Iterable[int]) -> int:
    """Return the memory of processes; what they share with others counts in part."""
    return sum(map(_pss, pids))


def rss_bytes(pid: int) -> int:
    """Return the memory that one process holds, shared pages in full."""
    return int(_read(pid, "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the processor time of processes and of the children that they have buried."""
    return sum(map(_ticks, pids)) / _TICKS


def _pss(pid: int) -> int:
    for line in _read(pid, "smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _parent(pid: int) -> int:
    fields = _fields(pid)
    return int(fields[1]) if fields else 0


def _ticks(pid: int) -> int:
    return sum(map(int, _fields(pid)[_TIMES]))


def _fields(pid: int) -> list[bytes]:
    """Return what the kernel tells of a process, from its state on."""
    return _read(pid, "stat").rpartition(b")")[2].split()


def _read(pid: int, name: str) -> bytes:
    """Return a file of a process, empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
