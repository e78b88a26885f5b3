"""Fetch the files of received messages while a page can, beside everything else that it does."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from loguru import logger

from chatgrow_worker.page.errors import PageBrokenError, PageCallError
from chatgrow_worker.page.snapshot import Download
from chatgrow_worker.waiting import any_of
from sessions.connections.leases import Lease
from sessions.conversations.documents import Documents
from sessions.conversations.model import MediaState, ReceivedMessage
from sessions.conversations.received_files import ReceivedFiles
from sessions.media.errors import (
    MediaEmptyError,
    MediaKeyMissingError,
    MediaQuotaError,
    MediaTooLargeError,
)
from sessions.media.store import MediaStore, NewMedia
from sessions.messages.sealed_texts import TextKeyMissingError, TextUnreadableError
from sessions.storage.mongo import STORE_DOWN, brief

_POLL = timedelta(milliseconds=250)
_GONE = "media_gone"
_AGAIN = timedelta(seconds=10)
_LOOK_EVERY = timedelta(minutes=5)
"""How often it is looked whether files are left; what is new rings."""


class DownloadingPage(Protocol):
    """What downloads need of a page; `WhatsAppPage` is the real one."""

    async def begin_download(self, key: str) -> None:
        """Start to fetch the file of a message."""

    async def download_state(self, key: str) -> Download:
        """Return what became of a file that is fetched."""

    async def download_piece(self, key: str, start: int, end: int) -> bytes:
        """Return bytes of a fetched file."""

    async def drop_download(self, key: str) -> None:
        """Forget a file."""


@dataclass(frozen=True)
class DownloadLimits:
    """How long a file may take, how often it is tried on one page, and how many at a time."""

    within: timedelta
    tries: int = 3
    at_once: int = 2
    piece: int = 1024 * 1024
    """How many bytes cross the bridge to the browser at a time."""


class _NotFetchedError(Exception):
    """The page could not fetch a file; `gone` says that nobody has it any more."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.gone = code == _GONE


class _DamagedError(Exception):
    """The file has another SHA-256 than WhatsApp says."""


class Downloads:
    """Fetch what is pending on one page, the newest first, and store it.

    `slots` limits how many files all pages of this worker fetch at a time.
    """

    def __init__(
        self,
        page: DownloadingPage,
        files: ReceivedFiles,
        documents: Documents,
        store: MediaStore,
        lease: Lease,
        limits: DownloadLimits,
        slots: asyncio.Semaphore,
        ended: Callable[[MediaState], None] = lambda _: None,
    ) -> None:
        """Take what to call with what has become of a file."""
        self._ended = ended
        self._page = page
        self._files = files
        self._documents = documents
        self._store = store
        self._lease = lease
        self._limits = limits
        self._slots = slots
        self._bell = asyncio.Event()
        self._tries: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def ring(self) -> None:
        """Look for files now: a message came, or somebody asks for a file again."""
        self._bell.set()

    def start(self) -> None:
        """Begin, if it does not run."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(
                self._run(), name=f"downloads {self._lease.connection}"
            )

    async def stop(self) -> None:
        """End at once; what was not stored is fetched again later."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            self._bell.clear()
            wait = _LOOK_EVERY
            try:
                if await self._fetch_some():
                    wait = _AGAIN
            except STORE_DOWN as error:
                logger.warning("No files are fetched, MongoDB is away or refuses: {}", brief(error))
            except (PageBrokenError, PageCallError) as error:
                logger.debug("The page cannot fetch files now: {}", error)
                wait = _AGAIN
            await any_of(self._bell, within=wait)

    async def _fetch_some(self) -> bool:
        """Fetch all files that are pending; tell whether some are to be tried again soon."""
        done: set[str] = set()
        while found := await self._files.pending(self._lease, self._limits.at_once, done):
            done |= {each.id for each in found}
            async with asyncio.TaskGroup() as group:
                for message in found:
                    group.create_task(self._fetch_in_turn(message))
        self._tries = {each: count for each, count in self._tries.items() if each in done}
        return bool(self._tries)

    async def _fetch_in_turn(self, message: ReceivedMessage) -> None:
        async with self._slots:
            with logger.contextualize(messageId=message.id):
                try:
                    await self._fetch(message)
                except STORE_DOWN as error:
                    logger.warning("A received file is fetched again later: {}", brief(error))
                    self._tries.setdefault(message.id, 0)

    async def _fetch(self, message: ReceivedMessage) -> None:
        try:
            await self._store_file(message)
        except (MediaTooLargeError, MediaQuotaError) as error:
            logger.warning("A received file is not stored: {}", error)
            await self._end(message, MediaState.TOO_LARGE)
        except (MediaKeyMissingError, TextKeyMissingError, TextUnreadableError) as error:
            logger.error("Received files are not stored: {}", error)
        except _NotFetchedError as error:
            await (self._end(message, MediaState.EXPIRED) if error.gone else self._retry(message))
        except (_DamagedError, MediaEmptyError, PageCallError, PageBrokenError) as error:
            logger.warning("A received file could not be fetched: {}", error)
            await self._retry(message)
        else:
            self._tries.pop(message.id, None)

    async def _retry(self, message: ReceivedMessage) -> None:
        """Leave a file pending for another try, or give it up."""
        tries = self._tries.get(message.id, 0) + 1
        if tries >= self._limits.tries:
            await self._end(message, MediaState.FAILED)
        else:
            self._tries[message.id] = tries

    async def _end(self, message: ReceivedMessage, state: MediaState) -> None:
        self._tries.pop(message.id, None)
        await self._files.ended(self._lease, message, state)
        self._ended(state)

    async def _store_file(self, message: ReceivedMessage) -> None:
        about, key = message.media, message.whatsapp_key
        if about is None:
            raise MediaEmptyError
        if about.size is not None and about.size > self._store.limits.largest:
            raise MediaTooLargeError(self._store.limits.largest)
        try:
            name = self._documents.filename_of(message)
            size = await self._fetched(key)
            new = NewMedia(message.owner, message.connection, name, about.mimetype)
            media = await self._store.add(new, self._pieces(key, size))
        finally:
            with suppress(PageBrokenError, PageCallError):
                await self._page.drop_download(key)
        if about.sha256 and bytes.fromhex(media.metadata.sha256) != _digest(about.sha256):
            await self._store.remove([media.id])
            raise _DamagedError("its SHA-256 is not the one that WhatsApp names")
        await self._store.use(message.owner, [media.id], message.recorded_at)
        if not await self._files.stored(self._lease, message, media.id):
            await self._store.remove([media.id])  # the message was erased meanwhile
            return
        self._ended(MediaState.STORED)

    async def _fetched(self, key: str) -> int:
        """Have the page fetch a file; return its size. Raises _NotFetchedError."""
        await self._page.begin_download(key)
        give_up = time.monotonic() + self._limits.within.total_seconds()
        while True:
            state = await self._page.download_state(key)
            if state.state == "ready" and state.size is not None:
                return state.size
            if state.state != "pending" or time.monotonic() >= give_up:
                raise _NotFetchedError(state.code or "not in time")
            await asyncio.sleep(_POLL.total_seconds())

    async def _pieces(self, key: str, size: int) -> AsyncIterator[bytes]:
        if size > self._store.limits.largest:
            raise MediaTooLargeError(self._store.limits.largest)
        piece = self._limits.piece
        for start in range(0, size, piece):
            yield await self._page.download_piece(key, start, min(start + piece, size))


def _digest(text: str) -> bytes:
    """Return the digest that WhatsApp writes in Base64."""
    return base64.b64decode(text)
