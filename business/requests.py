"""Requests with an Idempotency-Key: a repeated one makes nothing a second time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pymongo.errors import DuplicateKeyError

from business.errors import RepeatedRequestError
from sessions.common.ids import new_id
from sessions.common.retention import KEPT_FOR

if TYPE_CHECKING:
    from sessions.messages.sealed_texts import TextSealer
    from sessions.storage.mongo import Collection, Database


@dataclass(frozen=True)
class Ticket:
    """The id for what a request makes, the same for each repetition of the request.

    `replayed` says that the request came before, `done` that it was completed then, and `answer`
    what was answered, where that was stored.
    """

    id: str
    record: str | None = None
    replayed: bool = False
    done: bool = False
    answer: str | None = None


class RequestBook:
    """Know requests by owner and key, for 48 hours; only a digest of each is stored."""

    def __init__(self, database: Database, texts: TextSealer) -> None:
        self._collection: Collection = database["businessRequests"]
        self._texts = texts

    async def prepare(self) -> None:
        """Create the index by which old requests are forgotten."""
        await self._collection.create_index(
            "createdAt", expireAfterSeconds=int(KEPT_FOR.total_seconds())
        )

    async def ticket(self, owner: str, key: str | None, request: bytes, now: datetime) -> Ticket:
        """Return the ticket of a request; raise RepeatedRequestError if the key is another's."""
        fresh = new_id()
        if key is None:
            return Ticket(fresh)
        record = hashlib.sha256(f"{owner}\x00{key}".encode()).hexdigest()
        digest = hashlib.sha256(request).hexdigest()
        sealed = self._texts.seal_digest(record, digest)
        try:
            await self._collection.insert_one(
                {"_id": record, "owner": owner, "digest": sealed, "made": fresh, "createdAt": now}
            )
        except DuplicateKeyError:
            return await self._earlier(record, digest)
        return Ticket(fresh, record)

    async def _earlier(self, record: str, digest: str) -> Ticket:
        known = await self._collection.find_one({"_id": record})
        if known is None or self._texts.open_digest(record, known["digest"]) != digest:
            raise RepeatedRequestError("This Idempotency-Key came before with another request.")
        return Ticket(
            str(known["made"]),
            record,
            replayed=True,
            done=bool(known.get("done")),
            answer=known.get("answer"),
        )

    async def close(self, ticket: Ticket, answer: str | None = None) -> None:
        """Note that a request was completed, and with which answer if that is worth keeping."""
        if ticket.record is not None:
            done = {"done": True, **({"answer": answer} if answer else {})}
            await self._collection.update_one({"_id": ticket.record}, {"$set": done})
