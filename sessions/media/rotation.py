"""Bring the keys of all files under the first key of the ring, without touching their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessions.encryption.errors import BlobError
from sessions.encryption.keys import KeyRing
from sessions.encryption.values import open_value, seal_value
from sessions.media.errors import MediaDamagedError, MediaKeyMissingError
from sessions.media.gridfs import BUCKET
from sessions.media.model import StoredMedia
from sessions.media.sealing import FileCipher
from sessions.media.store import FILENAME

if TYPE_CHECKING:
    from sessions.storage import mongo
    from sessions.storage.mongo import Database


@dataclass(frozen=True)
class RotatedFiles:
    """How many files were brought under the first key, and how many no key opens."""

    moved: int
    left: int


async def rotate_media(database: Database, keys: KeyRing) -> RotatedFiles:
    """Wrap the keys of all files with the first key, and encrypt their names with it."""
    files: mongo.Collection = database[f"{BUCKET}.files"]
    moved = left = 0
    others = {"metadata.wrapping.keyId": {"$ne": keys.first.id}}
    async for document in files.find(others):
        media = StoredMedia.model_validate(document)
        try:
            changes = _rewrapped(media, keys)
        except (MediaKeyMissingError, MediaDamagedError, BlobError):
            left += 1
            continue
        unchanged = {"_id": media.id, "metadata.wrapping": document["metadata"]["wrapping"]}
        moved += (await files.update_one(unchanged, {"$set": changes})).modified_count
    return RotatedFiles(moved, left)


def _rewrapped(media: StoredMedia, keys: KeyRing) -> dict[str, Any]:
    wrapping = FileCipher.of(keys, media).wrapped(keys)
    changes: dict[str, Any] = {"metadata.wrapping": wrapping.model_dump(by_alias=True)}
    if (sealed := media.metadata.filename) is not None:
        name = open_value(keys, sealed, media.id, FILENAME)
        again = seal_value(keys, name, media.id, FILENAME)
        changes["metadata.filename"] = again.model_dump(by_alias=True)
    return changes
