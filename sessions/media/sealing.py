"""The encryption of one file: frame by frame, so that a part of it is read without the rest."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions.encryption.errors import BlobError, BlobReason
from sessions.encryption.frames import (
    LAST,
    MORE,
    PREFIX_BYTES,
    Frames,
    Wrapping,
    bound,
    unwrap,
    wrap,
)
from sessions.encryption.keys import KEY_BYTES, KeyRing
from sessions.media.errors import MediaDamagedError, MediaKeyMissingError
from sessions.media.model import StoredMedia

_KIND = "chatgrow-media-1"


@dataclass(frozen=True)
class MediaPlace:
    """What a file is bound to by its encryption: its owner and its id."""

    owner: str
    media_id: str

    def bound(self, *more: str) -> bytes:
        """Return it as authenticated data."""
        return bound(_KIND, self.owner, self.media_id, *more)


@dataclass(frozen=True)
class FileCipher:
    """Encrypt and decrypt the frames of one file."""

    place: MediaPlace
    key: bytes
    prefix: bytes

    @classmethod
    def new(cls, owner: str, media_id: str) -> FileCipher:
        """Make the key of a new file."""
        key = AESGCM.generate_key(bit_length=8 * KEY_BYTES)
        return cls(MediaPlace(owner, media_id), key, secrets.token_bytes(PREFIX_BYTES))

    @classmethod
    def of(cls, keys: KeyRing | None, media: StoredMedia) -> FileCipher:
        """Decrypt the key of a stored file; raise MediaKeyMissingError or MediaDamagedError."""
        about = media.metadata
        place = MediaPlace(about.owner, media.id)
        if keys is None:
            raise MediaKeyMissingError
        try:
            key = unwrap(keys, about.wrapping, place, about.nonce_prefix)
        except BlobError as error:
            raise _as_media_error(error, media.id) from error
        return cls(place, key, about.nonce_prefix)

    def wrapped(self, keys: KeyRing) -> Wrapping:
        """Return the file's key, encrypted with the first key of the ring."""
        return wrap(self.key, keys.first, self.place, self.prefix)

    def seal(self, number: int, content: bytes, *, last: bool) -> bytes:
        """Encrypt a frame."""
        return self._frames(number).sealed(content, LAST if last else MORE)

    def open(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        """Decrypt a frame; raise MediaDamagedError."""
        try:
            content, is_last = self._frames(number).opened_whole(sealed)
        except BlobError as error:
            raise MediaDamagedError(self.place.media_id) from error
        if is_last is not last:
            raise MediaDamagedError(self.place.media_id)
        return content

    def _frames(self, number: int) -> Frames:
        frames = Frames(self.key, self.prefix, self.place.bound("frame"))
        frames.go_to(number)
        return frames


def _as_media_error(error: BlobError, media_id: str) -> MediaKeyMissingError | MediaDamagedError:
    if error.reason is BlobReason.WRONG_KEY:
        return MediaKeyMissingError()
    return MediaDamagedError(media_id)
