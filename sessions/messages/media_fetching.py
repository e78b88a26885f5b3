"""Fetch the files of messages from their URLs, before the messages can be sent.

The workers share this: a try is claimed in the message itself, by compare-and-set, and any worker
may try again when the claim is over. So a crash only delays it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from loguru import logger
from pymongo import ReturnDocument

from sessions.common.errors import DomainError
from sessions.common.ids import new_id
from sessions.events.log import EventLog
from sessions.media.errors import (
    MediaEmptyError,
    MediaKeyMissingError,
    MediaQuotaError,
    MediaTooLargeError,
    UnsuitableMediaError,
)
from sessions.media.store import MediaStore, NewMedia
from sessions.messages.content import Media
from sessions.messages.events import status_event
from sessions.messages.media_intake import as_used
from sessions.messages.model import FETCHING_MEDIA, Message, MessageStatus, UsedMedia
from sessions.messages.sealed_texts import TextSealer, TextUnreadableError
from sessions.messages.states import NOT_SENT, Happening, becomes, may
from sessions.network.guarded_client import (
    Answer,
    AnswerTooLargeError,
    Bounds,
    GuardedClient,
    UrlNotAllowedError,
)
from sessions.storage.mongo import STORE_DOWN, brief

if TYPE_CHECKING:
    from sessions.storage import mongo
    from sessions.storage.mongo import Database

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
        database: Database,
        store: MediaStore,
        texts: TextSealer,
        client: GuardedClient,
        events: EventLog,
        limits: FetchLimits,
        fetched: Callable[[Message], Any],
    ) -> None:
        """Take what to call, and await if it is awaitable, when a message's file is stored."""
        self._messages: mongo.Collection = database["messages"]
        self._store = store
        self._texts = texts
        self._client = client
        self._events = events
        self._limits = limits
        self._fetched = fetched
        self._free = asyncio.Semaphore(limits.at_once)

    async def fetch_due(self) -> None:
        """Fetch everything that is due now; raise STORE_DOWN errors."""
        failed: Exception | None = None
        async with asyncio.TaskGroup() as group:
            try:
                while message := await self._claim_when_free():
                    group.create_task(self._fetch_and_release(message))
            except STORE_DOWN as error:
                failed = error  # raised here, it would end the fetches, and come out as a group
        if failed is not None:
            raise failed

    async def _claim_when_free(self) -> Message | None:
        """Claim the next try once fewer than `at_once` run; it must be released then."""
        await self._free.acquire()
        message = None
        try:
            message = await self._claim()
        finally:
            if message is None:
                self._free.release()
        return message

    async def _fetch_and_release(self, message: Message) -> None:
        try:
            with logger.contextualize(messageId=message.id):
                await self._fetch(message)
        except STORE_DOWN as error:
            logger.warning("A file is fetched again later, MongoDB is away: {}", brief(error))
        except Exception:  # noqa: BLE001  one bad file must not stop the others, nor the worker
            logger.exception("A file could not be fetched")
        finally:
            self._free.release()

    async def _claim(self) -> Message | None:
        """Claim the next try, and count it."""
        lasts = self._limits.within + _MARGIN + timedelta(seconds=self._largest / _SLOWEST)
        claimed = {
            "fetch.nextAt": _in(lasts),
            "fetch.tries": {"$add": ["$fetch.tries", 1]},
            "fetch.claim": new_id(),
        }
        due = {"status": MessageStatus.QUEUED, "$expr": {"$lte": ["$fetch.nextAt", "$$NOW"]}}
        document = await self._messages.find_one_and_update(
            {**due, "fetch.nextAt": {"$type": "date"}},
            [{"$set": claimed}],
            sort=[("fetch.nextAt", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else Message.model_validate(document)

    @property
    def _largest(self) -> int:
        return self._store.limits.largest

    async def _fetch(self, message: Message) -> None:
        try:
            used = await self._stored(message)
        except _FINAL as error:
            await self._fail(message, error)
        except DomainError as error:
            tried = (message.fetch.tries if message.fetch else 0) >= self._limits.tries
            waits = isinstance(error, MediaKeyMissingError)
            await (self._fail if tried and not waits else self._put_off)(message, error)
        else:
            await self._succeed(message, used)

    async def _stored(self, message: Message) -> UsedMedia:
        """Fetch a file and store it; raise DomainError."""
        content = self._texts.open_content(message)
        if not isinstance(content, Media) or content.url is None:
            raise TextUnreadableError
        # The time for the whole file is that for an honest host at the slowest pace.
        within = self._limits.within + timedelta(seconds=self._largest / _SLOWEST)
        bounds = Bounds(within, self._largest, _REDIRECTS)
        async with self._client.open("GET", content.url, bounds) as answer:
            _check(answer)
            name = content.filename or _name_in(content.url)
            said = content.mimetype or answer.headers.get("Content-Type")
            new = NewMedia(message.owner, filename=name, said_type=said)
            media = await self._store.add(new, answer.chunks())
        try:
            used = as_used(media, content.as_)
        except UnsuitableMediaError:
            await self._store.remove([media.id])
            raise
        await self._store.use(message.owner, [media.id], message.due_at)
        return used

    async def _succeed(self, message: Message, used: UsedMedia) -> None:
        waited = {"$eq": ["$reason", FETCHING_MEDIA]}
        changes = {
            "media": {"$literal": used.model_dump(by_alias=True)},
            "fetch": "$$REMOVE",
            "reason": {"$cond": [waited, None, "$reason"]},
            # One that was put off while it waited for its file may go now.
            "dueAt": {
                "$cond": [
                    {"$and": [waited, {"$eq": ["$putOff", True]}]},
                    {"$min": ["$dueAt", "$$NOW"]},
                    "$dueAt",
                ]
            },
        }
        waits = {"status": {"$in": list(NOT_SENT)}}
        changed = await self._change(message, waits, changes)
        if changed is None:
            await self._store.remove([used.media_id])
            return
        logger.info("The file was fetched: {}, {} bytes", used.mimetype, used.size)
        done = self._fetched(changed)
        if asyncio.iscoroutine(done):
            await done

    async def _put_off(self, message: Message, error: DomainError) -> None:
        tries = message.fetch.tries if message.fetch else 1
        wait = min(_WAIT * 4 ** (tries - 1), _LONGEST_WAIT)
        logger.warning("The file could not be fetched, try {}: {}", tries, error)
        changes = {"fetch.nextAt": _in(wait)}
        await self._change(message, {}, changes)

    async def _fail(self, message: Message, error: DomainError) -> None:
        """Fail a message, unless it has ended meanwhile; a retry by a person fetches again."""
        reason = MediaTooLargeError.code if isinstance(error, _TOO_LARGE) else error.code
        logger.warning("The file cannot be fetched: {}", error)
        again = {"fetch.nextAt": "$$NOW", "fetch.tries": 0, "fetch.claim": None}
        changes = {**again, "reason": {"$literal": reason}}
        failed = await self._update(
            message, may(Happening.FILE_MISSING), becomes(Happening.FILE_MISSING, changes)
        )
        if failed is not None:
            self._events.publish(status_event(failed))

    async def _change(
        self, message: Message, which: dict[str, Any], changes: dict[str, Any]
    ) -> Message | None:
        """Set fields of a message if this try is still the one that may."""
        return await self._update(message, which, [{"$set": changes}])

    async def _update(
        self, message: Message, which: dict[str, Any], pipeline: list[dict[str, Any]]
    ) -> Message | None:
        claim = message.fetch and message.fetch.claim
        document = await self._messages.find_one_and_update(
            {"_id": message.id, "fetch.claim": claim, **which},
            pipeline,
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else Message.model_validate(document)


def _in(span: timedelta) -> dict[str, Any]:
    """Return the expression for a time from now on."""
    return {"$add": ["$$NOW", span // timedelta(milliseconds=1)]}


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
