"""Where an embedded server keeps its files and its socket, which only their owner can reach."""

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sessions.embedded.kinds import MissingPartError, ServerKind

_LONGEST = 107
"""The longest path of a socket in bytes (`sun_path`, https://man7.org/linux/man-pages/man7/unix.7.html)."""
_PRIVATE = 0o700


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can enter, or change the existing one to that.

    Raises OSError if that is not possible, for example if the folder belongs to another user.
    """
    folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) & ~_PRIVATE:
        folder.chmod(_PRIVATE)


def choose_socket(place: Path) -> Path:
    """Return the path for the server to listen on; only the holder of its lock may call this.

    That is `place`. If `place` is too long or has a comma, it becomes a link to a socket in a
    private temporary folder. Raises MissingPartError if that path is too long, too.
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
    """Return the socket that `place` is or links to; None if there is none of our own.

    Raises MissingPartError if the folder cannot be read.
    """
    try:
        socket = place.readlink() if place.is_symlink() else place
        # Temporary folders get removed; then another user could make one of the same name.
        ours = socket == place or _is_private(socket.parent, place.parent)
        return socket if ours and stat.S_ISSOCK(socket.stat().st_mode) else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MissingPartError(
            f"{place} cannot be read ({error.strerror}): see DATA_DIR."
        ) from error


def _can_be_bound(socket: Path) -> bool:
    # mongod splits its addresses at commas.
    return len(os.fsencode(socket)) <= _LONGEST and "," not in str(socket)


def _is_private(folder: Path, beside: Path) -> bool:
    """Tell whether only the owner of `beside` can enter a folder."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    private = stat.S_ISDIR(found.st_mode) and not stat.S_IMODE(found.st_mode) & ~_PRIVATE
    return private and found.st_uid == beside.stat().st_uid


@dataclass(frozen=True)
class Layout:
    """The files of one embedded server."""

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
        """The file that is locked as long as a server runs on `data`."""
        return self.folder / f"{self.name}.lock"

    @property
    def socket(self) -> Path:
        """The socket that the server listens on, or a link to it."""
        # A real path: the same socket, whatever links lead to the folder.
        return Path(os.path.realpath(self.folder)) / f"{self.name}.sock"

    @property
    def old_port_file(self) -> Path:
        """The file in which earlier versions kept their loopback port."""
        return self.folder / f"{self.name}.port"

    @property
    def starts_file(self) -> Path:
        """The file that is touched at each start and counts those that ended soon."""
        return self.folder / f"{self.name}.starts"

    @property
    def refusal_file(self) -> Path:
        """The file in which a launcher says why the server can never start."""
        return self.folder / f"{self.name}.refused"

    @property
    def log_file(self) -> Path:
        """The server's own log."""
        return self.folder / f"{self.name}.log"

    def create(self) -> None:
        """Make the folders, or make those of earlier versions private."""
        make_private(self.folder)
        make_private(self.data)

    def note_refusal(self, supervisor: str, reason: str) -> None:
        """Leave the reason for programs of the same supervisor that wait for the server."""
        make_private(self.folder)
        self.refusal_file.write_text(f"{supervisor}\n{reason}", encoding="utf-8")

    def refusal(self, supervisor: str) -> str | None:
        """Return why the server cannot start; None if this supervisor's launcher has not said."""
        try:
            by, _, reason = self.refusal_file.read_text(encoding="utf-8").partition("\n")
        except OSError:
            return None
        return reason if by == supervisor else None
