"""As what a file is sent, and which types WhatsApp shows as that.

Types: WAWebMimeTypes and WAWebProcessRawMedia (dump of 2026-04-27). A voice message that is not
OGG/Opus does not play on phones; a video must be H.264 with AAC in MP4.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from sessions.media.errors import UnsuitableMediaError
from sessions.media.sniffing import Sniffed


class MediaKind(StrEnum):
    """As what a file is sent."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    VOICE = "voice"
    DOCUMENT = "document"
    STICKER = "sticker"


_AUDIO = frozenset({"audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav"})
_TYPES: Mapping[MediaKind, frozenset[str]] = MappingProxyType(
    {
        MediaKind.IMAGE: frozenset({"image/jpeg", "image/png", "image/webp"}),
        MediaKind.VIDEO: frozenset({"video/mp4"}),
        MediaKind.AUDIO: _AUDIO,
        MediaKind.VOICE: frozenset({"audio/ogg"}),
        MediaKind.STICKER: frozenset({"image/webp"}),
    }
)
"""The types of each kind; a document may be of any type."""
_NEEDS = MappingProxyType(
    {
        MediaKind.IMAGE: "a JPEG, PNG or WebP picture",
        MediaKind.VIDEO: "H.264 video with AAC audio in MP4",
        MediaKind.AUDIO: "AAC, AMR, MP3, M4A, OGG/Opus or WAV audio",
        MediaKind.VOICE: "OGG/Opus audio",
        MediaKind.STICKER: "a WebP picture",
    }
)
_CODECS: Mapping[MediaKind, frozenset[str]] = MappingProxyType(
    {
        MediaKind.VIDEO: frozenset({"avc1", "avc3", "mp4a"}),
        MediaKind.VOICE: frozenset({"opus"}),
    }
)
_H264 = frozenset({"avc1", "avc3"})


def kind_of(sniffed: Sniffed) -> MediaKind:
    """Return as what a file is sent if nobody says it: a document, if nothing else fits."""
    ways = (MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO)
    return next((each for each in ways if fits(sniffed, each)), MediaKind.DOCUMENT)


def fits(sniffed: Sniffed, kind: MediaKind) -> bool:
    """Tell whether WhatsApp shows a file of this type as this kind."""
    if kind is MediaKind.DOCUMENT:
        return True
    if sniffed.mimetype not in _TYPES[kind]:
        return False
    codecs = set(sniffed.codecs)
    if kind is MediaKind.VIDEO and not codecs & _H264:
        return False
    return kind not in _CODECS or (bool(codecs) and codecs <= _CODECS[kind])


def check_kind(sniffed: Sniffed, kind: MediaKind) -> None:
    """Raise UnsuitableMediaError unless WhatsApp shows such a file as this kind."""
    if fits(sniffed, kind):
        return
    found = sniffed.mimetype + (f" ({', '.join(sniffed.codecs)})" if sniffed.codecs else "")
    raise UnsuitableMediaError(
        f"As {kind.value} a file must be {_NEEDS[kind]}, and this one is {found}. It can be sent "
        "as a document."
    )
