"""The folder with all profiles of one worker: locked, writable, and cleaned up at the start."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from loguru import logger

from chatgrow_worker.browser.profile import PROBE
from chatgrow_worker.page.errors import PageBrokenError
from sessions.common.disk_space import FULL_BELOW, DiskState, DiskWatch, free_bytes
from sessions.common.errors import ConfigurationError
from sessions.connections.states import Reason

_OWNER_LENGTH = 200
"""The most characters that are read: more than an id and an inode's number ever have."""


@contextmanager
def owned_root(root: Path) -> Iterator[Path]:
    """Lock the folder inside the block; first kill browsers that a dead worker has left.

    Raises ConfigurationError if it cannot be written or another worker uses it.
    """
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"WHATSAPP_SESSION_PATH {root} cannot be written: {error.strerror}."
        ) from error
    try:
        _lock(descriptor, root)
        _clean_up(root)
        yield root
    finally:
        os.close(descriptor)


def succeed(root: Path, instance: str) -> str | None:
    """Store which process owns the folder now; return the previous owner, which is dead.

    Call this inside `owned_root`, whose lock proves that. Returns None if there was no owner, and
    in a copy of a folder, since the owner of the original may be alive.
    """
    try:
        descriptor = os.open(root / ".owner", os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+", encoding="ascii", errors="replace") as file:
            inode = str(os.fstat(file.fileno()).st_ino)
            before, _, where = file.read(_OWNER_LENGTH).rpartition(" ")
            file.seek(0)
            file.truncate()
            file.write(f"{instance} {inode}")
    except OSError as error:
        logger.warning("Connections of an earlier worker are taken over later: {}", error)
        return None
    return before if where == inode else None


def check_disk(root: Path, full_below: int = FULL_BELOW) -> None:
    """Raise PageBrokenError if the disk is full or not writable; make the folder if it is gone."""
    probe = root / ".writable"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.write_bytes(b"1")
        probe.unlink()
    except OSError as error:
        raise PageBrokenError(disk_reason(error), f"{root}: {error.strerror}") from error
    check_room(DiskWatch(root, full_below=full_below))


def check_room(disk: DiskWatch) -> None:
    """Raise PageBrokenError if a disk is so full that a browser would damage its profile."""
    if disk.state() is DiskState.FULL:
        free, root = free_bytes(disk.folder), disk.folder
        raise PageBrokenError(Reason.DISK_FULL, f"{root}: only {free // 1024**2} MB are free")


def disk_reason(error: OSError) -> Reason:
    """Return the reason that describes an error of the disk."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Reason.DISK_FULL
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Reason.DISK_READ_ONLY
    return Reason.DISK_UNUSABLE


def _lock(descriptor: int, root: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigurationError(
            f"WHATSAPP_SESSION_PATH {root} belongs to a running worker: give each one its own."
        ) from error


def _clean_up(root: Path) -> None:
    """Kill all browsers on profiles of this folder, and remove temporary folders.

    They belong to a dead worker: we hold the lock, and its previous holder is dead.
    """
    flag = f"--user-data-dir={root}{os.sep}"
    for process in psutil.process_iter(["cmdline", "create_time"]):
        if any(part.startswith(flag) for part in process.info["cmdline"] or []):
            logger.warning("Killing browser {} of a dead worker", process.pid)
            # psutil also compares the start time, so it does not kill a process with a reused id.
            with suppress(psutil.NoSuchProcess):
                process.kill()
    for left in (*root.glob(".copy-*"), *root.glob(".*.restoring"), *root.glob(f"{PROBE}*")):
        shutil.rmtree(left, ignore_errors=True)
