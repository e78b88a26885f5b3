"""Where an embedded server keeps its files under the data directory."""

import os
from dataclasses import dataclass
from pathlib import Path

from sessions.embedded.kinds import ServerKind
from sessions.embedded.sockets import make_private


@dataclass(frozen=True)
class Layout:
    """The files of one embedded server; nothing else writes there."""

    folder: Path
    name: str

    @classmethod
    def of(cls, data_dir: Path, kind: ServerKind) -> "Layout":
        """Return the layout of this kind of server under the data directory."""
        return cls(data_dir.absolute() / "embedded", kind.name)

    @property
    def data(self) -> Path:
        """The server's own data."""
        return self.folder / self.name

    @property
    def lock_file(self) -> Path:
        """Locked for exactly as long as a server runs on `data`."""
        return self.folder / f"{self.name}.lock"

    @property
    def socket(self) -> Path:
        """What the server listens on, or a link to it."""
        # Every name of a folder leads to the same socket.
        return Path(os.path.realpath(self.folder)) / f"{self.name}.sock"

    @property
    def old_port_file(self) -> Path:
        """Where earlier versions kept the loopback port that they listened on."""
        return self.folder / f"{self.name}.port"

    @property
    def log_file(self) -> Path:
        """What the server itself writes."""
        return self.folder / f"{self.name}.log"

    def create(self) -> None:
        """Make the folders, or take those of earlier versions; their owner alone may enter them."""
        make_private(self.folder)
        make_private(self.data)
