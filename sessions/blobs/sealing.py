"""Encrypt a stream under a key of its own: AES-256-GCM in frames, the key wrapped by the ring's.

Each frame's nonce counts, its header says whether it is the last one, and its authenticated data
names the connection and the save: what is cut off, reordered, repeated, appended, or taken from
another connection or another save does not open. The wrapped key stands in the header, apart from
the frames, so that it can be wrapped anew without touching them. Parts are sealed as blobs are.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions.blobs.frames import PREFIX_BYTES, Frames, Opener, Readable, Sealer, Writable
from sessions.blobs.header import Header, Identity, Wrapping
from sessions.blobs.streams import Fingerprint, Sink
from sessions.encryption.errors import BlobError, BlobReason, damaged
from sessions.encryption.keys import KEY_BYTES, Key, KeyRing

if TYPE_CHECKING:
    from sessions.blobs.threads import Stop

Result = TypeVar("Result")

_NONCE_BYTES = 12


@dataclass(frozen=True)
class Sealed:
    """A file that was written encrypted: its header, and what tells its bytes from others."""

    header: Header
    fingerprint: Fingerprint


def seal_to_file(
    keys: KeyRing,
    identity: Identity,
    file: BinaryIO,
    stop: Stop,
    fill: Callable[[Writable], Result],
) -> tuple[Sealed, Result]:
    """Encrypt what `fill` writes to a file; return what was sealed and what `fill` returned."""
    sink = Sink(stop, file)
    header, sealer = seal(keys, identity, sink)
    result = fill(sealer)
    sealer.finish()
    return Sealed(header, sink.fingerprint), result


def seal(keys: KeyRing, identity: Identity, out: Writable) -> tuple[Header, Sealer]:
    """Return the header of a new file and what its content is written to."""
    blob_key = AESGCM.generate_key(bit_length=8 * KEY_BYTES)
    prefix = secrets.token_bytes(PREFIX_BYTES)
    header = Header(
        connection=identity.connection,
        generation=identity.generation,
        serial=identity.serial,
        part=identity.part,
        nonce_prefix=prefix,
        wrapping=_wrap(blob_key, keys.first, identity, prefix),
    )
    return header, Sealer(Frames(blob_key, prefix, identity.bound("frame")), out)


def unseal(keys: KeyRing, header: Header, expected: Identity, source: Readable) -> Opener:
    """Return what the blob's content is read from; raise BlobError, then or while it is read."""
    _check_identity(header.identity, expected)
    blob_key = _unwrapped(header, keys)
    return Opener(Frames(blob_key, header.nonce_prefix, expected.bound("frame")), source)


def rewrap(keys: KeyRing, header: Header) -> Header:
    """Return the header with its key wrapped under the ring's first key; raise BlobError."""
    if header.wrapping.key_id == keys.first.id:
        return header
    blob_key = _unwrapped(header, keys)
    wrapping = _wrap(blob_key, keys.first, header.identity, header.nonce_prefix)
    return header.model_copy(update={"wrapping": wrapping})


def is_under_first_key(keys: KeyRing, header: Header) -> bool:
    """Tell whether the ring's first key alone opens what has this header."""
    try:
        _unwrapped(header, KeyRing([keys.first]))
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


def _wrap(blob_key: bytes, key: Key, identity: Identity, prefix: bytes) -> Wrapping:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    wrapped = AESGCM(key.secret).encrypt(nonce, blob_key, _bound(key, identity, prefix))
    return Wrapping(key_id=key.id, key_check=key.check(), nonce=nonce, wrapped_key=wrapped)


def _unwrapped(header: Header, keys: KeyRing) -> bytes:
    wrapping, prefix = header.wrapping, header.nonce_prefix
    key = keys.find(wrapping.key_id)
    if not hmac.compare_digest(wrapping.key_check, key.check()):
        raise BlobError(
            BlobReason.WRONG_KEY,
            f"The blob is encrypted under another key than the one that goes by {key.id!r}.",
        )
    if len(wrapping.nonce) != _NONCE_BYTES or len(prefix) != PREFIX_BYTES:
        raise damaged("The blob's header is not readable.")
    bound = _bound(key, header.identity, prefix)
    try:
        return AESGCM(key.secret).decrypt(wrapping.nonce, wrapping.wrapped_key, bound)
    except InvalidTag:
        raise damaged("The blob's header does not verify.") from None


def _bound(key: Key, identity: Identity, prefix: bytes) -> bytes:
    return identity.bound("key", key.id) + prefix
