"""A short value as it is stored: encrypted with a key of the ring."""

from __future__ import annotations

from pydantic import Field

from sessions.storage.record import Record


class SealedValue(Record):
    """A short value, encrypted with a key of the ring; see `sessions.encryption.values`."""

    key_id: str
    key_check: bytes
    nonce: bytes
    sealed: bytes = Field(repr=False)
