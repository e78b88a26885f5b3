"""Have the tests' MongoDB refuse what it is asked, by its own fail points."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessions.storage.mongo import Database


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
