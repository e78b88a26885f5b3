"""The command lines of the servers: Unix sockets only, durable, small."""

from pathlib import Path

from sessions.embedded.kinds import MONGO, ServerKind
from sessions.embedded.layout import Layout


def command_line(kind: ServerKind, binary: Path, layout: Layout, socket: Path) -> list[str]:
    """Return what to exec for a server of this kind."""
    options = _mongod_options if kind is MONGO else _redis_options
    return [str(binary), *options(layout, socket)]


def _mongod_options(layout: Layout, socket: Path) -> list[str]:
    return [
        *("--dbpath", str(layout.data)),
        # No port, which every local user could reach; nor the second socket that it makes in /tmp.
        *("--bind_ip", str(socket), "--nounixsocket"),
        *("--wiredTigerCacheSizeGB", "0.25"),
        *("--logpath", str(layout.log_file), "--logappend"),
        # A slow operation is logged with what it looks for: chats, that is phone numbers.
        *("--slowms", "86400000"),
        # Metrics for MongoDB's own support; up to 200 MB of disk for nobody.
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]


def _redis_options(layout: Layout, socket: Path) -> list[str]:
    return [
        *("--dir", str(layout.data)),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--logfile", str(layout.log_file)),
    ]
