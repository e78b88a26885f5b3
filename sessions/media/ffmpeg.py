"""Convert files with ffmpeg, which reads what strangers have made: in a process with bounds.

It gets one file, the format of that file, and no network: no protocol but `file` is allowed, no
format that can name other files is, and it sees none of our settings.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from loguru import logger

from sessions.common.errors import ConfigurationError
from sessions.common.threads import to_the_end
from sessions.media.conversion import FORMATS, ConversionTimedOutError, MediaNotConvertedError
from sessions.media.errors import MediaTooLargeError
from sessions.media.kinds import MediaKind
from sessions.media.sniffing import Sniffed

_HELPERS = ("prlimit", "nice")
"""Programs of util-linux and coreutils that set the bounds before ffmpeg begins."""
_NICENESS = 15
"""Sending goes first."""
_THREADS = 2
_MEMORY = 2 * 1024**3
"""Bytes of addresses; a film of 1280 × 720 takes some 600 MiB of them."""
_MOST_PIXELS = 4096 * 4096
_DECODERS = (
    "aac", "alac", "amrnb", "amrwb", "flac", "libdav1d", "libopus", "mp3", "mp3float", "opus",
    "pcm_alaw", "pcm_f32le", "pcm_mulaw", "pcm_s16be", "pcm_s16le", "pcm_s24le", "pcm_s32le",
    "pcm_u8", "vorbis",
    "h263", "h264", "hevc", "mjpeg", "mpeg4", "msmpeg4", "theora", "vp8", "vp9",
)  # fmt: skip
"""What phones, cameras and browsers record with; every decoder more is one more to attack."""
_FIT = "min(1280,iw):min(1280,ih)"
_VOICE = ("-map", "0:a:0", "-c:a", "libopus", "-b:a", "32k", "-ac", "1", "-ar", "48000")
_AUDIO = ("-map", "0:a:0", "-c:a", "aac", "-b:a", "128k", "-ac", "2")
_VIDEO = (
    *("-map", "0:v:0", "-c:v", "libx264", "-preset", "veryfast", "-crf", "26"),
    *("-profile:v", "main", "-pix_fmt", "yuv420p"),
    *("-vf", f"scale='{_FIT}':force_original_aspect_ratio=decrease:force_divisible_by=2"),
    *("-map", "0:a:0?", "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-movflags", "+faststart"),
)
_TARGETS: Mapping[MediaKind, tuple[str, ...]] = MappingProxyType(
    {
        MediaKind.VOICE: (*_VOICE, "-application", "voip", "-f", "ogg"),
        MediaKind.AUDIO: (*_AUDIO, "-movflags", "+faststart", "-f", "mp4"),
        MediaKind.VIDEO: (*_VIDEO, "-f", "mp4"),
    }
)
_TOLD = 300
"""Characters of ffmpeg's last words that are logged."""


@dataclass(frozen=True)
class ConversionLimits:
    """How long a conversion may take, and how many bytes its result may have."""

    within: timedelta
    largest: int


def find_ffmpeg() -> Path:
    """Return the program; raise ConfigurationError if there is none."""
    found = {name: shutil.which(name) for name in ("ffmpeg", *_HELPERS)}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise ConfigurationError(
            f"MEDIA_CONVERT is true, and there is no {' and no '.join(missing)} here. Install what "
            "is missing (apt-get install ffmpeg), or set MEDIA_CONVERT=false."
        )
    return Path(found["ffmpeg"] or "")


@dataclass(frozen=True)
class Ffmpeg:
    """Convert one file into another, within limits."""

    program: Path
    limits: ConversionLimits

    async def convert(self, source: Path, sniffed: Sniffed, target: Path, kind: MediaKind) -> None:
        """Write what is to be sent as `kind` to `target`; what was written before an error stays.

        Raises MediaNotConvertedError, ConversionTimedOutError and MediaTooLargeError.
        """
        # Absolute, so that no path is taken for an option or for another protocol.
        given = (f"file:{source.absolute()}", f"file:{target.absolute()}")
        process = await asyncio.create_subprocess_exec(
            *self._bounds(),
            str(self.program),
            *_arguments(FORMATS[sniffed.mimetype], *given, kind),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            env={},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self.limits.within.total_seconds()):
                told = await _last_words(process.stderr)
                code = await process.wait()
        except TimeoutError:
            raise ConversionTimedOutError(self.limits.within.total_seconds()) from None
        finally:
            await _end(process)
        if code == -signal.SIGXFSZ:
            raise MediaTooLargeError(self.limits.largest)
        if code != 0:
            logger.info("ffmpeg ended with {}: {!r}", code, told)
            raise MediaNotConvertedError(kind)

    def _bounds(self) -> list[str]:
        """Return the command that limits what comes after it: memory, output, and processor time.

        The last one matters if this process is killed: then nobody ends ffmpeg in time.
        """
        seconds = int(self.limits.within.total_seconds() * _THREADS) + 1
        return [
            *("prlimit", f"--as={_MEMORY}", f"--fsize={self.limits.largest}"),
            *(f"--cpu={seconds}", "--core=0", "nice", "-n", str(_NICENESS)),
        ]


def _arguments(source_format: str, source: str, target: str, kind: MediaKind) -> list[str]:
    """Return ffmpeg's arguments; each option belongs to the file that follows it."""
    threads = ("-threads", str(_THREADS))
    return [
        *("-nostdin", "-hide_banner", "-loglevel", "error", "-filter_threads", "1"),
        "-xerror",  # half a film is worse than none
        *("-protocol_whitelist", "file", "-codec_whitelist", ",".join(_DECODERS)),
        *("-max_pixels", str(_MOST_PIXELS), *threads, "-f", source_format, "-i", source),
        *("-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn", *threads),
        *_TARGETS[kind],
        target,
    ]


async def _last_words(said: asyncio.StreamReader | None) -> str:
    """Read all that a process says, and return the end of it."""
    told = b""
    while said is not None and (piece := await said.read(4096)):
        told = (told + piece)[-_TOLD:]
    return told.decode(errors="replace").strip()


async def _end(process: Process) -> None:
    """Make sure that a process and all that it started have ended."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        # Its last words are read, too: until then, a full pipe has not ended.
        await to_the_end(process.communicate())
