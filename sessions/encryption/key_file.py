"""Secrets in files: made once where no setting gives them, readable by their owner only."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from sessions.common.errors import ConfigurationError
from sessions.encryption.disk import sync_folder

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_LARGEST = 64 * 1024


def read_or_make(path: Path, new: str) -> str:
    """Return the content of the key file; if there is none, first make one that holds `new`.

    Raises ConfigurationError.
    """
    try:
        if not path.exists():
            _make(path, new)
        return _read(path)
    except OSError as error:
        raise ConfigurationError(
            f"The key file {path} cannot be used: {error.strerror or error}."
        ) from error


def _make(path: Path, text: str) -> None:
    """Make the file atomically; if two processes race, the first one's key stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".session.key-", dir=path.parent)  # mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
    sync_folder(path.parent)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"The key file {path} is not a file.")
        if status.st_mode & _OTHERS:
            raise ConfigurationError(
                f"The key file {path} is open to others than its owner: make a new key, or "
                f"`chmod 600 {path}` if nobody can have read it."
            )
        return file.read(_LARGEST).decode("ascii", errors="replace").strip()
