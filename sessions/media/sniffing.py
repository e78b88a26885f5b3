"""Recognise files by their content: neither a name nor what a sender says is believed.

Nothing is decompressed or decoded, and only bounded pieces are read, so a file that lies about its
sizes costs nothing. Signatures: https://mimesniff.spec.whatwg.org and the formats' own documents.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

ReadAt = Callable[[int, int], Awaitable[bytes]]
"""Return at most this many bytes from an offset on; fewer at the end of the file."""

UNKNOWN = "application/octet-stream"
_ZIP = "application/zip"
_TEXT = "text/plain"
_HEAD = 4096
_MOST_BOXES = 256
"""A film has a few boxes on each level; more are not looked at."""
_LARGEST_INDEX = 8 * 1024 * 1024
"""Bytes of an MP4's index; that of a film of 64 MiB has less than 1 MiB."""

_OFFICE = "application/vnd.openxmlformats-officedocument."
_INSIDE_ZIP = frozenset(
    {
        f"{_OFFICE}wordprocessingml.document",
        f"{_OFFICE}spreadsheetml.sheet",
        f"{_OFFICE}presentationml.presentation",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
        "application/epub+zip",
        "application/vnd.android.package-archive",
        "application/java-archive",
    }
)
"""Types that are ZIP archives: their content does not tell them apart, so the sender may."""
_INSIDE_OLE = frozenset(
    {"application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"}
)
_INSIDE_TEXT = frozenset(
    {"text/csv", "text/calendar", "text/vcard", "text/markdown", "application/json", "text/html"}
)
_MAY_BE_CALLED = {_ZIP: _INSIDE_ZIP, "application/x-ole-storage": _INSIDE_OLE, _TEXT: _INSIDE_TEXT}

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", _ZIP),
    (0, b"PK\x05\x06", _ZIP),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"OggS", "audio/ogg"),
    (4, b"ftyp", "video/mp4"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
}
_OGG_PACKETS = ((b"OpusHead", "opus"), (b"\x01vorbis", "vorbis"), (b"\x80theora", "theora"))
_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


@dataclass(frozen=True)
class Sniffed:
    """What a file is: its type, and for films and sound the codecs, as far as they are known."""

    mimetype: str
    codecs: tuple[str, ...] = ()


async def sniff(read_at: ReadAt, size: int, said: str | None = None) -> Sniffed:
    """Recognise a file of this size.

    What the sender has said counts only where the content is a container that says no more, such
    as a ZIP archive that may be a Word document.
    """
    head = await read_at(0, min(size, _HEAD))
    mimetype = _type_of(head)
    if mimetype == "audio/ogg":
        return _ogg(head)
    if head[4:8] == b"ftyp" and not mimetype.startswith("image/"):
        return await _mp4(read_at, size, mimetype)
    said = (said or "").partition(";")[0].strip().lower()
    return Sniffed(said if said in _MAY_BE_CALLED.get(mimetype, ()) else mimetype)


def _type_of(head: bytes) -> str:
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], UNKNOWN)
    for offset, signature, mimetype in _SIGNATURES:
        if head.startswith(signature, offset):
            return _BRANDS.get(head[8:12], mimetype) if signature == b"ftyp" else mimetype
    if _is_mpeg_audio(head):
        return "audio/aac" if head[1] & 0x06 == 0 else "audio/mpeg"
    return _TEXT if _is_text(head) else UNKNOWN


def _is_mpeg_audio(head: bytes) -> bool:
    """Tell whether a file begins with a frame of MP3 or, with layer 0, of AAC (ADTS)."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    if head[1] & 0x06 == 0:
        return head[1] & 0xF0 == 0xF0
    return head[1] & 0x18 != 0x08 and head[2] & 0xF0 != 0xF0 and head[2] & 0x0C != 0x0C


def _is_text(head: bytes) -> bool:
    if any(byte < 0x20 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return False
    try:
        # The head may end inside a character.
        head[: len(head) - 3 if len(head) == _HEAD else None].decode()
    except UnicodeDecodeError as error:
        return len(head) == _HEAD and error.start >= len(head) - 6
    return bool(head)


def _ogg(head: bytes) -> Sniffed:
    """Return the codecs of the streams of an OGG file, which its first pages name."""
    codecs = tuple(name for packet, name in _OGG_PACKETS if packet in head)
    return Sniffed("video/ogg" if "theora" in codecs else "audio/ogg", codecs)


async def _mp4(read_at: ReadAt, size: int, mimetype: str) -> Sniffed:
    """Return the codecs of an MP4 file, which its index (`moov`) names, wherever that is."""
    index = await _index_of(read_at, size)
    codecs = tuple(dict.fromkeys(_codecs(index)))
    if mimetype == "video/mp4" and codecs == ("mp4a",):
        return Sniffed("audio/mp4", codecs)
    return Sniffed(mimetype, codecs)


async def _index_of(read_at: ReadAt, size: int) -> bytes:
    """Return the content of the box `moov`; nothing if there is none, or an absurd one."""
    at = 0
    for _ in range(_MOST_BOXES):
        header = await read_at(at, 16)
        box = _box(header, size - at)
        if box is None:
            return b""
        name, begins, length = box
        if name == b"moov":
            fits = length <= _LARGEST_INDEX
            return await read_at(at + begins, length - begins) if fits else b""
        at += length
    return b""


def _box(header: bytes, left: int) -> tuple[bytes, int, int] | None:
    """Return a box's name, where its content begins, and its length; None if it cannot be."""
    if len(header) < 8:
        return None
    length, name, begins = int.from_bytes(header[:4], "big"), header[4:8], 8
    if length == 1:
        length, begins = int.from_bytes(header[8:16], "big"), 16
    elif length == 0:
        length = left
    return (name, begins, length) if begins <= length <= left else None


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MOST_BOXES):
        box = _box(content[at : at + 16], len(content) - at)
        if box is None:
            return
        name, begins, length = box
        yield name, content[at + begins : at + length]
        at += length


def _codecs(index: bytes, depth: int = 0) -> Iterator[str]:
    """Yield the codecs of the tracks with pictures or sound, from their sample descriptions."""
    for name, content in _boxes(index):
        if name in _CONTAINERS and depth < len(_CONTAINERS):
            if name != b"mdia" or _handler(content) in (b"vide", b"soun"):
                yield from _codecs(content, depth + 1)
        elif name == b"stsd":
            yield from (each.decode("latin-1") for each, _ in _boxes(content[8:]))


def _handler(media: bytes) -> bytes:
    """Return what kind of track this is (the box `hdlr`)."""
    return next((content[8:12] for name, content in _boxes(media) if name == b"hdlr"), b"")
