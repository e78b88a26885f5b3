"""The folder of all profiles of one worker: its own, writable, and free of leftovers."""

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
from sessions.common.errors import ConfigurationError
from sessions.connections.states import Reason

_OWNER_LENGTH = 200
"""Characters: more than an id and the number of an inode ever take."""
_FREE_BYTES = 100 * 1024 * 1024
"""Below this much free disk a browser is not started: it would damage its own profile."""


@contextmanager
def owned_root(root: Path) -> Iterator[Path]:
    """Own the folder for as long as the block runs; end what a dead worker left running on it.

    Raises ConfigurationError when it cannot be written or another worker has it.
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
        _reap(root)
        yield root
    finally:
        os.close(descriptor)


def succeed(root: Path, instance: str) -> str | None:
    """Write down which process owns the folder now; return the one before, which is dead.

    Only inside `owned_root`, whose lock proves that. None for the first one, and in a copy of a
    folder: the original's owner may well live.
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
        logger.warning("What an earlier worker left is taken over later: {}", error)
        return None
    return before if where == inode else None


def check_disk(root: Path) -> None:
    """Raise PageBrokenError when the disk is full or cannot be written; remake a removed folder."""
    probe = root / ".writable"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.write_bytes(b"1")
        probe.unlink()
    except OSError as error:
        raise PageBrokenError(disk_reason(error), f"{root}: {error.strerror}") from error
    free = shutil.disk_usage(root).free
    if free < _FREE_BYTES:
        raise PageBrokenError(Reason.DISK_FULL, f"{root}: only {free // 1024**2} MB are free")


def disk_reason(error: OSError) -> Reason:
    """Return the reason that an error of the disk stands for."""
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


def _reap(root: Path) -> None:
    """End every browser on a profile of this folder, and remove what was of that moment only.

    Nobody else may run one here: the lock is ours, and whoever had it before is dead.
    """
    flag = f"--user-data-dir={root}{os.sep}"
    for process in psutil.process_iter(["cmdline", "create_time"]):
        if any(part.startswith(flag) for part in process.info["cmdline"] or []):
            logger.warning("Ending browser {} of a worker that died", process.pid)
            # psutil compares the start time too: a reused id is not ended.
            with suppress(psutil.NoSuchProcess):
                process.kill()
    for left in (*root.glob(".copy-*"), *root.glob(".*.restoring"), *root.glob(f"{PROBE}*")):
        shutil.rmtree(left, ignore_errors=True)
