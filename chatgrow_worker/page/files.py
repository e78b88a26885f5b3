"""A file on this machine's disk, as the page is to send it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True)
class OutgoingFile:
    """A file that only this user can read, and how it is sent.

    `kind` is image, video, audio, voice, document or sticker.
    """

    path: Path
    kind: str
    mimetype: str
    filename: str
    prepare_within: timedelta
    """How long the page may take to prepare it; then it is not sent."""
