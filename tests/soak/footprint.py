"""What a stack leaves on its machine: processes, a worker's file descriptors, temporary folders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.stack_client import StackClient

_TEMPORARY = (".copy-*", ".*.restoring", "*.draft")


@dataclass(frozen=True)
class Footprint:
    """What there is while no connection runs."""

    processes: Counter[str]
    descriptors: Counter[str]
    temporary: frozenset[str]

    @classmethod
    def of(cls, system: StackClient) -> Footprint:
        """Look at all that this stack has started and left."""
        folder = Path(system.about["data"])
        return cls(_processes(folder), _descriptors(system.pid("worker-1")), _temporary(folder))

    def more_than(self, before: Footprint) -> dict[str, object]:
        """Return what has grown since then."""
        grown = {
            "processes": dict(self.processes - before.processes),
            "descriptors": dict(self.descriptors - before.descriptors),
            # A worker that took a dead one's place has a folder of its own, and only that one.
            "temporary": sorted(self.temporary - before.temporary)
            if len(self.temporary) > len(before.temporary)
            else [],
        }
        return {name: what for name, what in grown.items() if what}


def holders(system: StackClient) -> list[psutil.Process]:
    """Return the processes that run on a profile of this stack."""
    root = f"--user-data-dir={system.about['data']}/"
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(part.startswith(root) for part in process.info["cmdline"] or [])
    ]


def _processes(folder: Path) -> Counter[str]:
    """Count by name what runs with the temporary folder of this stack: all that it has started."""
    mark = str(folder / "tmp")
    return Counter([each.name() for each in psutil.process_iter() if _tmpdir(each) == mark])


def _tmpdir(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("TMPDIR")
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return None


def _descriptors(pid: int) -> Counter[str]:
    """Count a process' descriptors by kind; connections to servers come and go with their pools."""
    process = psutil.Process(pid)
    peers = sum(each.status == psutil.CONN_ESTABLISHED for each in process.net_connections("inet"))
    kinds = Counter([_kind(each) for each in Path(f"/proc/{pid}/fd").iterdir()])
    kinds["socket"] -= peers
    return +kinds


def _kind(descriptor: Path) -> str:
    try:
        target = str(descriptor.readlink())
    except OSError:
        return "gone"
    return target.split(":", 1)[0] if ":" in target else "file"


def _temporary(folder: Path) -> frozenset[str]:
    """Name what is in the temporary folder, and what is half made beside the profiles."""
    found = list((folder / "tmp").iterdir())
    for pattern in _TEMPORARY:
        found += (folder / "sessions").rglob(pattern)
    return frozenset(each.name for each in found)
