"""Ask whether an embedded server is up, and whether it is ours."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

from sessions.embedded.kinds import MONGO, ServerKind
from sessions.embedded.layout import Layout
from sessions.embedded.ports import LOOPBACK, remembered_port

_ANSWER_WITHIN = timedelta(seconds=2)


async def answering_uri(kind: ServerKind, layout: Layout) -> str | None:
    """Return the server's address, or None while it does not answer or when it is not ours."""
    port = await asyncio.to_thread(remembered_port, layout.port_file)
    if port is None or not await _listens(port):
        return None
    ask = _mongo_folder if kind is MONGO else _redis_folder
    folder = await ask(kind.uri(port))
    # Another program may have come to sit on a port that we remembered.
    if folder is None or os.path.realpath(folder) != os.path.realpath(layout.data):
        return None
    return kind.uri(port)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


# The clients are imported where they are used: the launcher, which needs neither, starts fast.


async def _mongo_folder(uri: str) -> Path | None:
    from pymongo import AsyncMongoClient
    from pymongo.errors import PyMongoError

    limit = int(_ANSWER_WITHIN.total_seconds() * 1000)
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
        uri, serverSelectionTimeoutMS=limit, connectTimeoutMS=limit, socketTimeoutMS=limit
    )
    async with client:
        try:
            options = await client.admin.command("getCmdLineOpts")
        except PyMongoError:
            return None
    return Path(options["parsed"]["storage"]["dbPath"])


async def _redis_folder(uri: str) -> Path | None:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    limit = _ANSWER_WITHIN.total_seconds()
    client = Redis.from_url(
        uri, socket_timeout=limit, socket_connect_timeout=limit, decode_responses=True
    )
    try:
        settings = await client.config_get("dir")
    except RedisError:
        return None
    finally:
        await client.aclose()
    return Path(settings["dir"])
