"""Ask an embedded server whether it is up."""

import asyncio
import struct
from datetime import timedelta
from pathlib import Path
from typing import Any

from sessions.embedded.kinds import MONGO, ServerKind
from sessions.embedded.layout import Layout, find_socket

_ANSWER_WITHIN = timedelta(seconds=2)


async def answering_uri(kind: ServerKind, layout: Layout) -> str | None:
    """Return the server's address, or None while it does not answer."""
    socket = await asyncio.to_thread(find_socket, layout.socket)
    if socket is None or not await _answers(kind, socket):
        return None
    return kind.uri(socket)


async def _answers(kind: ServerKind, socket: Path) -> bool:
    ping = _ping_mongo if kind is MONGO else _ping_redis
    try:
        async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
            return await ping(socket)
    except Exception:  # noqa: BLE001 - a server that starts or stops may answer anything
        return False


async def _ping_mongo(socket: Path) -> bool:
    reply = await run_command(socket, {"ping": 1, "$db": "admin"})
    return bool(reply["ok"] == 1)


async def _ping_redis(socket: Path) -> bool:
    # Imported here, so that the launcher, which does not need it, starts fast.
    from redis.asyncio import Redis

    async with Redis(unix_socket_path=str(socket)) as client:
        return bool(await client.ping())


_HEADER = struct.Struct("<iiii")
_PREFIX = struct.Struct("<IB")
_OP_MSG = 2013


async def run_command(socket: Path, command: dict[str, Any]) -> dict[str, Any]:
    """Return the reply of the mongod on this socket; raise if there is none.

    This speaks MongoDB's protocol itself: a whole client would start monitors and retry.
    """
    # Imported here, so that the launcher, which does not need it, starts fast.
    import bson

    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(_message(bson.encode(command)))
        return dict(bson.decode(await _read_body(reader)))
    finally:
        writer.close()


def _message(document: bytes) -> bytes:
    body = _PREFIX.pack(0, 0) + document
    return _HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG) + body


async def _read_body(reader: asyncio.StreamReader) -> bytes:
    length, *_ = _HEADER.unpack(await reader.readexactly(_HEADER.size))
    body = await reader.readexactly(length - _HEADER.size)
    return body[_PREFIX.size :]
