"""The encrypted files in GridFS: each is stored completely or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from bson import ObjectId
from gridfs.errors import CorruptGridFile, NoFile
from loguru import logger
from motor.motor_asyncio import AsyncIOMotorGridFSBucket, AsyncIOMotorGridIn
from pymongo.errors import PyMongoError

from sessions.blobs.encryption import Header
from sessions.blobs.errors import UploadDamagedError
from sessions.blobs.records import oldest_id
from sessions.blobs.streams import Fingerprint, Sink, Source
from sessions.common.threads import Stop, to_the_end
from sessions.encryption.errors import BlobError, BlobReason
from sessions.storage.mongo import brief, server_time

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorCursor

    from sessions.blobs.encryption import Sealed
    from sessions.storage.mongo import Collection as MongoCollection
    from sessions.storage.mongo import Database

BUCKET = "sessionBlobs"
_CHUNK = 1024 * 1024
_AT_ONCE = 3
"""Transfers at a time: each holds one of Motor's few threads, which lease renewals need too."""


@dataclass(frozen=True)
class StoredFile:
    """A stored file; `size` is in bytes, encrypted."""

    id: str
    header: Header
    size: int


class BlobFiles:
    """Upload, download and remove the files of blobs and of their parts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._transfers = asyncio.Semaphore(_AT_ONCE)
        self._bucket = AsyncIOMotorGridFSBucket(database, BUCKET, chunk_size_bytes=_CHUNK)
        self._files: MongoCollection = database[f"{BUCKET}.files"]
        self._chunks: MongoCollection = database[f"{BUCKET}.chunks"]

    async def put(self, file_id: str, sealed: Sealed, file: BinaryIO) -> None:
        """Store a file and read it back; if anything fails, nothing of it stays.

        Raises UploadDamagedError.
        """
        header = sealed.header
        stream = self._bucket.open_upload_stream_with_id(
            ObjectId(file_id), header.connection, metadata=header.document()
        )
        try:
            await self._send(stream, file)
            await self._read_back(file_id, sealed.fingerprint)
        except BaseException:
            await to_the_end(_abort(stream))
            raise

    async def all_of(self, ids: Collection[str]) -> list[StoredFile]:
        """Return these files' headers and sizes; raise BlobError if one is missing."""
        found = [_stored(each) async for each in self._find(ids)]
        if len(found) < len(ids):
            raise _missing()
        return found

    async def whole_of(self, ids: Collection[str]) -> list[StoredFile]:
        """Return those of these files that have all their chunks, oldest first."""
        counts = await self._chunk_counts(ids)
        whole = []
        async for each in self._find(ids).sort("_id", 1):
            if counts.get(each["_id"]) == -(-each["length"] // each["chunkSize"]):
                with suppress(BlobError):
                    whole.append(_stored(each))
        return whole

    async def get(
        self,
        file_id: str,
        expected: Fingerprint | None = None,
        into: BinaryIO | None = None,
        start: int = 0,
    ) -> None:
        """Download a file into `into`, from byte `start` on; without `into`, only read it.

        Raises BlobError if it is incomplete, or differs from the expected fingerprint.
        """
        stop = Stop()
        sink = Sink(stop, into, start)
        try:
            async with self._transfers:
                await to_the_end(self._bucket.download_to_stream(ObjectId(file_id), sink), stop)
        except NoFile:
            raise _missing() from None
        except CorruptGridFile as error:
            raise BlobError(BlobReason.TRUNCATED, "A part of the blob is missing.") from error
        if expected is not None:
            _compare(sink.fingerprint, expected)

    async def remove(self, ids: Collection[str]) -> None:
        """Remove files and their chunks; missing ones are ignored."""
        file_ids = _object_ids(ids)
        await self._files.delete_many({"_id": file_ids})
        await self._chunks.delete_many({"files_id": file_ids})

    async def try_to_remove(self, ids: Collection[str]) -> None:
        """Remove files that no record names; if MongoDB fails, leave them to the sweep."""
        if not ids:
            return
        try:
            await self.remove(ids)
        except PyMongoError as error:
            logger.warning("Files {} are left to the sweep: {}", sorted(ids), brief(error))

    async def remove_of(self, connection: str, until: int | None = None) -> None:
        """Remove all files of a connection, whether or not its record names them.

        With `until`, only those that were saved under that lease generation or an earlier one.
        """
        which: dict[str, Any] = {"filename": {"$eq": connection}}
        if until is not None:
            which["metadata.generation"] = {"$lte": until}
        named = self._files.find(which, {"_id": 1})
        await self.remove([str(document["_id"]) async for document in named])

    async def older_than(self, age: timedelta) -> set[str]:
        """Return the ids of older files, and of older chunks without a file."""
        before = {"$lt": oldest_id(await server_time(self._database) - age)}
        ids = {str(each["_id"]) async for each in self._files.find({"_id": before}, {"_id": 1})}
        match, once = {"$match": {"files_id": before}}, {"$group": {"_id": "$files_id"}}
        return ids | {str(each["_id"]) async for each in self._chunks.aggregate([match, once])}

    async def headers_not_under(self, key_id: str) -> AsyncIterator[tuple[str, Any]]:
        """Yield the ids and stored headers of files whose key is wrapped by another key."""
        other = {"metadata.wrapping.keyId": {"$ne": key_id}}
        async for document in self._files.find(other, {"metadata": 1}):
            yield str(document["_id"]), document.get("metadata")

    async def replace_header(self, blob_id: str, old: Header, new: Header) -> bool:
        """Replace a header unless it has changed meanwhile; tell whether it was replaced."""
        result = await self._files.update_one(
            {"_id": ObjectId(blob_id), "metadata.wrapping": old.document()["wrapping"]},
            {"$set": {"metadata.wrapping": new.document()["wrapping"]}},
        )
        return result.modified_count == 1

    async def _send(self, stream: AsyncIOMotorGridIn, file: BinaryIO) -> None:
        stop = Stop()
        async with self._transfers:
            await to_the_end(stream.write(Source(stop, file)), stop)
            await to_the_end(stream.close())

    async def _read_back(self, file_id: str, expected: Fingerprint) -> None:
        try:
            await self.get(file_id, expected)
        except BlobError as error:
            raise UploadDamagedError(f"The upload did not read back: {error}") from error

    def _find(self, ids: Collection[str]) -> AsyncIOMotorCursor[dict[str, Any]]:
        return self._files.find({"_id": _object_ids(ids)})

    async def _chunk_counts(self, ids: Collection[str]) -> dict[ObjectId, int]:
        # Answered from GridFS's index alone: no chunk is read.
        count = {"$group": {"_id": "$files_id", "chunks": {"$sum": 1}}}
        found = self._chunks.aggregate([{"$match": {"files_id": _object_ids(ids)}}, count])
        return {each["_id"]: each["chunks"] async for each in found}


async def _abort(stream: AsyncIOMotorGridIn) -> None:
    try:
        await stream.abort()
    except PyMongoError as error:
        logger.warning("An upload was not removed; the sweep will do it: {}", brief(error))


def _compare(found: Fingerprint, expected: Fingerprint) -> None:
    if found.size < expected.size:
        raise BlobError(BlobReason.TRUNCATED, "The end of the blob is missing.")
    if found != expected:
        raise BlobError(BlobReason.DAMAGED, "The blob is not what was saved.")


def _object_ids(ids: Collection[str]) -> dict[str, list[ObjectId]]:
    return {"$in": [ObjectId(each) for each in ids]}


def _stored(document: dict[str, Any]) -> StoredFile:
    header = Header.read(document.get("metadata"))
    return StoredFile(str(document["_id"]), header, document["length"])


def _missing() -> BlobError:
    return BlobError(BlobReason.MISSING, "The blob that the record names is not there.")
