"""Make the files of queued messages ready: each try is claimed in the message, and then recorded.

The workers share this. A claim is a compare-and-set, and any worker may try again when it is over.
So a crash only delays a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from loguru import logger
from pymongo import ReturnDocument

from sessions.common.ids import new_id
from sessions.common.threads import to_the_end
from sessions.events.log import EventLog
from sessions.messages.events import status_event
from sessions.messages.model import (
    CONVERTING_MEDIA,
    FETCHING_MEDIA,
    Message,
    MessageStatus,
    Original,
    UsedMedia,
)
from sessions.messages.states import NOT_SENT, Happening, becomes, may
from sessions.storage.mongo import STORE_DOWN, brief

if TYPE_CHECKING:
    from sessions.storage import mongo
    from sessions.storage.mongo import Database

_AGAIN = {"fetch.nextAt": "$$NOW", "fetch.tries": 0, "fetch.claim": None}
"""What makes a message's file due for a first try."""
_WAITED = {"$in": ["$reason", [FETCHING_MEDIA, CONVERTING_MEDIA]]}
TO_FETCH: dict[str, Any] = {"fetch.original": None}
"""Selects the messages whose file is to be fetched."""
TO_CONVERT: dict[str, Any] = {"fetch.original.mediaId": {"$type": "string"}}
"""Selects the messages whose file is to be converted."""


@dataclass(frozen=True)
class FileBells:
    """Set when a message that is due waits for its file: one to fetch, or one to convert."""

    fetch: asyncio.Event = field(default_factory=asyncio.Event)
    convert: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self, message: Message) -> None:
        """Set the one that this message waits for."""
        (self.fetch if message.original is None else self.convert).set()


class FileTries:
    """Claim tries, and record how they ended, if the claim still holds then."""

    def __init__(self, database: Database, events: EventLog) -> None:
        self._messages: mongo.Collection = database["messages"]
        self._events = events

    async def claim(self, which: dict[str, Any], lasts: timedelta) -> Message | None:
        """Claim the next try that is due among these messages, and count it."""
        claimed = {
            "fetch.nextAt": _in(lasts),
            "fetch.tries": {"$add": ["$fetch.tries", 1]},
            "fetch.claim": new_id(),
        }
        due = {"status": MessageStatus.QUEUED, "$expr": {"$lte": ["$fetch.nextAt", "$$NOW"]}}
        document = await self._messages.find_one_and_update(
            {**due, "fetch.nextAt": {"$type": "date"}, **which},
            [{"$set": claimed}],
            sort=[("fetch.nextAt", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else Message.model_validate(document)

    async def succeed(self, message: Message, used: UsedMedia) -> Message | None:
        """Record the file, which lets the message go; None if it needs no file any more."""
        changes = {
            "media": {"$literal": used.model_dump(by_alias=True, exclude_none=True)},
            "fetch": "$$REMOVE",
            "reason": {"$cond": [_WAITED, None, "$reason"]},
            # One that was put off while it waited for its file may go now.
            "dueAt": {
                "$cond": [
                    {"$and": [_WAITED, {"$eq": ["$putOff", True]}]},
                    {"$min": ["$dueAt", "$$NOW"]},
                    "$dueAt",
                ]
            },
        }
        return await self._change(message, changes)

    async def hand_on(self, message: Message, original: Original) -> Message | None:
        """Record that the file is here and has to be converted; None if it is not needed."""
        changes = {
            **_AGAIN,
            "fetch.original": {"$literal": original.model_dump(by_alias=True)},
            "reason": {"$cond": [_WAITED, CONVERTING_MEDIA, "$reason"]},
        }
        return await self._change(message, changes)

    async def put_off(self, message: Message, wait: timedelta) -> None:
        """Let it be tried again after a while."""
        await self._update(message, {}, [{"$set": {"fetch.nextAt": _in(wait)}}])

    async def give_back(self, message: Message) -> None:
        """Let it be tried again at once, and do not count this try."""
        back = {"fetch.nextAt": "$$NOW", "fetch.tries": {"$subtract": ["$fetch.tries", 1]}}
        await self._update(message, {}, [{"$set": back}])

    async def fail(self, message: Message, reason: str) -> None:
        """Fail a message, unless it has ended meanwhile; a retry by a person tries again."""
        changes = {**_AGAIN, "reason": {"$literal": reason}}
        failed = await self._update(
            message, may(Happening.FILE_MISSING), becomes(Happening.FILE_MISSING, changes)
        )
        if failed is not None:
            self._events.publish(status_event(failed))

    async def _change(self, message: Message, changes: dict[str, Any]) -> Message | None:
        """Set fields of a message that is still to be sent."""
        waits = {"status": {"$in": list(NOT_SENT)}}
        return await self._update(message, waits, [{"$set": changes}])

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


class FileWork:
    """Do what is due, a few tries at a time; a try that is cancelled is given back."""

    def __init__(
        self,
        tries: FileTries,
        which: dict[str, Any],
        lasts: Callable[[], timedelta],
        at_once: int,
        work: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Take how long a claim lasts, which has to be longer than `work` can take."""
        self._tries = tries
        self._which = which
        self._lasts = lasts
        self._work = work
        self._free = asyncio.Semaphore(at_once)

    async def keep_doing(self, rings: AsyncIterable[None]) -> None:
        """Do what is due at each ring; after the last one, wait for the tries that run.

        A slow try does not keep others from beginning.
        """
        async with asyncio.TaskGroup() as group:
            async for _ in rings:
                try:
                    await self._start_due(group)
                except STORE_DOWN as error:
                    logger.warning("No files are made ready, MongoDB is away: {}", brief(error))

    async def _start_due(self, group: asyncio.TaskGroup) -> None:
        while message := await self._claim_when_free():
            group.create_task(self._do_and_release(message))

    async def _claim_when_free(self) -> Message | None:
        """Claim the next try once fewer than `at_once` run; it must be released then."""
        await self._free.acquire()
        message = None
        try:
            message = await self._tries.claim(self._which, self._lasts())
        finally:
            if message is None:
                self._free.release()
        return message

    async def _do_and_release(self, message: Message) -> None:
        try:
            with logger.contextualize(messageId=message.id):
                await self._work(message)
        except asyncio.CancelledError:
            with suppress(*STORE_DOWN):  # then another worker tries when the claim is over
                await to_the_end(self._tries.give_back(message))
            raise
        except STORE_DOWN as error:
            logger.warning("A file is tried again later, MongoDB is away: {}", brief(error))
        except Exception:  # noqa: BLE001  one bad file must not stop the others, nor the worker
            logger.exception("A file could not be made ready")
        finally:
            self._free.release()


def _in(span: timedelta) -> dict[str, Any]:
    """Return the expression for a time from now on."""
    return {"$add": ["$$NOW", span // timedelta(milliseconds=1)]}
