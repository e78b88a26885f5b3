"""Our own files in a browser's profile: the generation of its login, and its newest localStorage.

Chromium writes localStorage with a delay of seconds. A killed browser leaves an outdated one, and
even a closed browser may: on a busy machine, one of about seventy had not written changes that were
1.5 s old. So the page's localStorage is dumped to a file, from which it can be restored.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

_NOTE = "session.json"
_DUMP = "local_storage.json"


class ProfileNote(BaseModel):
    """The lease generation in which the profile was last logged in."""

    model_config = ConfigDict(frozen=True)

    generation: int


def read_note(profile: Path) -> ProfileNote | None:
    """Return the note of a profile; None if it was never logged in here."""
    try:
        return ProfileNote.model_validate_json((profile / _NOTE).read_bytes())
    except (OSError, ValidationError):
        return None


def write_note(profile: Path, note: ProfileNote) -> None:
    """Write a note durably."""
    _write(profile / _NOTE, note.model_dump_json())


def remove_note(profile: Path) -> None:
    """Remove the note, before another login is put into the profile."""
    (profile / _NOTE).unlink(missing_ok=True)


def read_dump(profile: Path) -> dict[str, str] | None:
    """Return the newest dump of localStorage; None if there is no valid one."""
    try:
        dump = json.loads((profile / _DUMP).read_bytes())
    except (OSError, ValueError):
        return None
    return dump if isinstance(dump, dict) else None


def write_dump(profile: Path, dump: dict[str, str]) -> None:
    """Write a dump of localStorage durably; it is a credential."""
    _write(profile / _DUMP, json.dumps(dump))


def remove_dump(profile: Path) -> None:
    """Remove the dump of localStorage, which belongs to an earlier login."""
    (profile / _DUMP).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Replace a file atomically and durably; only we may read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
