"""What tests ask the kernel about processes."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil


def alive(pid: int) -> bool:
    """Say whether a process with this id runs; one that has only not been reaped yet does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def holds_open(pid: int, file: Path) -> bool:
    """Say whether the process has the file open."""
    return any(opened.resolve() == file for opened in Path(f"/proc/{pid}/fd").iterdir())


def children_named(pid: int, name: str) -> list[psutil.Process]:
    """Return the processes below this one with this in their name, but for those that end now."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                found += [child] if name in child.name() else []
    return found


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """Kill processes; one may have gone with the one before."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
