"""A profile that gave way to another login, kept until that one has shown that it works."""

from __future__ import annotations

import shutil
from pathlib import Path

from chatgrow_worker.browser.profile_notes import ProfileNote, read_note, remove_note

_SUFFIX = ".aside"


def has_backup(profile: Path) -> bool:
    """Tell whether a profile of this connection is set aside."""
    return _backup(profile).is_dir()


def backup_note(profile: Path) -> ProfileNote | None:
    """Return the note of the profile that is set aside."""
    return read_note(_backup(profile))


def back_up(profile: Path) -> None:
    """Move a profile out of the way of another login; nothing is there then."""
    profile.rename(_backup(profile))


def restore_backup(profile: Path) -> None:
    """Put what was set aside in the profile's place."""
    # The note first: a crash leaves a profile without one, for which this is done again.
    remove_note(profile)
    if profile.exists():
        shutil.rmtree(profile)
    _backup(profile).rename(profile)


def remove_backup(profile: Path) -> None:
    """Remove what was set aside, if anything was."""
    shutil.rmtree(_backup(profile), ignore_errors=True)


def names_in(root: Path) -> set[str]:
    """Return the names of the profiles in a folder, those that are set aside too."""
    names = {each.name for each in root.iterdir() if each.name.isalnum()}
    return names | {each.name[1 : -len(_SUFFIX)] for each in root.glob(f".*{_SUFFIX}")}


def _backup(profile: Path) -> Path:
    return profile.with_name(f".{profile.name}{_SUFFIX}")
