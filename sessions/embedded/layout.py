"""Where an embedded server keeps its files under the data directory."""

from dataclasses import dataclass
from pathlib import Path

from sessions.embedded.kinds import ServerKind


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
    def port_file(self) -> Path:
        """The loopback port, chosen once."""
        return self.folder / f"{self.name}.port"

    @property
    def log_file(self) -> Path:
        """What the server itself writes."""
        return self.folder / f"{self.name}.log"

    def create(self) -> None:
        """Make the folders, readable by their owner only."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700, exist_ok=True)
