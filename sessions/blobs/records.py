"""The list of saved logins on a connection's record, changed by compare-and-set only."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from pydantic import Field

from sessions.blobs.encryption import Identity
from sessions.blobs.errors import SaveConflictError
from sessions.blobs.streams import Fingerprint
from sessions.common.errors import LeaseLostError
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database

_KEEP = 3
COMMIT_WITHIN = timedelta(minutes=5)
"""A save that takes longer is refused: the sweep may already have removed its files."""


class BlobKind(StrEnum):
    """The state of the browser when its profile was saved."""

    CLEAN = "clean"
    """The browser was closed."""
    HOT = "hot"
    """The browser was frozen for the copy; the dump holds its localStorage."""


class Blob(Record):
    """One saved login; `sha256` and `size` are those of its own file, encrypted.

    `parts` are the ids of the files with the rest, which blobs of one connection share.
    """

    id: str
    serial: int
    kind: BlobKind
    sha256: str
    content_hash: str
    size: int = Field(alias="bytes")
    saved_at: datetime
    generation: int
    parts: tuple[str, ...] = ()

    @property
    def files(self) -> set[str]:
        """The ids of all files that a restore needs."""
        return {self.id, *self.parts}

    @property
    def fingerprint(self) -> Fingerprint:
        """The fingerprint of the blob's own file."""
        return Fingerprint(self.size, self.sha256)

    def identity(self, connection: str) -> Identity:
        """Return the identity that the blob must have been encrypted with."""
        return Identity(connection, self.generation, self.serial)


@dataclass(frozen=True)
class History:
    """The saved logins of a connection, and when its owner read them."""

    serial: int
    read_at: datetime
    blobs: list[Blob] = field(default_factory=list)

    @property
    def newest(self) -> Blob | None:
        """The newest saved login."""
        return self.blobs[0] if self.blobs else None

    def new_id(self) -> str:
        """Make an id that holds the server's time, by which the sweep knows a file's age."""
        return str(ObjectId(_seconds(self.read_at) + secrets.token_bytes(8)))


class BlobRecords:
    """Read and change the lists of blobs on the records of connections."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["connections"]

    async def history(self, lease: Lease) -> History:
        """Return what is saved so far, as the connection's owner; raise LeaseLostError."""
        fields = {"blobs": 1, "blobSerial": 1, "now": "$$NOW"}
        found = self._collection.aggregate([{"$match": lease.fence()}, {"$project": fields}])
        async for document in found:
            return History(document.get("blobSerial") or 0, document["now"], _blobs(document))
        raise _lost(lease)

    async def blobs_of(self, connection: str) -> list[Blob]:
        """Return the saved logins of a connection, newest first."""
        exact = {"_id": {"$eq": connection}}
        return _blobs(await self._collection.find_one(exact, {"blobs": 1}))

    async def push(self, lease: Lease, before: History, blob: Blob) -> set[str]:
        """Make the blob the newest one; return the ids of files that no blob names any more.

        Raises LeaseLostError or SaveConflictError if nothing was changed.
        """
        deadline = before.read_at + COMMIT_WITHIN
        unchanged = {
            **lease.fence(),
            "blobSerial": before.serial or {"$in": [0, None]},
            "$expr": {"$lt": ["$$NOW", deadline]},
        }
        newest = {"$each": [blob.model_dump(by_alias=True)], "$position": 0, "$slice": _KEEP}
        change = {"$set": {"blobSerial": blob.serial}, "$push": {"blobs": newest}}
        document: dict[str, Any] | None = await self._collection.find_one_and_update(
            unchanged, change, projection={"blobs": 1}
        )
        if document is None:
            raise await self._refusal(lease, before)
        old, kept = _blobs(document), _KEEP - 1
        return _files(old[kept:]) - _files([blob, *old[:kept]])

    async def forget(self, lease: Lease) -> None:
        """Empty the list, and let running saves fail; raise LeaseLostError."""
        if not await self._empty(lease.fence()):
            raise _lost(lease)

    async def forget_removed(self, connection: str) -> None:
        """Do the same for a connection that is being deleted, whoever owns it."""
        await self._empty({"_id": {"$eq": connection}})

    async def named(self) -> set[str]:
        """Return the ids of all files that a record names."""
        names: set[str] = set()
        async for document in self._collection.find({}, {"blobs.id": 1, "blobs.parts": 1}):
            for blob in document.get("blobs") or []:
                names.update((blob["id"], *blob.get("parts", ())))
        return names

    async def _empty(self, which: dict[str, Any]) -> bool:
        change = {"$set": {"blobs": []}, "$inc": {"blobSerial": 1}}
        return (await self._collection.update_one(which, change)).matched_count > 0

    async def _refusal(self, lease: Lease, before: History) -> Exception:
        found = await self._collection.find_one(lease.fence(), {"blobSerial": 1})
        if found is None:
            return _lost(lease)
        if (found.get("blobSerial") or 0) != before.serial:
            return SaveConflictError("Another save came first.")
        return SaveConflictError(
            f"It took longer than {COMMIT_WITHIN}: MongoDB is too slow for a login of this size."
        )


def oldest_id(at: datetime) -> ObjectId:
    """Return an id that is higher than all ids that were made before `at`."""
    return ObjectId(_seconds(at + timedelta(seconds=1)) + bytes(8))


def _seconds(at: datetime) -> bytes:
    return int(at.astimezone(UTC).timestamp()).to_bytes(4, "big")


def _blobs(document: dict[str, Any] | None) -> list[Blob]:
    return [Blob.model_validate(blob) for blob in (document or {}).get("blobs") or []]


def _files(blobs: Iterable[Blob]) -> set[str]:
    return set().union(*(blob.files for blob in blobs))


def _lost(lease: Lease) -> LeaseLostError:
    return LeaseLostError(f"Generation {lease.generation} no longer owns this connection.")
