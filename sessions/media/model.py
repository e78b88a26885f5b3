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
    """The connection that received it; None for an uploaded file."""
    api_key: str | None = None
    """The API key that uploaded it, if that key is for some connections only."""
    sha256: str
    converted_from: str | None = None
    """The SHA-256 of the file from which it was converted."""
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

    def is_open_to(self, connections: frozenset[str] | None, api_key: str | None) -> bool:
        """Tell whether a key for these connections (None: for all) may use this file.

        One for some connections may use what these have received, and what it uploaded itself.
        """
        about = self.metadata
        if connections is None:
            return True
        if about.connection is not None:
            return about.connection in connections
        return about.api_key is not None and about.api_key == api_key

    @property
    def sniffed(self) -> Sniffed:
        """What its content is."""
        return Sniffed(self.metadata.mimetype, self.metadata.codecs)
