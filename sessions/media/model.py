"""A stored file: what GridFS has about it beside its encrypted bytes."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from sessions.encryption.frames import Wrapping
from sessions.encryption.sealed_value import SealedValue
from sessions.media.sniffing import Sniffed
from sessions.storage.record import Record


class About(Record):
    """What is known about a file (`metadata` of GridFS's record)."""

    owner: str
    connection: str | None = None
    """The connection that received it; None for a file that is to be sent."""
    sha256: str
    size: int
    mimetype: str
    codecs: tuple[str, ...] = ()
    filename: SealedValue | None = Field(None, repr=False)
    expires_at: datetime
    nonce_prefix: bytes
    wrapping: Wrapping


class StoredMedia(Record):
    """A stored file; `length` counts its encrypted bytes."""

    id: str = Field(alias="_id")
    length: int
    chunk_size: int
    upload_date: datetime
    metadata: About

    @property
    def sniffed(self) -> Sniffed:
        """What its content is."""
        return Sniffed(self.metadata.mimetype, self.metadata.codecs)
