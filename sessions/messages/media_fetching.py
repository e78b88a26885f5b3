"""Fetch the files of messages from their URLs, before the messages can be sent."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from loguru import logger

from sessions.common.errors import DomainError
from sessions.media.errors import (
    MediaEmptyError,
    MediaKeyMissingError,
    MediaQuotaError,
    MediaTooLargeError,
    UnsuitableMediaError,
)
from sessions.media.store import MediaStore, NewMedia
from sessions.messages.content import Media
from sessions.messages.file_tries import TO_FETCH, FileTries, FileWork
from sessions.messages.media_intake import as_usable
from sessions.messages.model import Message, Original, UsedMedia
from sessions.messages.sealed_texts import TextSealer, TextUnreadableError
from sessions.network.guarded_client import (
    Answer,
    AnswerTooLargeError,
    Bounds,
    GuardedClient,
    UrlNotAllowedError,
)

_WAIT = timedelta(seconds=2)
_LONGEST_WAIT = timedelta(minutes=2)
_MARGIN = timedelta(seconds=30)
"""How much longer than a fetch its claim lasts."""
_SLOWEST = 256 * 1024
"""Bytes in a second that a host must send on average, after the time for its answer."""
_REDIRECTS = 5
_FOR_NOW = frozenset({408, 425, 429})
UNAVAILABLE = "media_unavailable"
"""Why a message fails: its URL leads to no file."""


class _NotNowError(DomainError):
    """The host cannot give the file now."""

    code = UNAVAILABLE


class _UnavailableError(DomainError):
    """The host answers that there is no such file, or not for us."""

    code = UNAVAILABLE


_FINAL = (
    AnswerTooLargeError,
    MediaEmptyError,
    MediaQuotaError,
    MediaTooLargeError,
    TextUnreadableError,
    UnsuitableMediaError,
    UrlNotAllowedError,
    _UnavailableError,
)
"""Errors after which trying again cannot help."""
_TOO_LARGE = (AnswerTooLargeError, MediaTooLargeError)


@dataclass(frozen=True)
class FetchLimits:
    """How long a host may take to answer, how often it is asked, and how many files at a time."""

    within: timedelta
    tries: int
    at_once: int = 4


class MediaFetcher:
    """Fetch the files of queued messages, a few at a time."""

    def __init__(
        self,
        tries: FileTries,
        store: MediaStore,
        texts: TextSealer,
        client: GuardedClient,
        limits: FetchLimits,
        fetched: Callable[[Message], Awaitable[None]],
        *,
        converts: bool = False,
    ) -> None:
        """Take what to call when a message's file is stored.

        With `converts`, a file that WhatsApp would not play is left to be converted.
        """
        self._tries = tries
        self._store = store
        self._texts = texts
        self._client = client
        self._limits = limits
        self._fetched = fetched
        self._converts = converts
        self._work = FileWork(tries, TO_FETCH, self._lasts, limits.at_once, self._fetch)

    async def keep_fetching(self, rings: AsyncIterable[None]) -> None:
        """Fetch what is due at each ring, and end after the last one."""
        await self._work.keep_doing(rings)

    def _lasts(self) -> timedelta:
        return self._within() + _MARGIN

    def _within(self) -> timedelta:
        """Return the time for a whole file: that for an honest host at the slowest pace."""
        return self._limits.within + timedelta(seconds=self._store.limits.largest / _SLOWEST)

    async def _fetch(self, message: Message) -> None:
        try:
            file = await self._stored(message)
        except _FINAL as error:
            await self._fail(message, error)
        except DomainError as error:
            tried = (message.fetch.tries if message.fetch else 0) >= self._limits.tries
            waits = isinstance(error, MediaKeyMissingError)
            await (self._fail if tried and not waits else self._put_off)(message, error)
        else:
            await self._record(message, file)

    async def _stored(self, message: Message) -> UsedMedia | Original:
        """Fetch a file and store it; raise DomainError."""
        content = self._texts.open_content(message)
        if not isinstance(content, Media) or content.url is None:
            raise TextUnreadableError
        bounds = Bounds(self._within(), self._store.limits.largest, _REDIRECTS)
        async with self._client.open("GET", content.url, bounds) as answer:
            _check(answer)
            name = content.filename or _name_in(content.url)
            said = content.mimetype or answer.headers.get("Content-Type")
            new = NewMedia(message.owner, filename=name, said_type=said)
            media = await self._store.add(new, answer.chunks())
        try:
            file = as_usable(media, content.as_, converts=self._converts)
        except UnsuitableMediaError:
            await self._store.remove([media.id])
            raise
        await self._store.use(message.owner, [media.id], message.due_at)
        about = media.metadata
        logger.info("The file was fetched: {}, {} bytes", about.mimetype, about.size)
        return file

    async def _record(self, message: Message, file: UsedMedia | Original) -> None:
        """Record a stored file, or that it is to be converted."""
        changed: Message | None
        if isinstance(file, Original):
            ours = file.model_copy(update={"fetched": True})
            changed = await self._tries.hand_on(message, ours)
        else:
            changed = await self._tries.succeed(message, file)
        if changed is None:
            await self._store.remove([file.media_id])
            return
        await self._fetched(changed)

    async def _put_off(self, message: Message, error: DomainError) -> None:
        tries = message.fetch.tries if message.fetch else 1
        logger.warning("The file could not be fetched, try {}: {}", tries, error)
        await self._tries.put_off(message, min(_WAIT * 4 ** (tries - 1), _LONGEST_WAIT))

    async def _fail(self, message: Message, error: DomainError) -> None:
        reason = MediaTooLargeError.code if isinstance(error, _TOO_LARGE) else error.code
        logger.warning("The file cannot be fetched: {}", error)
        await self._tries.fail(message, reason)


def _check(answer: Answer) -> None:
    """Raise an error for an answer without a file."""
    status = answer.status
    if status == HTTPStatus.OK:
        return
    for_now = status in _FOR_NOW or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    raise (_NotNowError if for_now else _UnavailableError)(f"The host answers {status}.")


def _name_in(url: str) -> str | None:
    """Return the name of a file that a URL ends with, if it looks like one."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    return name if "." in name.strip(".") else None
