"""Real MongoDB and Redis servers from wheels, on Unix sockets, for machines that have none."""

from sessions.embedded.kinds import MONGO, REDIS, EmbeddedServerError, MissingPartError, ServerKind
from sessions.embedded.servers import Mode, ServerUris, embedded_servers

__all__ = [
    "MONGO",
    "REDIS",
    "EmbeddedServerError",
    "MissingPartError",
    "Mode",
    "ServerKind",
    "ServerUris",
    "embedded_servers",
]
