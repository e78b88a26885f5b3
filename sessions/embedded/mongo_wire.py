"""Ask a starting mongod one question, without the monitors and the retries of a whole client."""

import asyncio
import struct
from pathlib import Path
from typing import Any

_HEADER = struct.Struct("<iiii")
_PREFIX = struct.Struct("<IB")
_OP_MSG = 2013


async def run_command(socket: Path, command: dict[str, Any]) -> dict[str, Any]:
    """Return the reply of the mongod on this socket; raise when there is none."""
    # Imported here: the launcher, which does not need it, starts fast.
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
