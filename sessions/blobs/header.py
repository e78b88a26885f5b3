"""What a blob is bound to, and what is stored beside its frames."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sessions.encryption.errors import damaged
from sessions.storage.record import Record

VERSION = 1
_BLOB = f"chatgrow-blob-{VERSION}"
_PART = f"chatgrow-part-{VERSION}"


@dataclass(frozen=True)
class Identity:
    """What a file is bound to for ever: its connection, and which save of it has made it.

    A part is bound to its content too, the SHA-256 of which is `part`; a blob has none.
    """

    connection: str
    generation: int
    serial: int
    part: str = ""

    def bound(self, *more: str) -> bytes:
        """Return the identity as authenticated data; no two identities give the same bytes."""
        kind = (_PART, self.part) if self.part else (_BLOB,)
        fields = (*kind, self.connection, str(self.generation), str(self.serial), *more)
        encoded = [field.encode() for field in fields]
        return b"".join(struct.pack(">I", len(field)) + field for field in encoded)


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
    part: str = ""
    nonce_prefix: bytes
    wrapping: Wrapping

    @property
    def identity(self) -> Identity:
        """What the file says it is."""
        return Identity(self.connection, self.generation, self.serial, self.part)

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
