"""Store the files that pages upload, and tell their hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from tests.whatsapp_web.database import Database


def direct_path(media_id: str) -> str:
    """Return the path at which a page finds a file."""
    return f"/mms/{media_id}"


@dataclass(frozen=True)
class StoredFile:
    """One uploaded file."""

    id: str
    sha256: str
    mimetype: str
    content: bytes


class MediaStore:
    """The uploaded files. The hash is taken here, from the bytes that came, not from a claim."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._again: set[str] = set()

    async def put(self, content: bytes, mimetype: str) -> StoredFile:
        """Store a file and return it with its id and hash."""
        stored = StoredFile(
            secrets.token_urlsafe(18), hashlib.sha256(content).hexdigest(), mimetype, content
        )
        await self._database.write(
            "INSERT INTO media VALUES (?, ?, ?, ?)",
            *(stored.id, stored.sha256, mimetype, content),
        )
        return stored

    async def get(self, media_id: str) -> StoredFile | None:
        """Return a file by its id."""
        row = await self._database.row("SELECT * FROM media WHERE id = ?", media_id)
        if row is None:
            return None
        return StoredFile(row["id"], row["sha256"], row["mimetype"], bytes(row["bytes"]))

    def upload_again(self, media_id: str) -> None:
        """Take note that a phone has put an expired file here once more."""
        self._again.add(media_id)

    def is_there_again(self, media_id: str) -> bool:
        """Tell whether a phone has put an expired file here once more."""
        return media_id in self._again

    async def sha256(self, media_id: str) -> str:
        """Return a file's hash; LookupError when it was never uploaded."""
        stored = await self.get(media_id)
        if stored is None:
            raise LookupError(f"no such upload: {media_id}")
        return stored.sha256
