"""Encrypt a short value with the ring's first key: AES-256-GCM, bound to its place in the database.

Unlike a blob it has no key of its own. Nonces are random, which is safe for about a billion values
with one key (NIST SP 800-38D, 8.3).
"""

from __future__ import annotations

import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions.encryption.errors import BlobError, BlobReason
from sessions.encryption.frames import bound
from sessions.encryption.keys import KeyRing
from sessions.encryption.sealed_value import SealedValue

_KIND = "chatgrow-value-1"
_NONCE_BYTES = 12


def seal_value(keys: KeyRing, text: str, *place: str) -> SealedValue:
    """Encrypt a value for one place, such as the id of its record and the name of its field."""
    key, nonce = keys.first, secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(key.secret).encrypt(nonce, text.encode(), bound(_KIND, key.id, *place))
    return SealedValue(key_id=key.id, key_check=key.check(), nonce=nonce, sealed=sealed)


def open_value(keys: KeyRing, value: SealedValue, *place: str) -> str:
    """Decrypt a value; raise BlobError for a missing key, another place, or changed bytes."""
    key = keys.find(value.key_id)
    if not hmac.compare_digest(value.key_check, key.check()):
        raise BlobError(
            BlobReason.WRONG_KEY,
            f"A value is encrypted under another key than the one that goes by {key.id!r}.",
        )
    try:
        bound_to = bound(_KIND, key.id, *place)
        return AESGCM(key.secret).decrypt(value.nonce, value.sealed, bound_to).decode()
    except (InvalidTag, ValueError):
        raise BlobError(BlobReason.DAMAGED, "An encrypted value does not verify.") from None


def is_under_first_key(keys: KeyRing, value: SealedValue) -> bool:
    """Tell whether a value is encrypted with the ring's first key."""
    return value.key_id == keys.first.id and value.key_check == keys.first.check()
