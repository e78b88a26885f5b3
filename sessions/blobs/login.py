"""What of a browser's profile is the login.

`Default/IndexedDB`, with a key that no page can export, and `Default/Local Storage`: neither alone
logs in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

DEFAULT = "Default"
PARTS = ("IndexedDB", "Local Storage")
# Chromium makes these anew; LOG is the diary of LevelDB and differs after every start.
_LEFT_OUT = frozenset({"LOCK", "LOG", "LOG.old"})
_TABLES = frozenset({".ldb", ".sst"})


def is_complete(profile: Path) -> bool:
    """Tell whether the profile has both parts of a login, neither empty nor torn."""
    try:
        return not lacking(profile)
    except FileNotFoundError:
        return False


def login_files(profile: Path) -> Iterator[Path]:
    """Return what belongs to the login, in the order of the names; links are left out."""
    found = (path for part in PARTS for path in (profile / DEFAULT / part).rglob("*"))
    wanted = (
        path
        for path in found
        if path.name not in _LEFT_OUT and not path.is_symlink() and path.is_file()
    )
    return iter(sorted(wanted, key=lambda path: path.relative_to(profile).as_posix()))


def is_lasting(path: Path) -> bool:
    """Tell whether Chromium writes a file once and never changes it, by its path in the profile."""
    return path.suffix in _TABLES or any(folder.suffix == ".blob" for folder in path.parents)


def belongs(name: str) -> bool:
    """Tell whether a name is one that a file of a login may have, and reaches nowhere else."""
    path = PurePosixPath(name)
    ours = path.parts[:1] == (DEFAULT,) and len(path.parts) > 2 and path.parts[1] in PARTS
    return ours and ".." not in path.parts and path.as_posix() == name


def lacking(profile: Path) -> str | None:
    """Say what the profile lacks, or None."""
    for part in PARTS:
        folder = profile / DEFAULT / part
        files = [path for path in login_files(profile) if path.is_relative_to(folder)]
        if not any(path.stat().st_size for path in files):
            return f"{folder.relative_to(profile)} is missing or empty"
        if torn := next(filter(_is_torn, files), None):
            return f"{torn.relative_to(profile)} names a file that is not there"
    return None


def _is_torn(path: Path) -> bool:
    """Tell whether this is the pointer of a LevelDB that points to nothing."""
    if path.name != "CURRENT":
        return False
    name = path.read_text(errors="replace").strip()
    return "/" in name or not name or not path.with_name(name).is_file()
