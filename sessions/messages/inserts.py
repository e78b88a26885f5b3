"""Insert new messages into the outbox: durably, in order, many requests in one write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from pymongo.errors import BulkWriteError

from sessions.events.log import EventType
from sessions.messages.model import Message
from sessions.outgoing_events.pending import first
from sessions.storage.batching import BatchedLookup
from sessions.storage.refusals import DUPLICATE_KEY

if TYPE_CHECKING:
    from sessions.storage import mongo

_ALONE = 50
"""A request with this many messages is written by itself, so that it does not delay others."""


@dataclass(frozen=True)
class Stored:
    """The messages of one request, and which of them were not in the outbox before."""

    messages: list[Message]
    new: list[Message]


class MessageInserts:
    """Insert messages.

    Requests that arrive during a write share the next one, so that any number of them wait for
    the journal once.
    """

    def __init__(self, messages: mongo.Collection) -> None:
        self._messages = messages
        self._store = BatchedLookup(self._store_all)

    async def add(self, messages: Sequence[Message]) -> Stored:
        """Store the messages of a request; raise STORE_DOWN errors."""
        if len(messages) < _ALONE:
            return await self._store(messages)
        (stored,) = await self._store_all([messages])
        return stored

    async def _store_all(self, arrivals: Sequence[Sequence[Message]]) -> list[Stored]:
        known = await self._insert([*chain.from_iterable(arrivals)])
        return [
            Stored([*messages], [each for each in messages if each.id not in known])
            for messages in arrivals
        ]

    async def _insert(self, messages: Sequence[Message]) -> set[str]:
        """Store messages; return the ids of those that were stored already."""
        documents = [_document(each) for each in messages]
        try:
            if documents:
                await self._messages.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            refused = details["writeErrors"]
            # A write that the majority has not confirmed may be rolled back after an election.
            if details["writeConcernErrors"] or any(map(_is_unexpected, refused)):
                raise
            return {messages[each["index"]].id for each in refused}
        return set()


def _document(message: Message) -> dict[str, Any]:
    """Return the document to insert, with the event that tells of it."""
    told = first(
        EventType.MESSAGE_STATUS,
        message.status_at or message.queued_at,
        {"status": str(message.status)},
    )
    return message.model_dump(by_alias=True, exclude_none=True) | told


def _is_unexpected(refused: dict[str, Any]) -> bool:
    return bool(refused["code"] != DUPLICATE_KEY)
