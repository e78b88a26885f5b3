"""Ask whether an embedded server is up, and whether it is ours."""

import asyncio
import os
from datetime import timedelta

from sessions.embedded.kinds import MONGO, ServerKind
from sessions.embedded.layout import Layout
from sessions.embedded.mongo_wire import run_command
from sessions.embedded.ports import LOOPBACK, remembered_port

_ANSWER_WITHIN = timedelta(seconds=2)


async def answering_uri(kind: ServerKind, layout: Layout) -> str | None:
    """Return the server's address, or None while it does not answer or when it is not ours."""
    port = await asyncio.to_thread(remembered_port, layout.port_file)
    if port is None:
        return None
    folder = await _folder(kind, port)
    # Another program may have come to sit on a port that we remembered.
    if folder is None or os.path.realpath(folder) != os.path.realpath(layout.data):
        return None
    return kind.uri(port)


async def _folder(kind: ServerKind, port: int) -> str | None:
    """Return the folder that the server on this port says it keeps its data in."""
    ask = _mongo_folder if kind is MONGO else _redis_folder
    try:
        async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
            return await ask(port)
    except Exception:  # noqa: BLE001 - a stranger may answer anything; it is not ours then
        return None


async def _mongo_folder(port: int) -> str:
    reply = await run_command(port, {"getCmdLineOpts": 1, "$db": "admin"})
    return str(reply["parsed"]["storage"]["dbPath"])


async def _redis_folder(port: int) -> str:
    # Imported here: the launcher, which does not need it, starts fast.
    from redis.asyncio import Redis

    async with Redis(host=LOOPBACK, port=port, decode_responses=True) as client:
        return str((await client.config_get("dir"))["dir"])
