"""What we keep beside a browser's own files in a profile: whose it is, and its newest localStorage.

Chromium writes localStorage seconds late, so a killed browser leaves a stale one, and one that is
closed in order may, too: on a busy machine one in some seventy had not written what was 1.5 s old.
The dump that is taken through the page puts it right.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

_NOTE = "session.json"
_DUMP = "local_storage.json"


class ProfileNote(BaseModel):
    """The lease generation under which the profile was last logged in."""

    model_config = ConfigDict(frozen=True)

    generation: int


def read_note(profile: Path) -> ProfileNote | None:
    """Return the note of a profile that was logged in here, or None."""
    try:
        return ProfileNote.model_validate_json((profile / _NOTE).read_bytes())
    except (OSError, ValidationError):
        return None


def write_note(profile: Path, note: ProfileNote) -> None:
    """Keep a note durably."""
    _write(profile / _NOTE, note.model_dump_json())


def remove_note(profile: Path) -> None:
    """Remove the note: what is in the profile from now on is another login."""
    (profile / _NOTE).unlink(missing_ok=True)


def read_dump(profile: Path) -> dict[str, str] | None:
    """Return the newest dump of localStorage, or None when there is none that is whole."""
    try:
        dump = json.loads((profile / _DUMP).read_bytes())
    except (OSError, ValueError):
        return None
    return dump if isinstance(dump, dict) else None


def write_dump(profile: Path, dump: dict[str, str]) -> None:
    """Keep a dump of localStorage durably; it is a credential."""
    _write(profile / _DUMP, json.dumps(dump))


def remove_dump(profile: Path) -> None:
    """Remove the dump of localStorage: it belongs to a login that is not there any more."""
    (profile / _DUMP).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Replace a file so that a crash leaves the old one or the new one, readable by us only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
