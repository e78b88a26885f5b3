"""What tests of conversions share: a converter, and messages whose files it converts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sessions.common.ids import new_id
from sessions.connections.model import Connection
from sessions.media.ffmpeg import ConversionLimits, Ffmpeg
from sessions.media.kinds import MediaKind
from sessions.media.model import StoredMedia
from sessions.media.store import NewMedia
from sessions.messages.content import Kind, Media
from sessions.messages.file_tries import FileTries
from sessions.messages.media_converting import MediaConverter
from sessions.messages.model import Draft, Message, Original
from tests.builders import OWNER, TO, Stores
from tests.rings import once

MIB = 1024 * 1024


@dataclass
class Converting:
    """A converter of a worker, and what it has converted."""

    stores: Stores
    program: Path
    within: timedelta = timedelta(seconds=60)
    largest: int = 8 * MIB
    converted: list[Message] = field(default_factory=list)
    connection: Connection | None = None

    def __post_init__(self) -> None:
        ffmpeg = Ffmpeg(self.program, ConversionLimits(self.within, self.largest))
        tries = FileTries(self.stores.database, self.stores.events)
        self.converter = MediaConverter(tries, self.stores.media, ffmpeg, self._note)

    async def _note(self, message: Message) -> None:
        self.converted.append(message)

    async def message(
        self, content: bytes, kind: MediaKind, *, fetched: bool = False, filename: str | None = None
    ) -> Message:
        """Queue a message whose file is to be converted."""
        self.connection = self.connection or await self.stores.connection(new_id())
        media = await self.stores.media.add(NewMedia(OWNER, filename=filename), _once(content))
        original = Original(media_id=media.id, kind=kind, fetched=fetched)
        said = Media(as_=kind).model_dump_json(by_alias=True, exclude_none=True)
        draft = Draft(id=new_id(), to=TO, kind=Kind.MEDIA, content=said, media=original)
        (message,) = await self.stores.add(self.connection, [draft])
        return message

    async def after(self, message: Message) -> Message:
        """Convert what is due; return the message as it is then."""
        await self.converter.keep_converting(once())
        return await self.stores.outbox.find(None, message.id)

    async def due_again(self, message: Message) -> None:
        """Let the claim of a try, or the wait before the next one, be over."""
        await self.stores.database["messages"].update_one(
            {"_id": message.id}, [{"$set": {"fetch.nextAt": "$$NOW"}}]
        )

    async def file(self, message: Message) -> tuple[StoredMedia, bytes]:
        """Return the file of a message."""
        assert message.media is not None, message.reason
        stored = await self.stores.media.find(OWNER, message.media.media_id)
        content = [piece async for piece in self.stores.media.read(stored)]
        return stored, b"".join(content)

    async def files(self) -> set[str]:
        """Return the ids of all files that are stored; no piece is there without its file."""
        chunks = await self.stores.database["media.chunks"].distinct("files_id")
        assert set(chunks) == set(await self.stores.database["media.files"].distinct("_id"))
        return set(chunks)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
