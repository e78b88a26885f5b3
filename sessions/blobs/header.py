"""What a blob is bound to, and what is stored beside its frames."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sessions.blobs.errors import damaged
from sessions.connections import Record

VERSION = 1


@dataclass(frozen=True)
class Identity:
    """What a blob is bound to for ever: its connection, and which save of it this is."""

    connection: str
    generation: int
    serial: int

    def bound(self, *parts: str) -> bytes:
        """Return the identity as authenticated data; no two identities give the same bytes."""
        fields = (self.connection, str(self.generation), str(self.serial), *parts)
        encoded = [field.encode() for field in (f"chatgrow-blob-{VERSION}", *fields)]
        return b"".join(struct.pack(">I", len(part)) + part for part in encoded)


class Wrapping(Record):
    """The key of a blob, encrypted under a key of the ring."""

    key_id: str
    key_check: bytes
    nonce: bytes
    wrapped_key: bytes


class Header(Record):
    """What is stored beside the frames; every part of it is authenticated."""

    version: int = VERSION
    connection: str
    generation: int
    serial: int
    nonce_prefix: bytes
    wrapping: Wrapping

    @property
    def identity(self) -> Identity:
        """What the blob says it is."""
        return Identity(self.connection, self.generation, self.serial)

    def document(self) -> dict[str, Any]:
        """Return the header as MongoDB stores it."""
        return self.model_dump(by_alias=True)

    @classmethod
    def read(cls, document: Mapping[str, Any] | None) -> Header:
        """Read a stored header; raise BlobError."""
        try:
            header = cls.model_validate(document)
        except ValidationError:
            raise damaged("The blob's header is not readable.") from None
        if header.version != VERSION:
            raise damaged(f"The blob's version is {header.version}, which this program lacks.")
        return header
