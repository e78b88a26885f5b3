"""Loopback ports for the servers that tests start."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below Linux' range for outgoing connections, which could otherwise sit on a chosen port.
CANDIDATES = range(20_000, 32_768)
_TRIES = 50


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return different loopback ports that nobody listens on."""
    found = [port for port in random.sample(CANDIDATES, _TRIES) if is_free(port)][:count]
    if len(found) < count:
        raise OSError(f"no {count} free ports on {LOOPBACK} in {_TRIES} tries")
    return found


def is_free(port: int) -> bool:
    """Say whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
