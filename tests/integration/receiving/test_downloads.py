"""Files of received messages are fetched from the simulated WhatsApp Web, verified and stored."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from chatgrow_worker.receiving.downloads import DownloadLimits, Downloads
from sessions.conversations.documents import Documents
from sessions.conversations.model import MediaState, ReceivedMessage
from sessions.conversations.received_files import NoFileToFetchError, ReceivedFiles
from sessions.media.store import MediaLimits, MediaStore
from tests.builders import MEDIA_KEYS, MEDIA_LIMITS, OWNER, PLAIN, Stores
from tests.integration.receiving.listening import ME, Line
from tests.logged import logged
from tests.refusing import refusing
from tests.waiting import until

MIB = 1024 * 1024
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 2000


@asynccontextmanager
async def downloading(
    line: Line, store: MediaStore, within: timedelta = timedelta(seconds=20)
) -> AsyncIterator[Downloads]:
    files = ReceivedFiles(line.stores.database, line.stores.events)
    limits = DownloadLimits(within, tries=1, piece=100_000)
    slots, documents = asyncio.Semaphore(2), Documents(PLAIN)
    downloads = Downloads(
        line.page, files, documents, store, line.lease, limits, slots, line.ended.append
    )
    downloads.start()
    try:
        yield downloads
    finally:
        await downloads.stop()


async def _gets(line: Line, content: bytes = b"", **media: Any) -> ReceivedMessage:
    """Let a friend send a file, which the page has never had; return the message as recorded."""
    content = content or PDF + os.urandom(16)
    about = {"base64": base64.b64encode(content).decode(), "mimetype": "application/pdf", **media}
    before = len(await line.stored())
    await line.says(media=about)
    message = (await line.records(before + 1))[-1]
    assert message.media is not None
    assert message.media.state is MediaState.PENDING
    return message


async def _becomes(line: Line, message: ReceivedMessage, state: MediaState) -> ReceivedMessage:
    async def current() -> ReceivedMessage:
        (found,) = [each for each in await line.stored() if each.id == message.id]
        return found

    async def is_so() -> bool:
        media = (await current()).media
        return media is not None and media.state is state

    await until(is_so)
    return await current()


async def test_a_file_is_stored_as_it_was_sent(line: Line, stores: Stores) -> None:
    async with downloading(line, stores.media) as downloads:
        message = await _gets(line, PDF, filename="a bill.pdf")
        downloads.ring()
        message = await _becomes(line, message, MediaState.STORED)
        assert message.media is not None
        stored = await stores.media.find(OWNER, message.media.media_id or "")
        assert stored.metadata.sha256 == hashlib.sha256(PDF).hexdigest()
        assert stored.metadata.connection == line.lease.connection
        assert stored.metadata.mimetype == "application/pdf"
        assert stores.media.filename_of(stored) == "a bill.pdf"
        content = b"".join([piece async for piece in stores.media.read(stored)])
        assert content == PDF
        assert line.ended == [MediaState.STORED]


async def test_an_expired_file_is_asked_for_again(line: Line, stores: Stores) -> None:
    await line.world.hand.faults(number=ME, mediaExpired=True)
    message = await _gets(line)
    async with downloading(line, stores.media):
        await _becomes(line, message, MediaState.STORED)


async def test_a_file_that_nobody_has_is_expired_until_somebody_asks_again(
    line: Line, stores: Stores
) -> None:
    await line.world.hand.faults(number=ME, mediaExpired=True, mediaGone=True)
    message = await _gets(line)
    async with downloading(line, stores.media) as downloads:
        message = await _becomes(line, message, MediaState.EXPIRED)
        await line.world.hand.faults(number=ME, mediaExpired=None, mediaGone=None)
        files = ReceivedFiles(stores.database, stores.events)
        await files.ask_again(message)
        downloads.ring()
        message = await _becomes(line, message, MediaState.STORED)
        assert line.ended == [MediaState.EXPIRED, MediaState.STORED]
        with pytest.raises(NoFileToFetchError):
            await files.ask_again(message)


async def test_a_mongodb_that_refuses_does_not_end_the_downloads(
    line: Line, stores: Stores
) -> None:
    await line.world.hand.faults(number=ME, mediaExpired=True, mediaGone=True)
    message = await _gets(line)
    async with downloading(line, stores.media) as downloads:
        async with refusing(stores.database, "receivedMessages"):
            with logged("WARNING") as lines:
                downloads.ring()
                await until(lambda: any("fetched again later" in each for each in lines))
        downloads.ring()
        await _becomes(line, message, MediaState.EXPIRED)


async def test_a_file_that_is_too_large_is_not_stored(line: Line, stores: Stores) -> None:
    limits = MediaLimits(1000, 99 * MIB, *[timedelta(days=1)] * 2)
    message = await _gets(line)
    async with downloading(line, MediaStore(stores.database, MEDIA_KEYS, limits)):
        await _becomes(line, message, MediaState.TOO_LARGE)
        assert await stores.database["media.chunks"].count_documents({}) == 0


async def test_a_file_with_another_hash_is_not_kept(line: Line, stores: Stores) -> None:
    message = await _gets(line)
    other = base64.b64encode(hashlib.sha256(b"another").digest()).decode()
    await stores.database["receivedMessages"].update_one(
        {"_id": message.id}, {"$set": {"media.sha256": other}}
    )
    async with downloading(line, stores.media):
        await _becomes(line, message, MediaState.FAILED)
        assert await stores.database["media.files"].count_documents({}) == 0


async def test_a_page_without_files_to_fetch_asks_mongodb_rarely(
    line: Line, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    pending: Callable[..., Any] = ReceivedFiles.pending

    async def counted(self: ReceivedFiles, *given: Any) -> list[ReceivedMessage]:
        asked.append(given)
        found: list[ReceivedMessage] = await pending(self, *given)
        return found

    monkeypatch.setattr(ReceivedFiles, "pending", counted)
    async with downloading(line, MediaStore(stores.database, MEDIA_KEYS, MEDIA_LIMITS)):
        for _ in range(3):
            await line.look()
        assert len(asked) == 1
