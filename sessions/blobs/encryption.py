"""Encrypt saved logins: each blob and each part is bound to its connection and to its save."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import ValidationError

from sessions.blobs.streams import Fingerprint, Sink
from sessions.encryption.errors import BlobError, BlobReason, damaged
from sessions.encryption.frames import (
    PREFIX_BYTES,
    Frames,
    Opener,
    Readable,
    Sealer,
    Wrapping,
    Writable,
    bound,
    unwrap,
    wrap,
)
from sessions.encryption.keys import KEY_BYTES, KeyRing
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.common.threads import Stop

VERSION = 1
_BLOB = f"chatgrow-blob-{VERSION}"
_PART = f"chatgrow-part-{VERSION}"
Result = TypeVar("Result")


@dataclass(frozen=True)
class Identity:
    """What a file is bound to by its encryption: its connection, and the save that made it.

    A part is also bound to its content: `part` is the SHA-256 of it. For a blob `part` is empty.
    """

    connection: str
    generation: int
    serial: int
    part: str = ""

    def bound(self, *more: str) -> bytes:
        """Return the identity as authenticated data; different identities give different bytes."""
        kind = (_PART, self.part) if self.part else (_BLOB,)
        return bound(*kind, self.connection, str(self.generation), str(self.serial), *more)


class Header(Record):
    """What is stored beside the frames; every field of it is authenticated."""

    version: int = VERSION
    connection: str
    generation: int
    serial: int
    part: str = ""
    nonce_prefix: bytes
    wrapping: Wrapping

    @property
    def identity(self) -> Identity:
        """The identity that the file claims to have."""
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


@dataclass(frozen=True)
class Sealed:
    """An encrypted file: its header, and the fingerprint of its bytes."""

    header: Header
    fingerprint: Fingerprint


def seal_to_file(
    keys: KeyRing,
    identity: Identity,
    file: BinaryIO,
    stop: Stop,
    fill: Callable[[Writable], Result],
) -> tuple[Sealed, Result]:
    """Encrypt what `fill` writes into a file; return the sealed file and the result of `fill`."""
    sink = Sink(stop, file)
    header, sealer = seal(keys, identity, sink)
    result = fill(sealer)
    sealer.finish()
    return Sealed(header, sink.fingerprint), result


def seal(keys: KeyRing, identity: Identity, out: Writable) -> tuple[Header, Sealer]:
    """Return the header of a new file and the writer for its content."""
    blob_key = AESGCM.generate_key(bit_length=8 * KEY_BYTES)
    prefix = secrets.token_bytes(PREFIX_BYTES)
    header = Header(
        connection=identity.connection,
        generation=identity.generation,
        serial=identity.serial,
        part=identity.part,
        nonce_prefix=prefix,
        wrapping=wrap(blob_key, keys.first, identity, prefix),
    )
    return header, Sealer(Frames(blob_key, prefix, identity.bound("frame")), out)


def unseal(keys: KeyRing, header: Header, expected: Identity, source: Readable) -> Opener:
    """Return a reader of the decrypted content; opening and reading raise BlobError."""
    _check_identity(header.identity, expected)
    blob_key = unwrap(keys, header.wrapping, header.identity, header.nonce_prefix)
    return Opener(Frames(blob_key, header.nonce_prefix, expected.bound("frame")), source)


def rewrap(keys: KeyRing, header: Header) -> Header:
    """Return the header with its key wrapped under the ring's first key; raise BlobError."""
    if header.wrapping.key_id == keys.first.id:
        return header
    blob_key = unwrap(keys, header.wrapping, header.identity, header.nonce_prefix)
    wrapping = wrap(blob_key, keys.first, header.identity, header.nonce_prefix)
    return header.model_copy(update={"wrapping": wrapping})


def is_under_first_key(keys: KeyRing, header: Header) -> bool:
    """Tell whether the ring's first key opens the file with this header."""
    try:
        unwrap(KeyRing([keys.first]), header.wrapping, header.identity, header.nonce_prefix)
    except BlobError:
        return False
    return True


def _check_identity(found: Identity, expected: Identity) -> None:
    if found.connection != expected.connection:
        raise BlobError(BlobReason.FOREIGN, "The blob belongs to another connection.")
    if found.part != expected.part:
        raise damaged("The file is another part of a login than the blob names.")
    if found != expected:
        raise BlobError(
            BlobReason.ROLLED_BACK,
            f"The blob is save {found.serial} of generation {found.generation}, and the record "
            f"names save {expected.serial} of generation {expected.generation}.",
        )
