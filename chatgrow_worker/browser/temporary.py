"""A temporary folder of the worker's own: a killed browser or driver leaves things there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sessions.process.child_environment import child_environment

_REMEMBERED = ".temporary"


@contextmanager
def own_temporary_folder(root: Path) -> Iterator[Path]:
    """Give this process and its children a temporary folder, removed at the end.

    Only for the owner of `root`, where its name is kept: what a killed predecessor left is removed
    at the next start. The folder itself has a short name elsewhere, since Chromium puts sockets
    there, whose paths have a limit of 108 bytes.
    """
    remembered = root / _REMEMBERED
    _remove_earlier(remembered)
    folder = Path(tempfile.mkdtemp(prefix="chatgrow-"))
    remembered.write_text(str(folder))
    try:
        with child_environment({"TMPDIR": str(folder)}):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        remembered.unlink(missing_ok=True)


def empty(folder: Path) -> None:
    """Remove what is in the folder: nobody who uses it lives."""
    for left in folder.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _remove_earlier(remembered: Path) -> None:
    try:
        earlier = Path(remembered.read_text())
    except OSError:
        return
    if earlier.name.startswith("chatgrow-") and earlier.is_absolute():
        shutil.rmtree(earlier, ignore_errors=True)
