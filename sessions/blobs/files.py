"""The encrypted files in GridFS: stored whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from bson import ObjectId
from gridfs.errors import CorruptGridFile, NoFile
from loguru import logger
from motor.motor_asyncio import AsyncIOMotorGridFSBucket, AsyncIOMotorGridIn
from pymongo.errors import PyMongoError

from sessions.blobs.errors import BlobError, BlobReason, UploadDamagedError
from sessions.blobs.header import Header
from sessions.blobs.records import Blob, oldest_id
from sessions.blobs.threads import Sink, Source, Stop, to_the_end
from sessions.mongo import brief

if TYPE_CHECKING:
    from sessions.mongo import Collection, Database

BUCKET = "sessionBlobs"
_CHUNK = 1024 * 1024


class BlobFiles:
    """Upload, download and remove the files of blobs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bucket = AsyncIOMotorGridFSBucket(database, BUCKET, chunk_size_bytes=_CHUNK)
        self._files: Collection = database[f"{BUCKET}.files"]
        self._chunks: Collection = database[f"{BUCKET}.chunks"]

    async def put(self, blob: Blob, header: Header, file: BinaryIO) -> None:
        """Store a file and read it back; whatever goes wrong, nothing of it stays.

        Raises UploadDamagedError.
        """
        stream = self._bucket.open_upload_stream_with_id(
            ObjectId(blob.id), header.connection, metadata=header.document()
        )
        try:
            await self._send(stream, file)
            await self._read_back(blob)
        except BaseException:
            await to_the_end(_abort(stream))
            raise

    async def header(self, blob: Blob) -> Header:
        """Return what is stored beside the file; raise BlobError."""
        document = await self._files.find_one({"_id": ObjectId(blob.id)})
        if document is None:
            raise _missing()
        return Header.read(document.get("metadata"))

    async def get(self, blob: Blob, file: BinaryIO | None) -> None:
        """Fetch a file and check its length and hash; raise BlobError when they differ."""
        stop = Stop()
        sink = Sink(stop, file)
        try:
            await to_the_end(self._bucket.download_to_stream(ObjectId(blob.id), sink), stop)
        except NoFile:
            raise _missing() from None
        except CorruptGridFile as error:
            raise BlobError(BlobReason.TRUNCATED, "A part of the blob is missing.") from error
        if sink.size < blob.size:
            raise BlobError(BlobReason.TRUNCATED, "The end of the blob is missing.")
        if sink.sha256 != blob.sha256:
            raise BlobError(BlobReason.DAMAGED, "The blob is not what was saved.")

    async def remove(self, blob_id: str) -> None:
        """Remove a file, if it is there, and its chunks."""
        file_id = ObjectId(blob_id)
        await self._files.delete_one({"_id": file_id})
        await self._chunks.delete_many({"files_id": file_id})

    async def try_to_remove(self, blob_id: str) -> None:
        """Remove a file that no record names, or leave it to the sweep."""
        try:
            await self.remove(blob_id)
        except PyMongoError as error:
            logger.warning("Blob {} is left to the sweep: {}", blob_id, brief(error))

    async def remove_of(self, connection: str) -> None:
        """Remove all files of a connection, whether or not its record names them."""
        exact = {"metadata.connection": {"$eq": connection}}
        async for document in self._files.find(exact, {"_id": 1}):
            await self.remove(str(document["_id"]))

    async def older_than(self, age: timedelta) -> list[str]:
        """Return the ids of files, and of chunks without a file, that are older."""
        before = oldest_id(await self._now() - age)
        whole = await self._files.distinct("_id", {"_id": {"$lt": before}})
        parts = await self._chunks.distinct("files_id", {"files_id": {"$lt": before}})
        return sorted({str(each) for each in (*whole, *parts)})

    async def headers_not_under(self, key_id: str) -> AsyncIterator[tuple[str, Any]]:
        """Return the ids and stored headers of the files whose key another key wraps."""
        other = {"metadata.wrapping.keyId": {"$ne": key_id}}
        async for document in self._files.find(other, {"metadata": 1}):
            yield str(document["_id"]), document.get("metadata")

    async def replace_header(self, blob_id: str, old: Header, new: Header) -> bool:
        """Put another header in the place of this one; tell whether it was still there."""
        result = await self._files.update_one(
            {"_id": ObjectId(blob_id), "metadata.wrapping": old.document()["wrapping"]},
            {"$set": {"metadata.wrapping": new.document()["wrapping"]}},
        )
        return result.modified_count == 1

    async def _send(self, stream: AsyncIOMotorGridIn, file: BinaryIO) -> None:
        stop = Stop()
        file.seek(0)
        await to_the_end(stream.write(Source(stop, file)), stop)
        await to_the_end(stream.close())

    async def _read_back(self, blob: Blob) -> None:
        try:
            await self.get(blob, None)
        except BlobError as error:
            raise UploadDamagedError(f"The upload did not read back: {error}") from error

    async def _now(self) -> datetime:
        answer: dict[str, Any] = await self._database.command("hello")
        return cast("datetime", answer["localTime"]).replace(tzinfo=UTC)


async def _abort(stream: AsyncIOMotorGridIn) -> None:
    try:
        await stream.abort()
    except PyMongoError as error:
        logger.warning("An upload was given up; the sweep removes what it left: {}", brief(error))


def _missing() -> BlobError:
    return BlobError(BlobReason.MISSING, "The blob that the record names is not there.")
