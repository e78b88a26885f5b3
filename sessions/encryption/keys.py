"""The keys that blobs are encrypted with: the first key encrypts, all keys decrypt."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessions.common.errors import ConfigurationError
from sessions.encryption.errors import BlobError, BlobReason
from sessions.encryption.key_file import read_or_make

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

SETTING = "SESSION_ENCRYPTION_KEYS"
KEY_BYTES = 32
_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True)
class Key:
    """A key that wraps the keys of blobs; `id` is public."""

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> Key:
        """Make a new random key under a new random id."""
        return cls(f"k-{secrets.token_hex(4)}", secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str, place: str) -> Key:
        """Read `ID:BASE64`; raise ConfigurationError, which never repeats the key."""
        key_id, colon, encoded = text.partition(":")
        if not colon:
            raise ConfigurationError(f"{SETTING}: {place} is not of the form ID:BASE64.")
        if not _ID.fullmatch(key_id):
            raise ConfigurationError(f"{SETTING}: the id of {place} does not match {_ID.pattern}.")
        try:
            secret = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise ConfigurationError(f"{SETTING}: key {key_id!r} is not Base64.") from None
        if len(secret) != KEY_BYTES:
            raise ConfigurationError(
                f"{SETTING}: key {key_id!r} has {len(secret)} bytes, not {KEY_BYTES}."
            )
        return cls(key_id, secret)

    def check(self) -> bytes:
        """Return a public value that tells this key from another one with the same id."""
        return hmac.new(self.secret, b"chatgrow-key-check", hashlib.sha256).digest()[:8]

    def text(self) -> str:
        """Return the key as the setting and the key file hold it; it is a secret."""
        return f"{self.id}:{base64.b64encode(self.secret).decode()}"


class KeyRing:
    """Ordered keys: the first one encrypts, all of them decrypt."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = {key.id: key for key in keys}
        self.first = keys[0]

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read comma-separated `ID:BASE64_OF_32_BYTES`; raise ConfigurationError."""
        parts = [part.strip() for part in text.split(",")]
        if not any(parts):
            raise ConfigurationError(f"{SETTING} holds no key.")
        keys = [Key.parse(part, f"key {number}") for number, part in enumerate(parts, 1)]
        ids = [key.id for key in keys]
        if repeated := sorted({key_id for key_id in ids if ids.count(key_id) > 1}):
            raise ConfigurationError(f"{SETTING}: the id {repeated[0]!r} stands for two keys.")
        return cls(keys)

    @classmethod
    def from_file(cls, path: Path) -> KeyRing:
        """Read the key file, or make it; raise ConfigurationError."""
        text = read_or_make(path, Key.generate().text())
        try:
            return cls.parse(text)
        except ConfigurationError:
            raise ConfigurationError(
                f"The key file {path} is damaged: put it back from a copy. Without it the logins "
                "that were saved under it are lost."
            ) from None

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    def find(self, key_id: str) -> Key:
        """Return the key with this id; raise BlobError if the ring has none."""
        key = self._keys.get(key_id)
        if key is None:
            raise BlobError(
                BlobReason.WRONG_KEY,
                f"The blob is encrypted under key {key_id!r}, which is not among the keys we have "
                f"({', '.join(self._keys)}): add it to {SETTING}.",
            )
        return key


def open_key_ring(keys: SecretStr | None, data_dir: Path, production: bool) -> KeyRing:
    """Return the keys of the setting or, outside production, of the file in the data directory.

    Raises ConfigurationError.
    """
    if keys is not None:
        return KeyRing.parse(keys.get_secret_value())
    if production:
        raise ConfigurationError(
            f"{SETTING} is not set: in production the key of the saved logins has no default. "
            "Make one with `python -m sessions new-key` and keep it apart from the database."
        )
    return KeyRing.from_file(data_dir / "session.key")
