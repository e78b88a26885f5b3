"""Files are what their content is; nothing that they claim of themselves costs much to look at."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.media.errors import UnsuitableMediaError
from sessions.media.kinds import MediaKind, check_kind, fits, kind_of
from sessions.media.sniffing import UNKNOWN, Sniffed, sniff

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class Content:
    """A file whose reads are counted."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.read = 0

    async def read_at(self, offset: int, size: int) -> bytes:
        piece = self.content[offset : offset + size]
        self.read += len(piece)
        return piece


async def sniffed(content: bytes, said: str | None = None) -> Sniffed:
    return await sniff(Content(content).read_at, len(content), said)


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def track(handler: bytes, codec: bytes) -> bytes:
    described = box(b"stsd", bytes(8) + box(codec, bytes(20)))
    media = box(b"hdlr", bytes(8) + handler + bytes(12))
    media += box(b"minf", box(b"stbl", described))
    return box(b"trak", box(b"mdia", media))


def film(codecs: Iterable[tuple[bytes, bytes]], *, index_last: bool = False) -> bytes:
    index = box(b"moov", b"".join(track(handler, codec) for handler, codec in codecs))
    data = box(b"mdat", bytes(5000))
    brand = box(b"ftyp", b"isom" + bytes(8))
    return brand + (data + index if index_last else index + data)


def ogg(first_packet: bytes) -> bytes:
    return b"OggS" + bytes(24) + first_packet + bytes(100)


GOOD_FILM = film([(b"vide", b"avc1"), (b"soun", b"mp4a")])


@pytest.mark.parametrize(
    ("content", "mimetype"),
    [
        (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n png", "image/png"),
        (b"GIF89a gif", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"RIFF\x00\x00\x00\x00????", UNKNOWN),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04 archive", "application/zip"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"#!AMR\n", "audio/amr"),
        (b"\x1a\x45\xdf\xa3webm", "video/webm"),
        ("שלום, a text\n".encode(), "text/plain"),
        (("ש" * 5000).encode(), "text/plain"),
        (b"\x00\x01\x02", UNKNOWN),
        (b"\xff\xfe\xfd", UNKNOWN),
        (b"x", "text/plain"),
    ],
)
async def test_a_file_is_what_its_content_is(content: bytes, mimetype: str) -> None:
    assert await sniffed(content, "image/png") == Sniffed(mimetype)


async def test_a_sender_may_say_which_archive_it_is_and_nothing_else() -> None:
    assert (await sniffed(b"PK\x03\x04", WORD)).mimetype == WORD
    assert (await sniffed(b"PK\x03\x04", "image/png")).mimetype == "application/zip"
    assert (await sniffed(b"a,b\n1,2", "text/csv; charset=utf-8")).mimetype == "text/csv"
    assert (await sniffed(b"a,b\n1,2", WORD)).mimetype == "text/plain"


@pytest.mark.parametrize("index_last", [False, True])
async def test_the_index_of_a_film_names_its_codecs(index_last: bool) -> None:
    codecs = [(b"vide", b"hev1"), (b"soun", b"mp4a"), (b"hint", b"rtp ")]
    found = await sniffed(film(codecs, index_last=index_last))
    assert found == Sniffed("video/mp4", ("hev1", "mp4a"))


async def test_sound_alone_is_no_film() -> None:
    assert await sniffed(film([(b"soun", b"mp4a")])) == Sniffed("audio/mp4", ("mp4a",))
    assert await sniffed(ogg(b"OpusHead")) == Sniffed("audio/ogg", ("opus",))
    assert await sniffed(ogg(b"\x01vorbis")) == Sniffed("audio/ogg", ("vorbis",))
    assert await sniffed(ogg(b"\x80theora")) == Sniffed("video/ogg", ("theora",))


@pytest.mark.parametrize(
    "hostile",
    [
        struct.pack(">I", 2**31) + b"moov",
        struct.pack(">I4sQ", 1, b"moov", 2**63),
        struct.pack(">I", 0) + b"mdat",
        struct.pack(">I", 3) + b"moov",
        box(b"free", b"") * 10_000,
        box(b"moov", struct.pack(">I", 2**31) + b"trak"),
    ],
)
async def test_a_film_that_lies_about_its_sizes_is_read_a_little_only(hostile: bytes) -> None:
    file = Content(box(b"ftyp", b"isom" + bytes(8)) + hostile)
    assert await sniff(file.read_at, len(file.content)) == Sniffed("video/mp4")
    assert file.read < 20_000


@given(st.binary(max_size=300), st.booleans())
async def test_no_content_breaks_it(content: bytes, in_film: bool) -> None:
    whole = box(b"ftyp", b"isom" + bytes(8)) + box(b"moov", content) if in_film else content
    assert (await sniffed(whole)).mimetype


def _as(mimetype: str, *codecs: str) -> Sniffed:
    return Sniffed(mimetype, codecs)


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (_as("image/png"), MediaKind.IMAGE),
        (_as("video/mp4", "avc1", "mp4a"), MediaKind.VIDEO),
        (_as("video/mp4", "hev1"), MediaKind.DOCUMENT),
        (_as("audio/mpeg"), MediaKind.AUDIO),
        (_as("audio/ogg", "opus"), MediaKind.AUDIO),
        (_as("application/zip"), MediaKind.DOCUMENT),
        (_as("image/gif"), MediaKind.DOCUMENT),
    ],
)
def test_what_nobody_says_follows_from_the_type(found: Sniffed, kind: MediaKind) -> None:
    assert kind_of(found) is kind


@pytest.mark.parametrize(
    ("found", "kind", "fitting"),
    [
        (_as("audio/ogg", "opus"), MediaKind.VOICE, True),
        (_as("audio/ogg", "vorbis"), MediaKind.VOICE, False),
        (_as("audio/ogg"), MediaKind.VOICE, False),
        (_as("audio/mpeg"), MediaKind.VOICE, False),
        (_as("video/mp4", "avc1"), MediaKind.VIDEO, True),
        (_as("video/mp4", "mp4a"), MediaKind.VIDEO, False),
        (_as("video/mp4", "avc1", "ac-3"), MediaKind.VIDEO, False),
        (_as("video/quicktime", "avc1"), MediaKind.VIDEO, False),
        (_as("image/webp"), MediaKind.STICKER, True),
        (_as("image/png"), MediaKind.STICKER, False),
        (_as("application/zip"), MediaKind.IMAGE, False),
        (_as("application/zip"), MediaKind.DOCUMENT, True),
    ],
)
def test_a_kind_takes_what_whatsapp_shows_as_it(
    found: Sniffed, kind: MediaKind, fitting: bool
) -> None:
    assert fits(found, kind) is fitting
    if fitting:
        check_kind(found, kind)
    else:
        with pytest.raises(UnsuitableMediaError, match="document"):
            check_kind(found, kind)
