"""Convert the files of messages into what WhatsApp plays, before the messages can be sent."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from loguru import logger

from sessions.common.errors import DomainError
from sessions.common.threads import to_the_end
from sessions.media.conversion import SUFFIXES, MediaNotConvertedError
from sessions.media.errors import MediaEmptyError, MediaKeyMissingError, UnsuitableMediaError
from sessions.media.ffmpeg import Ffmpeg
from sessions.media.model import StoredMedia
from sessions.media.store import MediaStore, NewMedia
from sessions.messages.file_tries import TO_CONVERT, FileTries, FileWork
from sessions.messages.media_intake import as_used
from sessions.messages.model import Message, Original, UsedMedia

_MARGIN = timedelta(minutes=2)
"""How much longer than ffmpeg may take a claim lasts: the file is read and written, too."""
_KEY_MISSING_FOR = timedelta(minutes=1)
_PIECE = 1024 * 1024


class MediaConverter:
    """Convert the files of queued messages, a few at a time."""

    def __init__(
        self,
        tries: FileTries,
        store: MediaStore,
        ffmpeg: Ffmpeg,
        converted: Callable[[Message], Awaitable[None]],
        at_once: int = 1,
    ) -> None:
        """Take what to call when a message's file is converted."""
        self._tries = tries
        self._store = store
        self._ffmpeg = ffmpeg
        self._converted = converted
        lasts = ffmpeg.limits.within + _MARGIN
        self._work = FileWork(tries, TO_CONVERT, lambda: lasts, at_once, self._convert)

    async def keep_converting(self, rings: AsyncIterable[None]) -> None:
        """Convert what is due at each ring, and end after the last one."""
        await self._work.keep_doing(rings)

    async def _convert(self, message: Message) -> None:
        original = message.original
        if original is None:
            raise ValueError(f"message {message.id} has nothing to convert")
        try:
            used = await self._used(message, original)
        except MediaKeyMissingError as error:
            logger.error("The file waits to be converted: {}", error)
            await self._tries.put_off(message, _KEY_MISSING_FOR)
        except DomainError as error:
            logger.warning("The file cannot be converted: {}", error)
            await self._tries.fail(message, error.code)
        else:
            await self._record(message, original, used)

    async def _record(self, message: Message, original: Original, used: UsedMedia) -> None:
        changed = await self._tries.succeed(message, used)
        if changed is None:
            await self._store.remove([used.media_id])
            return
        if original.fetched:
            await self._store.remove([original.media_id])
        await self._converted(changed)

    async def _used(self, message: Message, original: Original) -> UsedMedia:
        """Convert a file and store the result; raise DomainError."""
        source = await self._store.find(message.owner, original.media_id)
        media = await self._stored(source, original)
        try:
            used = as_used(media, original.kind)
        except UnsuitableMediaError:
            await self._store.remove([media.id])
            raise MediaNotConvertedError(original.kind) from None
        await self._store.use(message.owner, [media.id], message.due_at)
        logger.info("The file was converted: {}, {} bytes", used.mimetype, used.size)
        kept = None if original.fetched else source.id
        return used.model_copy(update={"original": kept})

    async def _stored(self, source: StoredMedia, original: Original) -> StoredMedia:
        # The folder has the mode 0700.
        with tempfile.TemporaryDirectory(prefix="media-") as folder:
            given, made = Path(folder) / "given", Path(folder) / "made"
            await self._write(source, given)
            await self._ffmpeg.convert(given, source.sniffed, made, original.kind)
            try:
                return await self._store.add(self._new(source, original), _pieces(made))
            except (MediaEmptyError, FileNotFoundError):
                raise MediaNotConvertedError(original.kind) from None

    def _new(self, source: StoredMedia, original: Original) -> NewMedia:
        """Return what is known about the converted file: it belongs to whom the original does."""
        about, name = source.metadata, self._store.filename_of(source)
        return NewMedia(
            about.owner,
            connection=about.connection,
            api_key=about.api_key,
            filename=name and Path(name).stem + SUFFIXES[original.kind],
            converted_from=about.sha256,
        )

    async def _write(self, media: StoredMedia, path: Path) -> None:
        with await asyncio.to_thread(path.open, "xb") as file:
            async for piece in self._store.read(media):
                await to_the_end(asyncio.to_thread(file.write, piece))


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    """Yield the content of a file."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await to_the_end(asyncio.to_thread(file.read, _PIECE)):
            yield piece
