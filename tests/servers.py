"""A MongoDB and a Redis for many tests: started without a launcher, on files in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from sessions.embedded import MONGO, REDIS, ServerKind, ServerUris
from sessions.embedded.launch import command_line, find_binary
from sessions.embedded.layout import Layout, choose_socket, find_socket
from sessions.process.parent_death import die_with_parent
from tests.processes import alive
from tests.waiting import until_true

_MEMORY = Path("/dev/shm")
_ENOUGH = 2 * 1024**3
"""Bytes that the servers of several test processes never fill."""
_NAME = "chatgrow-tests"
_OPTIONS: Mapping[ServerKind, tuple[str, ...]] = {
    MONGO: (
        # Tests have it refuse what they choose: see `tests/refusing_mongo.py`.
        *("--setParameter", "enableTestCommands=1"),
        # No 300 MB of journal in advance; the largest command is of 48 MB.
        *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=64MB)"),
    ),
    REDIS: (),
}


@contextmanager
def both_servers(folder: Path) -> Iterator[ServerUris]:
    """Run both; their files are in memory if there is room, else in `folder`."""
    with ExitStack() as stack:
        data = stack.enter_context(_in_memory()) or folder
        mongo, redis = (stack.enter_context(_server(kind, data)) for kind in (MONGO, REDIS))
        yield ServerUris(mongo=mongo, redis=redis)


@contextmanager
def _in_memory() -> Iterator[Path | None]:
    """Yield a folder in memory, where a journal that is written through costs nothing."""
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ENOUGH:
        yield None
        return
    _remove_left()
    prefix = f"{_NAME}-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=_MEMORY) as folder:
        yield Path(folder)


def _remove_left() -> None:
    """Remove the folders of test processes that were killed: nobody else would."""
    for folder in _MEMORY.glob(f"{_NAME}-*-*"):
        owner = folder.name.split("-")[2]
        if owner.isdigit() and not alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(kind: ServerKind, data: Path) -> Iterator[str]:
    layout = Layout.of(data, kind)
    layout.create()
    socket = choose_socket(layout.socket)
    process = subprocess.Popen(
        [*command_line(kind, find_binary(kind), layout, socket), *_OPTIONS[kind]],
        stdout=subprocess.DEVNULL,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )
    try:
        until_true(lambda: find_socket(layout.socket) is not None)
        yield kind.uri(socket)
    finally:
        process.terminate()
        process.wait(30)
