"""Write received messages and changes together; what alone is refused does not stop the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loguru import logger
from pymongo.errors import BulkWriteError, DuplicateKeyError

from sessions.common.ids import new_id
from sessions.conversations.changes import MARK, Change
from sessions.storage.refusals import DUPLICATE_KEY, REFUSALS, is_too_large, may_concern_one

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection


@dataclass(frozen=True)
class Inserted:
    """The places of documents that were not inserted."""

    known: set[int] = field(default_factory=set)
    """Their message was stored before."""
    refused: set[int] = field(default_factory=set)
    """MongoDB refuses them; only their key is stored, so that they are not tried again."""

    @property
    def not_new(self) -> set[int]:
        """All of them."""
        return self.known | self.refused


async def insert_new(received: Collection, documents: Sequence[dict[str, Any]]) -> Inserted:
    """Insert documents; raise STORE_DOWN errors if MongoDB refuses whatever is written."""
    try:
        if documents:
            await received.insert_many(documents, ordered=False)
    except REFUSALS as error:
        # A write that the majority has not confirmed may be rolled back after an election.
        if not may_concern_one(error):
            raise
        if not isinstance(error, BulkWriteError):
            return await _insert_each(received, documents)
        return await _sort_out(received, documents, error)
    return Inserted()


async def _sort_out(
    received: Collection, documents: Sequence[dict[str, Any]], error: BulkWriteError
) -> Inserted:
    found = Inserted()
    for each in (error.details or {})["writeErrors"]:
        place = each["index"]
        if each["code"] == DUPLICATE_KEY:
            found.known.add(place)
        else:
            await _leave_out(received, documents[place], str(each.get("code")))
            found.refused.add(place)
    return found


async def _insert_each(received: Collection, documents: Sequence[dict[str, Any]]) -> Inserted:
    found = Inserted()
    for place, document in enumerate(documents):
        try:
            await received.insert_one(document)
        except DuplicateKeyError:
            found.known.add(place)
        except REFUSALS as error:
            if not may_concern_one(error):
                raise
            await _leave_out(received, document, _why(error))
            found.refused.add(place)
    return found


async def _leave_out(received: Collection, document: dict[str, Any], why: str) -> None:
    """Store what is kept of an erased message; this also proves that MongoDB accepts others."""
    kept = {name: document[name] for name in ("_id", "connection", "key", "recordedAt")}
    try:
        await received.insert_one({**kept, "erased": True})
    except DuplicateKeyError:
        return  # it was stored before
    logger.error("MongoDB refuses a received message, {}: {}", document["key"], why)


async def write_changes(collection: Collection, changes: Sequence[Change]) -> bool:
    """Make these changes in order; tell whether any message may have changed.

    Raises STORE_DOWN errors if MongoDB refuses whatever is written.
    """
    if not changes:
        return False
    try:
        result = await collection.bulk_write([each.operation for each in changes])
    except REFUSALS as error:
        if not may_concern_one(error):
            raise
        for each in changes:
            await _change_one(collection, each)
        return True
    return result.modified_count > 0


async def _change_one(collection: Collection, change: Change) -> None:
    try:
        await collection.bulk_write([change.operation])
    except REFUSALS as error:
        if not may_concern_one(error):
            raise
        if not is_too_large(error):
            # Raises the same if MongoDB refuses any change of this message.
            await collection.update_one(change.found, {"$set": {MARK: new_id()}})
        logger.error("MongoDB refuses a change of message {}: {}", change.digest, _why(error))


def _why(error: Exception) -> str:
    """Return the kind of an error and its code: its text may have a part of the message."""
    return f"{type(error).__name__} {getattr(error, 'code', '')}".rstrip()
