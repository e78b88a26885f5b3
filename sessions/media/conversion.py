"""Which files can be converted into what WhatsApp plays, and why a conversion fails.

How is in `ffmpeg.py`. Only what we have recognised by its content is given to ffmpeg, and always
with the name of its format: ffmpeg must not guess, since some formats name other files to open.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sessions.common.errors import DomainError
from sessions.media.kinds import MediaKind, fits
from sessions.media.sniffing import Sniffed

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "audio/aac": "aac",
        "audio/amr": "amr",
        "audio/flac": "flac",
        "audio/mp4": "mov",
        "audio/mpeg": "mp3",
        "audio/ogg": "ogg",
        "audio/wav": "wav",
        "video/mp4": "mov",
        "video/ogg": "ogg",
        "video/quicktime": "mov",
        "video/webm": "matroska",
        "video/x-msvideo": "avi",
    }
)
"""ffmpeg's names of the formats that are converted, by the type that their content shows."""
_FILMS = frozenset(each for each in FORMATS if each.startswith("video/"))
_SOURCES: Mapping[MediaKind, frozenset[str]] = MappingProxyType(
    {
        MediaKind.VOICE: frozenset(FORMATS),
        MediaKind.AUDIO: frozenset(FORMATS),
        MediaKind.VIDEO: _FILMS,
    }
)
"""The types from which each kind is made; of a film as sound, the sound is taken."""
SUFFIXES: Mapping[MediaKind, str] = MappingProxyType(
    {MediaKind.VOICE: ".ogg", MediaKind.AUDIO: ".m4a", MediaKind.VIDEO: ".mp4"}
)
"""What the name of a converted file ends with."""


class MediaNotConvertedError(DomainError):
    """The file could not be converted: it is damaged, or lacks the sound or the pictures."""

    code = "media_not_converted"

    def __init__(self, kind: MediaKind) -> None:
        super().__init__(f"The file could not be converted to be sent as {kind.value}.")


class ConversionTimedOutError(DomainError):
    """The conversion took longer than it may."""

    code = "conversion_timed_out"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The file could not be converted within {seconds:g} seconds.")


def can_convert(sniffed: Sniffed, kind: MediaKind) -> bool:
    """Tell whether a file that does not fit a kind can be converted to fit it."""
    return not fits(sniffed, kind) and sniffed.mimetype in _SOURCES.get(kind, ())
