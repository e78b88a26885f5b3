"""Log files: one for each process, rotated daily and by size, of which only a few are kept."""

from __future__ import annotations

import fcntl
import os
import re
import weakref
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from loguru import Message

_ROTATED = r"\.\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d{6}(\.\d+)?\.log"
"""The suffix that loguru adds to the name of a rotated file."""


class LogFile:
    """The log file of one process; a lock keeps other processes from using it.

    A second process of the same name takes the next free name: two processes that rotate the same
    file would lose lines.
    """

    def __init__(self, folder: Path, name: str, largest: int, keep: int) -> None:
        """Take the first free name in the folder; `largest` is in bytes, `keep` a number of files.

        Raises OSError if the folder cannot be written.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock, stem = _take_name(folder, name)
        # The lock is held as long as loguru refers to this object's methods.
        weakref.finalize(self, lock.close)
        self._rotated = re.compile(re.escape(stem) + _ROTATED)
        self._largest = largest
        self._keep = keep
        self._day: date | None = None
        self.path = folder / f"{stem}.log"

    def is_over(self, message: Message, file: TextIO) -> bool:
        """Tell whether a message belongs in a new file: loguru's `rotation`."""
        state = os.fstat(file.fileno())
        today = message.record["time"].astimezone(UTC).date()
        last = self._day or datetime.fromtimestamp(state.st_mtime, UTC).date()
        self._day = today
        grown = state.st_size + len(message.encode())
        return state.st_size > 0 and (today != last or grown > self._largest)

    def remove_oldest(self, logs: list[str]) -> None:
        """Remove the oldest files, with room for the one that begins now: loguru's `retention`."""
        ours = [Path(log) for log in logs if self._rotated.fullmatch(Path(log).name)]
        ours.sort(key=lambda log: (log.stat().st_mtime_ns, log.name), reverse=True)
        for log in ours[self._keep - 1 :]:
            log.unlink(missing_ok=True)


def private(path: str, flags: int) -> int:
    """Open a file that only its owner may read; use it as an `opener`."""
    return os.open(path, flags, 0o600)


def _take_name(folder: Path, name: str) -> tuple[TextIO, str]:
    """Return the first free name, and its lock, which is held."""
    for number in count(1):
        stem = name if number == 1 else f"{name}-{number}"
        lock = open(folder / f".{stem}.lock", "a", opener=private)  # noqa: SIM115  held
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return lock, stem
    raise AssertionError
