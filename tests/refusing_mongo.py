"""A MongoDB that can be told to refuse what it is asked, by its own fail points."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessions.embedded import MONGO
from sessions.embedded.launch import command_line, find_binary
from sessions.embedded.layout import Layout, choose_socket
from sessions.process.parent_death import die_with_parent

if TYPE_CHECKING:
    from sessions.storage.mongo import Database


@contextmanager
def refusing_mongo(data: Path) -> Iterator[str]:
    """Run a MongoDB that takes fail points; yield its address."""
    layout = Layout.of(data, MONGO)
    layout.create()
    socket = choose_socket(layout.socket)
    options = command_line(MONGO, find_binary(MONGO), layout, socket)
    process = subprocess.Popen(
        [*options, "--setParameter", "enableTestCommands=1"],
        stdout=subprocess.DEVNULL,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )
    try:
        yield MONGO.uri(socket)
    finally:
        process.terminate()
        process.wait(30)


@asynccontextmanager
async def refusing(
    database: Database, command: str, collection: str, times: int = 1000, **how: Any
) -> AsyncIterator[None]:
    """Let a command on a collection fail so many times, as `failCommand` has it.

    https://github.com/mongodb/mongo/wiki/The-%22failCommand%22-fail-point
    """
    data = {"failCommands": [command], "namespace": f"{database.name}.{collection}", **how}
    await _fail(database, mode={"times": times}, data=data)
    try:
        yield
    finally:
        await _fail(database, mode="off")


async def _fail(database: Database, **how: Any) -> None:
    await database.client.admin.command({"configureFailPoint": "failCommand", **how})
