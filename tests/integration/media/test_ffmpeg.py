"""What the real ffmpeg makes of real and of hostile files."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sessions.media.conversion import (
    ConversionTimedOutError,
    MediaNotConvertedError,
    can_convert,
)
from sessions.media.ffmpeg import ConversionLimits, Ffmpeg, find_ffmpeg
from sessions.media.kinds import MediaKind, fits
from sessions.media.sniffing import Sniffed, sniff
from tests.builders import Stores
from tests.integration.media.converting import MIB, Converting

pytestmark = pytest.mark.slow

SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:duration=1")
FILM = ("-f", "lavfi", "-i", "testsrc2=size=322x242:rate=15:duration=1")
LARGE = ("-f", "lavfi", "-i", "testsrc2=size=1922x1082:rate=5:duration=1")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p")
SOUNDS = {
    "a.mp3": SOUND,
    "a.wav": SOUND,
    "a.flac": SOUND,
    "a.aac": SOUND,
    "a.m4a": SOUND,
    "a.ogg": (*SOUND, "-c:a", "libvorbis"),
    "stereo.ogg": (*SOUND, "-c:a", "flac", "-ac", "2"),
}
FILMS = {
    "a.webm": (*FILM, *SOUND, "-c:v", "libvpx", "-c:a", "libopus"),
    "a.mkv": (*FILM, *SOUND, *H264, "-c:a", "libmp3lame"),
    "a.mov": (*LARGE, *SOUND, *H264, "-c:a", "pcm_s16le"),
    "a.avi": (*FILM, *SOUND, "-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "hevc.mp4": (*FILM, "-c:v", "libx265", "-x265-params", "log-level=none"),
}


def _made(path: Path, *arguments: str) -> Path:
    """Have ffmpeg make a file."""
    words = [str(find_ffmpeg()), "-nostdin", "-loglevel", "error", *arguments, str(path)]
    subprocess.run(words, check=True, timeout=60)
    return path


def _probed(path: Path) -> dict[str, Any]:
    words = ["ffprobe", "-loglevel", "error", "-show_streams", "-show_format", "-of", "json"]
    done = subprocess.run([*words, str(path)], check=True, capture_output=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def _sniffed(path: Path) -> Sniffed:
    content = path.read_bytes()

    async def read_at(offset: int, size: int) -> bytes:
        return content[offset : offset + size]

    return await sniff(read_at, len(content))


def _ffmpeg(seconds: float = 60, largest: int = 8 * MIB) -> Ffmpeg:
    return Ffmpeg(find_ffmpeg(), ConversionLimits(timedelta(seconds=seconds), largest))


async def _converted(path: Path, kind: MediaKind, ffmpeg: Ffmpeg | None = None) -> Path:
    sniffed = await _sniffed(path)
    assert can_convert(sniffed, kind), sniffed
    target = path.with_name("converted")
    await (ffmpeg or _ffmpeg()).convert(path, sniffed, target, kind)
    assert fits(await _sniffed(target), kind), await _sniffed(target)
    return target


@pytest.mark.parametrize("name", [*SOUNDS, "a.webm"])
async def test_sound_becomes_a_voice_message(tmp_path: Path, name: str) -> None:
    source = _made(tmp_path / name, *(SOUNDS | FILMS)[name])
    found = _probed(await _converted(source, MediaKind.VOICE))
    [stream] = found["streams"]
    assert (stream["codec_name"], stream["channels"]) == ("opus", 1)
    assert 0.9 < float(found["format"]["duration"]) < 1.2


async def test_sound_becomes_aac(tmp_path: Path) -> None:
    source = _made(tmp_path / "a.flac", *SOUND)
    [stream] = _probed(await _converted(source, MediaKind.AUDIO))["streams"]
    assert stream["codec_name"] == "aac"


@pytest.mark.parametrize("name", FILMS)
async def test_a_film_becomes_h264_that_browsers_play(tmp_path: Path, name: str) -> None:
    source = _made(tmp_path / name, *FILMS[name])
    target = await _converted(source, MediaKind.VIDEO)
    found = _probed(target)
    pictures = found["streams"][0]
    assert (pictures["codec_name"], pictures["pix_fmt"]) == ("h264", "yuv420p")
    assert max(pictures["width"], pictures["height"]) <= 1280
    assert [each["codec_name"] for each in found["streams"][1:]] in ([], ["aac"])
    assert 0.9 < float(found["format"]["duration"]) < 1.3
    # The index comes first, so that it plays while it is loaded.
    content = target.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize(
    ("name", "kind", "made", "keep"),
    [
        ("cut.avi", MediaKind.VIDEO, FILMS["a.avi"], 3),
        ("index last.mp4", MediaKind.VIDEO, FILMS["hevc.mp4"], 60),
        ("index first.mp4", MediaKind.VIDEO, (*FILMS["hevc.mp4"], "-movflags", "+faststart"), 60),
        ("cut.flac", MediaKind.VOICE, SOUND, 60),
        ("only its head.ogg", MediaKind.VOICE, SOUNDS["a.ogg"], 2),
    ],
)
async def test_what_is_cut_off_is_refused(
    tmp_path: Path, name: str, kind: MediaKind, made: tuple[str, ...], keep: int
) -> None:
    source = _made(tmp_path / name, *made)
    content = source.read_bytes()
    source.write_bytes(content[: len(content) * keep // 100])
    with pytest.raises(MediaNotConvertedError):
        await _ffmpeg().convert(source, await _sniffed(source), tmp_path / "converted", kind)


@pytest.mark.parametrize(
    ("content", "mimetype"),
    [
        (b"ID3 sound", "audio/mpeg"),
        (b"RIFF\xff\xff\xff\xffWAVE" + bytes(100), "audio/wav"),
        (b"\x1a\x45\xdf\xa3" + bytes(5000), "video/webm"),
        (bytes(4) + b"ftypisom" + bytes(5000), "video/mp4"),
        (b"OggS" + bytes(5000), "audio/ogg"),
        (b"fLaC" + bytes(5000), "audio/flac"),
        (b"#!AMR\n" + b"\xff" * 5000, "audio/amr"),
    ],
)
async def test_what_only_looks_like_sound_is_refused(
    tmp_path: Path, content: bytes, mimetype: str
) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    with pytest.raises(MediaNotConvertedError):
        await _ffmpeg().convert(source, Sniffed(mimetype), tmp_path / "made", MediaKind.VOICE)


async def test_a_film_without_sound_is_no_voice_message(tmp_path: Path) -> None:
    source = _made(tmp_path / "a.webm", *FILM, "-c:v", "libvpx")
    with pytest.raises(MediaNotConvertedError):
        await _converted(source, MediaKind.VOICE)


async def test_pictures_that_are_too_large_are_refused(tmp_path: Path) -> None:
    size = "color=size=8000x8000:rate=1:duration=1"
    source = _made(tmp_path / "a.avi", "-f", "lavfi", "-i", size, "-c:v", "mpeg4")
    with pytest.raises(MediaNotConvertedError):
        await _converted(source, MediaKind.VIDEO)


async def test_a_conversion_ends_when_its_time_is_over(tmp_path: Path) -> None:
    endless = "testsrc2=size=1280x720:rate=30:duration=60"
    made = ("-f", "lavfi", "-i", endless, "-c:v", "mpeg4", "-q:v", "31")
    source = _made(tmp_path / "a.avi", *made)
    with pytest.raises(ConversionTimedOutError):
        await _converted(source, MediaKind.VIDEO, _ffmpeg(seconds=0.05))


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{url}'\n",
    "dash": "<?xml version='1.0'?><MPD><BaseURL>{url}</BaseURL></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
}


@pytest.mark.parametrize("kind", [MediaKind.VOICE, MediaKind.AUDIO, MediaKind.VIDEO])
@pytest.mark.parametrize("name", PLAYLISTS)
async def test_a_playlist_is_nothing_to_convert(tmp_path: Path, name: str, kind: MediaKind) -> None:
    source = tmp_path / "a.m3u8"
    source.write_text(PLAYLISTS[name].format(url="http://127.0.0.1:9/a.ts"))
    assert not can_convert(await _sniffed(source), kind)


@pytest.mark.parametrize("mimetype", ["audio/mpeg", "video/mp4"])
@pytest.mark.parametrize("name", PLAYLISTS)
async def test_a_playlist_in_disguise_reaches_nothing(
    tmp_path: Path, name: str, mimetype: str
) -> None:
    """If ffmpeg had to find out the format, it would follow each of them."""
    asked: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=b"")

    app = web.Application()
    app.router.add_get("/{rest:.*}", serve)
    secret = _made(tmp_path / "secret.mp3", *SOUND)
    source, target = tmp_path / "a.m3u8", tmp_path / "made"
    async with TestServer(app) as server:
        urls = (str(server.make_url("/a.mp3")), f"file:{secret}", str(secret), secret.name)
        for url in urls:
            source.write_text(PLAYLISTS[name].format(url=url))
            with pytest.raises(MediaNotConvertedError):
                await _ffmpeg().convert(source, Sniffed(mimetype), target, MediaKind.VOICE)
    assert asked == []
    if name in ("hls", "concat"):
        # Here the last one was a danger indeed.
        _made(tmp_path / "followed.ogg", "-i", f"file:{source}")


async def test_a_message_goes_with_what_ffmpeg_has_made(stores: Stores, tmp_path: Path) -> None:
    world = Converting(stores, find_ffmpeg())
    source = _made(tmp_path / "a.mov", *FILMS["a.mov"])
    message = await world.message(source.read_bytes(), MediaKind.VIDEO, filename="a.mov")
    ready = await world.after(message)
    assert ready.media is not None, ready.reason
    assert ready.media.mimetype == "video/mp4"
    stored, content = await world.file(ready)
    assert stored.metadata.codecs == ("avc1", "mp4a")
    assert len(content) == stored.metadata.size
