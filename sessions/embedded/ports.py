"""Choose a loopback port once and remember it, so that clients of a restarted server find it."""

import os
import random
import socket
import time
from datetime import timedelta
from pathlib import Path

from sessions.embedded.errors import MissingPartError, PortHeldError

LOOPBACK = "127.0.0.1"
# Below Linux' range for outgoing connections, which could otherwise sit on a remembered port.
_CANDIDATES = range(20_000, 32_768)
_TRIES = 50
_POLL = timedelta(milliseconds=100)


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    for port in random.sample(_CANDIDATES, _TRIES):
        if is_free(port):
            return port
    raise OSError(f"no free port on {LOOPBACK} in {_TRIES} tries")


def is_free(port: int) -> bool:
    """Say whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def remembered_port(file: Path) -> int | None:
    """Return the port in this file, or None when there is none yet."""
    try:
        return int(file.read_text())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MissingPartError(
            f"{file} cannot be read ({error.strerror}): see DATA_DIR."
        ) from error
    except ValueError as error:
        raise PortHeldError(f"{file} holds no port number; remove it.") from error


def settle_port(file: Path, *, within: timedelta) -> int:
    """Return the remembered port once it is free, or choose and remember one."""
    port = remembered_port(file)
    if port is None:
        port = free_port()
        _write_atomically(file, f"{port}\n")
    _wait_until_free(port, file, within)
    return port


def _wait_until_free(port: int, file: Path, within: timedelta) -> None:
    deadline = time.monotonic() + within.total_seconds()
    while not is_free(port):
        if time.monotonic() >= deadline:
            raise PortHeldError(
                f"Port {port} on {LOOPBACK}, remembered in {file}, is held by another program. "
                "Stop that program, or remove the file to have a new port chosen."
            )
        time.sleep(_POLL.total_seconds())


def _write_atomically(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(file)
