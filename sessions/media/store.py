"""Store files, encrypted and streamed, and read them again, whole or in part."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sessions.common.callers import FIRST_OWNER
from sessions.common.ids import new_id
from sessions.common.threads import to_the_end
from sessions.encryption.errors import BlobError
from sessions.encryption.frames import FRAME_BYTES, SEALED_FRAME_BYTES
from sessions.encryption.keys import KeyRing
from sessions.encryption.values import open_value, seal_value
from sessions.media.errors import (
    MediaEmptyError,
    MediaKeyMissingError,
    MediaNotFoundError,
    MediaQuotaError,
    MediaTooLargeError,
)
from sessions.media.gridfs import MediaFiles
from sessions.media.model import About, StoredMedia
from sessions.media.sealing import FileCipher
from sessions.media.sniffing import Sniffed, sniff
from sessions.storage.mongo import server_time

if TYPE_CHECKING:
    from sessions.config.settings import MediaSettings
    from sessions.storage.mongo import Database

FILENAME = "filename"
"""The field that an encrypted name is bound to."""


@dataclass(frozen=True)
class MediaLimits:
    """How large files may be, one and all of an owner together, and how long they are kept."""

    largest: int
    quota: int
    unused_for: timedelta
    """How long a file is kept that nothing uses."""
    kept_for: timedelta
    """How long a file is kept after a message has used or brought it."""

    @classmethod
    def of(cls, settings: MediaSettings) -> MediaLimits:
        """Return the limits that are set."""
        return cls(
            largest=settings.media_max_size,
            quota=settings.media_quota,
            unused_for=settings.media_unused_retention,
            kept_for=settings.media_retention,
        )


@dataclass(frozen=True)
class NewMedia:
    """Whose file it is, and what its sender has said about it."""

    owner: str
    connection: str | None = None
    filename: str | None = None
    said_type: str | None = None
    api_key: str | None = None
    """The API key that uploads it, if that key is for some connections only."""
    converted_from: str | None = None
    """The SHA-256 of the file from which it was converted."""


class MediaStore:
    """The files of all owners.

    Without keys, files can neither be stored nor read (MediaKeyMissingError).
    """

    def __init__(self, database: Database, keys: KeyRing | None, limits: MediaLimits) -> None:
        self._database = database
        self._keys = keys
        self._files = MediaFiles(database)
        self.limits = limits

    async def prepare(self) -> None:
        """Create the indexes."""
        await self._files.prepare()

    async def add(self, new: NewMedia, content: AsyncIterable[bytes]) -> StoredMedia:
        """Store a file while it arrives; if anything fails, nothing of it stays.

        Raises MediaTooLargeError, MediaEmptyError, MediaQuotaError and MediaKeyMissingError.
        """
        if self._keys is None:
            raise MediaKeyMissingError
        await self.require_room(new.owner)
        writer = _Writer(self._files, new.owner, new_id(), self.limits.largest)
        try:
            async for piece in content:
                await writer.write(piece)
            await writer.finish()
            sniffed = await sniff(writer.read_at, writer.size, new.said_type)
            media = await self._record(new, writer, sniffed, self._keys)
            await self._publish(media)
        except BaseException:
            await to_the_end(self._files.remove([writer.id]))
            raise
        return media

    async def require_room(self, owner: str, size: int = 1) -> None:
        """Raise MediaQuotaError if an owner has no room for so many more bytes."""
        if owner != FIRST_OWNER and await self._files.total_of(owner) + size > self.limits.quota:
            raise MediaQuotaError(self.limits.quota)

    async def find(self, owner: str | None, media_id: str) -> StoredMedia:
        """Return an owner's file (None: anybody's); raise MediaNotFoundError."""
        of = {} if owner is None else {"metadata.owner": {"$eq": owner}}
        media = await self._files.find({"_id": {"$eq": media_id}, **of})
        if media is None:
            raise MediaNotFoundError(media_id)
        return media

    async def read(
        self, media: StoredMedia, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes from `start` up to but without `end`, a frame at a time.

        Raises MediaDamagedError and MediaKeyMissingError.
        """
        cipher = FileCipher.of(self._keys, media)
        size = media.metadata.size
        end = size if end is None else min(end, size)
        last = (size - 1) // FRAME_BYTES
        for number in range(start // FRAME_BYTES, -(-end // FRAME_BYTES)):
            sealed = await self._files.get_chunk(media.id, number)
            frame = await asyncio.to_thread(cipher.open, number, sealed, last=number == last)
            begins = number * FRAME_BYTES
            yield frame[max(start - begins, 0) : end - begins]

    def filename_of(self, media: StoredMedia) -> str | None:
        """Return the name that the sender gave the file; None if it cannot be decrypted."""
        sealed = media.metadata.filename
        if sealed is None or self._keys is None:
            return None
        try:
            return open_value(self._keys, sealed, media.id, FILENAME)
        except BlobError:
            return None

    async def use(self, owner: str, ids: Collection[str], used_at: datetime) -> list[StoredMedia]:
        """Return an owner's files, which are then kept for some time after `used_at`.

        Raises MediaNotFoundError.
        """
        await self._files.keep_until(ids, used_at + self.limits.kept_for, owner)
        return [await self.find(owner, each) for each in ids]

    async def remove(self, ids: Collection[str]) -> None:
        """Remove files; missing ones are ignored."""
        await self._files.remove(ids)

    async def _record(
        self, new: NewMedia, writer: _Writer, sniffed: Sniffed, keys: KeyRing
    ) -> StoredMedia:
        name = new.filename and seal_value(keys, new.filename, writer.id, FILENAME)
        now = await server_time(self._database)
        about = About(
            owner=new.owner,
            connection=new.connection,
            api_key=new.api_key,
            sha256=writer.sha256,
            converted_from=new.converted_from,
            size=writer.size,
            mimetype=sniffed.mimetype,
            codecs=sniffed.codecs,
            filename=name or None,
            expires_at=now + self.limits.unused_for,
            nonce_prefix=writer.cipher.prefix,
            wrapping=writer.cipher.wrapped(keys),
        )
        return StoredMedia(
            id=writer.id,
            length=writer.length,
            chunk_size=SEALED_FRAME_BYTES,
            upload_date=now,
            metadata=about,
        )

    async def _publish(self, media: StoredMedia) -> None:
        """Store the record, which makes the file exist, unless it is more than the owner may have.

        Other uploads may have ended meanwhile, so the room is looked at again afterwards.
        """
        owner = media.metadata.owner
        await self.require_room(owner, media.length)
        await self._files.put_record(media)
        await self.require_room(owner, 0)


class _Writer:
    """Encrypt a file frame by frame and store the frames."""

    def __init__(self, files: MediaFiles, owner: str, media_id: str, largest: int) -> None:
        self._files = files
        self._largest = largest
        self._pending = bytearray()
        self._hash = hashlib.sha256()
        self._count = 0
        self._read: tuple[int, bytes] = (-1, b"")
        self.id = media_id
        self.cipher = FileCipher.new(owner, media_id)
        self.size = 0
        self.length = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 of the content so far, in hexadecimal."""
        return self._hash.hexdigest()

    async def write(self, piece: bytes) -> None:
        """Take a piece of the content; raise MediaTooLargeError."""
        self.size += len(piece)
        if self.size > self._largest:
            raise MediaTooLargeError(self._largest)
        self._pending += piece
        # A full frame is kept back until more follows: it may be the last one.
        while len(self._pending) > FRAME_BYTES:
            frame = bytes(self._pending[:FRAME_BYTES])
            del self._pending[:FRAME_BYTES]
            await self._put(frame, last=False)

    async def finish(self) -> None:
        """Store the last frame; raise MediaEmptyError."""
        if self.size == 0:
            raise MediaEmptyError
        frame = bytes(self._pending)
        self._pending.clear()
        await self._put(frame, last=True)

    async def read_at(self, offset: int, size: int) -> bytes:
        """Return at most `size` bytes of the finished file from an offset on."""
        content = bytearray()
        end = min(offset + size, self.size)
        while offset < end:
            number, begins = divmod(offset, FRAME_BYTES)
            piece = (await self._frame(number))[begins : begins + end - offset]
            content += piece
            offset += len(piece)
        return bytes(content)

    async def _frame(self, number: int) -> bytes:
        if self._read[0] != number:
            sealed = await self._files.get_chunk(self.id, number)
            last = number == self._count - 1
            opened = await asyncio.to_thread(self.cipher.open, number, sealed, last=last)
            self._read = (number, opened)
        return self._read[1]

    async def _put(self, frame: bytes, *, last: bool) -> None:
        sealed = await asyncio.to_thread(self._sealed, frame, last)
        await self._files.put_chunk(self.id, self._count, sealed)
        self._count += 1
        self.length += len(sealed)

    def _sealed(self, frame: bytes, last: bool) -> bytes:
        self._hash.update(frame)
        return self.cipher.seal(self._count, frame, last=last)
