"""Loopback ports for the servers that tests start."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below Linux' range for outgoing connections, which could otherwise sit on a chosen port.
_CANDIDATES = range(20_000, 32_768)
_TRIES = 50


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
