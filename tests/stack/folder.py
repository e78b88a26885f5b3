"""The folder that a stack works in: given and kept, or made and removed; one stack at a time."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderInUseError(Exception):
    """Another stack runs on this folder."""


@contextmanager
def stack_folder(given: Path | None) -> Iterator[Path]:
    """Yield the stack's folder, held for this process alone; raise `FolderInUseError`."""
    folder = given.absolute() if given else Path(tempfile.mkdtemp(prefix="chatgrow-stack-"))
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        with _held(folder):
            yield folder
    finally:
        if given is None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / "stack.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise FolderInUseError(f"Another stack runs on {folder}.") from error
    finally:
        os.close(descriptor)
