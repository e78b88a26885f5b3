"""Back up a profile while another login is tried, until that login has worked."""

from __future__ import annotations

import shutil
from pathlib import Path

from chatgrow_worker.browser.profile_notes import ProfileNote, read_note, remove_note

_SUFFIX = ".aside"


def has_backup(profile: Path) -> bool:
    """Tell whether there is a backup of this profile."""
    return _backup(profile).is_dir()


def backup_note(profile: Path) -> ProfileNote | None:
    """Return the note of the backup."""
    return read_note(_backup(profile))


def back_up(profile: Path) -> None:
    """Turn a profile into its backup; the profile itself no longer exists then."""
    profile.rename(_backup(profile))


def restore_backup(profile: Path) -> None:
    """Replace a profile by its backup."""
    # Remove the note first: after a crash, a profile without one is replaced again.
    remove_note(profile)
    if profile.exists():
        shutil.rmtree(profile)
    _backup(profile).rename(profile)


def remove_backup(profile: Path) -> None:
    """Remove the backup of a profile, if there is one."""
    shutil.rmtree(_backup(profile), ignore_errors=True)


def names_in(root: Path) -> set[str]:
    """Return the names of the profiles in a folder, including those with only a backup."""
    names = {each.name for each in root.iterdir() if each.name.isalnum()}
    return names | {each.name[1 : -len(_SUFFIX)] for each in root.glob(f".*{_SUFFIX}")}


def _backup(profile: Path) -> Path:
    return profile.with_name(f".{profile.name}{_SUFFIX}")
