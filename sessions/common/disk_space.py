"""How much room is left on a disk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

FULL_BELOW = 100 * 1024**2
"""Free bytes below which nothing may be started that writes: it would damage its files."""
LOW_BELOW = 1024**3
"""Free bytes below which an operator should make room."""


class DiskState(StrEnum):
    """Whether a disk has room, the worst last."""

    OK = "ok"
    LOW = "disk_low"
    """There is little room left; nothing has been stopped for it yet."""
    FULL = "disk_full"
    """There is too little room: nothing that writes to it is started, and pages are closed."""


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk of a folder, which may not exist yet."""
    present = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(present).free


@dataclass(frozen=True)
class DiskWatch:
    """Judge the disk of a folder by how much of it is free."""

    folder: Path
    low_below: int = LOW_BELOW
    full_below: int = FULL_BELOW

    def state(self) -> DiskState:
        """Return the state of the disk now."""
        free = free_bytes(self.folder)
        if free < self.full_below:
            return DiskState.FULL
        return DiskState.LOW if free < self.low_below else DiskState.OK


def worst(*states: DiskState) -> DiskState:
    """Return the worst of some states; OK for none."""
    return max(states, key=list(DiskState).index, default=DiskState.OK)
