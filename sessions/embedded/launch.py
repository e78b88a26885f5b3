"""Become an embedded server: wait for its lock, settle its socket, then exec it."""

import os
import resource
from pathlib import Path
from typing import NoReturn

from sessions.embedded.binaries import check_library, find_binary
from sessions.embedded.command_lines import command_line
from sessions.embedded.kinds import ServerKind
from sessions.embedded.layout import Layout
from sessions.embedded.sockets import settle_socket
from sessions.embedded.standby import hold_lock

_LOG_BYTES = 10 * 1024 * 1024
_OPEN_FILES = 64_000


def become_server(kind: ServerKind, data_dir: Path) -> NoReturn:
    """Replace this process by the server; returns only by raising."""
    binary = find_binary(kind)
    check_library(kind)
    layout = Layout.of(data_dir, kind)
    layout.create()
    hold_lock(layout.lock_file)
    socket = settle_socket(layout.socket)
    layout.old_port_file.unlink(missing_ok=True)
    _rotate(layout.log_file)
    _raise_open_files()
    os.execv(binary, command_line(kind, binary, layout, socket))


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def _raise_open_files() -> None:
    """Raise the soft limit, which mongod complains about, as far as the hard one allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
