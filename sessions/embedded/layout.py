"""Where an embedded server keeps its files and its socket, which only their owner can reach."""

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sessions.embedded.kinds import MissingPartError, ServerKind

_LONGEST = 107
"""Bytes of a socket's path that Linux takes (`sun_path`, https://man7.org/linux/man-pages/man7/unix.7.html)."""
_PRIVATE = 0o700


def make_private(folder: Path) -> None:
    """Make a folder that others cannot enter, or shut them out of the one that is there.

    Raises `OSError` where that cannot be done, as with a folder that belongs to another user.
    """
    folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) & ~_PRIVATE:
        folder.chmod(_PRIVATE)


def settle_socket(place: Path) -> Path:
    """Return the path that the server shall listen on; only who holds its lock may call this.

    That is `place`. Where that cannot be a socket's path, `place` becomes a link to one in a
    private folder for temporary files. Raises `MissingPartError` when that is no way out either.
    """
    if _can_be_bound(place):
        if place.is_symlink():
            place.unlink()
        return place
    if place.is_symlink() and _is_private(place.readlink().parent, place.parent):
        return place.readlink()
    socket = Path(tempfile.mkdtemp(prefix="chatgrow-")) / place.name
    if not _can_be_bound(socket):
        raise MissingPartError(
            f"{place} is too long for a socket (at most {_LONGEST} bytes), and so is {socket}: "
            "choose a shorter DATA_DIR or TMPDIR."
        )
    place.unlink(missing_ok=True)
    place.symlink_to(socket)
    return socket


def find_socket(place: Path) -> Path | None:
    """Return the socket that `place` is or links to, or None when there is none that is ours.

    Raises `MissingPartError` when the folder cannot be read.
    """
    try:
        socket = place.readlink() if place.is_symlink() else place
        # Folders for temporary files are emptied, and then anybody may make one of that name.
        ours = socket == place or _is_private(socket.parent, place.parent)
        return socket if ours and stat.S_ISSOCK(socket.stat().st_mode) else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MissingPartError(
            f"{place} cannot be read ({error.strerror}): see DATA_DIR."
        ) from error


def _can_be_bound(socket: Path) -> bool:
    # mongod takes a comma for the end of an address.
    return len(os.fsencode(socket)) <= _LONGEST and "," not in str(socket)


def _is_private(folder: Path, beside: Path) -> bool:
    """Tell whether a folder belongs to whom `beside` does, and shuts out all others."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    private = stat.S_ISDIR(found.st_mode) and not stat.S_IMODE(found.st_mode) & ~_PRIVATE
    return private and found.st_uid == beside.stat().st_uid


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
