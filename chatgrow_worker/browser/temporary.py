"""The worker's own temporary folder, in which killed browsers and drivers leave files."""

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
    """Give this process and its children a temporary folder, and remove it at the end.

    Its name is stored in `root`, which we must own: the next start removes the folder of a killed
    worker. It has a short path outside `root`, since Chromium puts sockets there, whose paths may
    have at most 108 bytes.
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
    """Remove everything in the folder; no process may use it."""
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
