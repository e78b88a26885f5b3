"""Become an embedded server: find its program, wait for its lock, then exec it.

A process that waits for the lock is a hot standby of the server that holds it.
"""

import ctypes
import fcntl
import importlib.util
import os
import resource
import signal
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from sessions.embedded.kinds import MONGO, MissingPartError, ServerKind
from sessions.embedded.layout import Layout, choose_socket

_LOG_BYTES = 10 * 1024 * 1024
_OPEN_FILES = 64_000
_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
_POLL = timedelta(milliseconds=200)
_HOW = "run `make setup`, or `pip install -r requirements.txt`, or `pip install '.[embedded]'`"


def become_server(kind: ServerKind, data_dir: Path) -> NoReturn:
    """Replace this process by the server; this never returns, it can only raise."""
    binary = find_binary(kind)
    check_library(kind)
    layout = Layout.of(data_dir, kind)
    layout.create()
    hold_lock(layout.lock_file)
    socket = choose_socket(layout.socket)
    layout.old_port_file.unlink(missing_ok=True)
    _rotate(layout.log_file)
    _raise_open_files()
    os.execv(binary, command_line(kind, binary, layout, socket))


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


class StoppedError(Exception):
    """The process was asked to end while it waited for the lock."""


def hold_lock(file: Path) -> int:
    """Wait for the lock, and return its descriptor; the server inherits it across exec.

    The lock is held until that server ends. Raises StoppedError on SIGTERM.
    """
    # Signals are blocked and polled: a handler would miss one between a check and a wait.
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    while not _try_lock(descriptor):
        if signal.sigtimedwait(_STOP_SIGNALS, _POLL.total_seconds()) is not None:
            raise StoppedError
    signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
