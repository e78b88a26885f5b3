"""The encrypted files in GridFS (`media.files`, `media.chunks`): one chunk for each frame.

The driver's own GridFS collects many chunks before it writes them, so chunks are written here one
by one: a file of any size needs the memory of two frames.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bson import Binary
from pymongo import ASCENDING, WriteConcern

from sessions.media.errors import MediaDamagedError
from sessions.media.model import StoredMedia

if TYPE_CHECKING:
    from sessions.storage import mongo
    from sessions.storage.mongo import Database

BUCKET = "media"
_AT_ONCE = 100


class MediaFiles:
    """Write, read and remove the chunks and records of files."""

    def __init__(self, database: Database) -> None:
        self._files: mongo.Collection = database[f"{BUCKET}.files"]
        chunks: mongo.Collection = database[f"{BUCKET}.chunks"]
        # The record, which is written last, is journaled, and with it everything before it.
        self._chunks = chunks.with_options(write_concern=WriteConcern("majority", j=False))

    async def prepare(self) -> None:
        """Create the indexes; safe to repeat and to race."""
        await self._chunks.create_index([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)
        await self._files.create_index([("metadata.owner", ASCENDING), ("length", ASCENDING)])
        await self._files.create_index("metadata.expiresAt")
        await self._files.create_index(
            "metadata.connection",
            partialFilterExpression={"metadata.connection": {"$type": "string"}},
        )

    async def put_chunk(self, file_id: str, number: int, data: bytes) -> None:
        """Store one encrypted frame."""
        await self._chunks.insert_one({"files_id": file_id, "n": number, "data": Binary(data)})

    async def get_chunk(self, file_id: str, number: int) -> bytes:
        """Return one encrypted frame; raise MediaDamagedError if it is missing."""
        chunk = await self._chunks.find_one({"files_id": file_id, "n": number}, {"data": True})
        if chunk is None:
            raise MediaDamagedError(file_id)
        return bytes(chunk["data"])

    async def put_record(self, media: StoredMedia) -> None:
        """Store the record of a file whose chunks are stored."""
        await self._files.insert_one(media.model_dump(by_alias=True, exclude_none=True))

    async def find(self, which: dict[str, Any]) -> StoredMedia | None:
        """Return a file's record."""
        document = await self._files.find_one(which)
        return None if document is None else StoredMedia.model_validate(document)

    async def total_of(self, owner: str) -> int:
        """Return how many encrypted bytes an owner's files have, from the index alone."""
        total = {"$group": {"_id": None, "bytes": {"$sum": "$length"}}}
        match = {"$match": {"metadata.owner": {"$eq": owner}}}
        async for each in self._files.aggregate([match, total]):
            return int(each["bytes"])
        return 0

    async def keep_until(
        self, ids: Collection[str], moment: datetime, owner: str | None = None
    ) -> None:
        """Keep files, of one owner if given, until a time; those kept longer stay so."""
        of = {} if owner is None else {"metadata.owner": {"$eq": owner}}
        later = {"_id": {"$in": [*ids]}, **of}
        await self._files.update_many(later, {"$max": {"metadata.expiresAt": moment}})

    async def expire(self, which: dict[str, Any], moment: datetime) -> None:
        """Let the files to whose records this applies be kept no longer than until a time."""
        await self._files.update_many(which, {"$min": {"metadata.expiresAt": moment}})

    async def expired(self, moment: datetime) -> list[str]:
        """Return some files that need not be kept any more."""
        over = {"metadata.expiresAt": {"$lte": moment}}
        found = self._files.find(over, {"_id": True}, sort=[("metadata.expiresAt", 1)])
        return [str(each["_id"]) async for each in found.limit(_AT_ONCE)]

    async def remove(self, ids: Collection[str]) -> None:
        """Remove files; missing ones are ignored."""
        if not ids:
            return
        await self._files.delete_many({"_id": {"$in": [*ids]}})
        await self._chunks.delete_many({"files_id": {"$in": [*ids]}})

    async def remove_expired(self, ids: Collection[str], moment: datetime) -> None:
        """Remove those of these files that need not be kept any more."""
        for each in ids:
            over = {"_id": each, "metadata.expiresAt": {"$lte": moment}}
            if (await self._files.delete_one(over)).deleted_count:
                await self._chunks.delete_many({"files_id": each})

    async def remove_where(self, which: dict[str, Any]) -> None:
        """Remove all files to whose records this applies."""
        cursor = self._files.find(which, {"_id": True}, limit=_AT_ONCE)
        while ids := [str(each["_id"]) async for each in cursor]:
            await self.remove(ids)
            cursor = cursor.clone()

    async def orphans(self, before: str) -> list[str]:
        """Return ids lower than this one that have chunks but no record: uploads that ended."""
        match = {"$match": {"files_id": {"$lt": before}}}
        named = {
            "$lookup": {
                "from": self._files.name,
                "localField": "_id",
                "foreignField": "_id",
                "as": "record",
                "pipeline": [{"$project": {"_id": True}}],
            }
        }
        steps: list[dict[str, Any]] = [
            match,
            {"$group": {"_id": "$files_id"}},
            named,
            {"$match": {"record": []}},
            {"$limit": _AT_ONCE},
        ]
        return [str(each["_id"]) async for each in self._chunks.aggregate(steps)]
