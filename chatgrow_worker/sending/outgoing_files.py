"""Put the file of a message on this disk while the page sends it: a browser takes files by path."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

from chatgrow_worker.page.files import OutgoingFile
from sessions.common.threads import to_the_end
from sessions.media.store import MediaStore

if TYPE_CHECKING:
    from sessions.media.model import StoredMedia
    from sessions.messages.content import Media
    from sessions.messages.model import Message


_SLOWEST = 128 * 1024
"""Bytes in a second that a line uploads at least; a message has more time for a larger file."""


class OutgoingFiles:
    """Decrypt files into the worker's own temporary folder."""

    def __init__(self, store: MediaStore, prepare_within: timedelta) -> None:
        self._store = store
        self._prepare_within = prepare_within

    def take(self, message: Message) -> timedelta:
        """Return how much longer a send may take because of the message's file."""
        if message.media is None:
            return timedelta(0)
        return self._prepare_within + timedelta(seconds=message.media.size / _SLOWEST)

    @asynccontextmanager
    async def of(self, message: Message, content: Media) -> AsyncIterator[OutgoingFile]:
        """Give a message's file, and remove it from the disk at the end.

        Raises MediaNotFoundError, MediaKeyMissingError or MediaDamagedError.
        """
        if message.media is None:
            raise ValueError(f"message {message.id} has no file yet")
        used = message.media
        media = await self._store.find(message.owner, used.media_id)
        filename = content.filename or self._store.filename_of(media) or used.media_id
        # Its folder has the mode 0700.
        with tempfile.TemporaryDirectory(prefix="media-") as folder:
            path = Path(folder) / "file"
            with await asyncio.to_thread(path.open, "xb") as file:
                await self._fill(file, media)
            yield OutgoingFile(path, used.kind, used.mimetype, filename, self._prepare_within)

    async def _fill(self, file: IO[bytes], media: StoredMedia) -> None:
        async for piece in self._store.read(media):
            await to_the_end(asyncio.to_thread(file.write, piece))
