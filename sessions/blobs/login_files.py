"""The files of a login in a browser's profile: which they are, and how they are replaced.

They are `Default/IndexedDB`, which holds a key that no page can export, and
`Default/Local Storage`: neither alone logs in.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sessions.blobs.errors import ProfileTooLargeError
from sessions.encryption.disk import swap, sync_folder

DEFAULT = "Default"
PARTS = ("IndexedDB", "Local Storage")
# Chromium makes these again; LOG is LevelDB's own log and differs after every start.
_LEFT_OUT = frozenset({"LOCK", "LOG", "LOG.old"})
_TABLES = frozenset({".ldb", ".sst"})
LARGEST = 200 * 1024 * 1024
_MOST_FILES = 20_000


def is_complete(profile: Path) -> bool:
    """Tell whether the profile has both parts of a login, neither of them empty or damaged."""
    try:
        return not missing_part(profile)
    except FileNotFoundError:
        return False


def login_files(profile: Path) -> Iterator[Path]:
    """Return the files of the login, sorted by name; symbolic links are left out."""
    found = (path for part in PARTS for path in (profile / DEFAULT / part).rglob("*"))
    wanted = (
        path
        for path in found
        if path.name not in _LEFT_OUT and not path.is_symlink() and path.is_file()
    )
    return iter(sorted(wanted, key=lambda path: path.relative_to(profile).as_posix()))


def is_lasting(path: Path) -> bool:
    """Tell by its path in the profile whether Chromium never changes a file once it is written."""
    return path.suffix in _TABLES or any(folder.suffix == ".blob" for folder in path.parents)


def is_login_file(name: str) -> bool:
    """Tell whether a path in an archive is that of a login's file, and stays inside the profile."""
    path = PurePosixPath(name)
    ours = path.parts[:1] == (DEFAULT,) and len(path.parts) > 2 and path.parts[1] in PARTS
    return ours and ".." not in path.parts and path.as_posix() == name


def missing_part(profile: Path) -> str | None:
    """Say what is missing in the profile; None if the login is complete."""
    for part in PARTS:
        folder = profile / DEFAULT / part
        files = [path for path in login_files(profile) if path.is_relative_to(folder)]
        if not any(path.stat().st_size for path in files):
            return f"{folder.relative_to(profile)} is missing or empty"
        if dangling := next(filter(_is_dangling, files), None):
            return f"{dangling.relative_to(profile)} names a file that is not there"
    return None


def _is_dangling(path: Path) -> bool:
    """Tell whether this is a LevelDB's CURRENT file that names a file which does not exist."""
    if path.name != "CURRENT":
        return False
    name = path.read_text(errors="replace").strip()
    return "/" in name or not name or not path.with_name(name).is_file()


class Allowance:
    """How much more one login may hold, in bytes and in files."""

    def __init__(self, limit_bytes: int) -> None:
        self._bytes = limit_bytes
        self._files = _MOST_FILES

    def takes(self, size: int) -> bool:
        """Count a file of this size; tell whether the login is still within its limits."""
        self._bytes -= size
        self._files -= 1
        return self._bytes >= 0 and self._files >= 0


def profile_too_large() -> ProfileTooLargeError:
    """Return the error for a profile that is too large to be saved."""
    return ProfileTooLargeError("The profile holds more than a session blob may.")


class Staging:
    """A folder beside the profile in which its new `Default` is prepared.

    `place` swaps the two. Until then the profile is unchanged, even if the process is killed; the
    next restore removes what a killed process has left.
    """

    def __init__(self, profile: Path) -> None:
        self._profile = profile
        self.folder = profile.with_name(f".{profile.name}.restoring")

    def __enter__(self) -> Staging:
        clear_leftovers(self._profile)
        self._profile.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        clear_leftovers(self._profile)

    def place(self) -> None:
        """Swap the prepared `Default` into the profile, and keep the profile's other files."""
        old, new = self._profile / DEFAULT, self.folder / DEFAULT
        if old.is_dir():
            _carry_over(old, new)
        _sync_folders(new)
        self._profile.mkdir(mode=0o700, exist_ok=True)
        if old.is_dir():
            swap(new, old)
        else:
            new.rename(old)
        sync_folder(self._profile)
        sync_folder(self._profile.parent)


def clear_leftovers(profile: Path) -> None:
    """Remove what a killed restore has left beside the profile."""
    staging = Staging(profile).folder
    if staging.exists():
        shutil.rmtree(staging)


def _carry_over(old: Path, new: Path) -> None:
    """Hard-link the files that are not the login into the new folder: this copies no data."""

    def login(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name in PARTS] if Path(folder) == old else []

    shutil.copytree(old, new, symlinks=True, ignore=login, copy_function=_link, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _sync_folders(top: Path) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        sync_folder(Path(folder))
