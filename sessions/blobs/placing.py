"""Put a restored login into a profile in one step, beside what else the profile holds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sessions.blobs.login import DEFAULT, PARTS
from sessions.encryption.disk import swap, sync_folder


class Staging:
    """A folder beside the profile in which its next `Default` is made.

    `place` exchanges the two. Whatever ends before that, a kill included, leaves the profile as it
    was; what a killed process left behind goes with the next restore.
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
        """Make the staged `Default` the profile's; its other files are carried over."""
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
    """Remove what a restore that was killed left beside the profile."""
    staging = Staging(profile).folder
    if staging.exists():
        shutil.rmtree(staging)


def _carry_over(old: Path, new: Path) -> None:
    """Link the files that are not the login into the new folder: quick, and the old one stays."""

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
