"""Know a device again on which an account signed in before: it brings a cookie that we signed.

Strangers who guess an account's password make everybody else wait who tries it; this device does
not have to. The cookie proves nothing but that, and signs nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions.common.ids import new_id

KNOWN_FOR = timedelta(days=365)
_LONGEST = 200
"""Characters; ours have about 100."""


def account_digest(account: str) -> str:
    """Return what stands for an account: what people typed can be anything, even a password.

    `account` is an e-mail address as `normal_email` returns it, which decides alone what is one
    account: nothing is folded here any more.
    """
    return hashlib.sha256(account.encode("utf-8", "replace")).hexdigest()


class KnownDevices:
    """Makes and reads the tokens of devices; each is good for one account."""

    def __init__(self, secret: str, now: Callable[[], datetime]) -> None:
        # A key for this purpose alone, as for links.
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"chatgrow known devices")
        self._key = kdf.derive(secret.encode())
        self._now = now

    def token(self, account: str, device: str | None = None) -> str:
        """Return a new token for a device, which keeps its id if it has one."""
        named = f"{device or new_id()}.{int(self._now().timestamp())}"
        return f"{named}.{self._mac(account, named)}"

    def device(self, account: str, token: str) -> str | None:
        """Return the id of the device on which this account signed in, or None."""
        named, _, mac = token.rpartition(".")
        if len(token) > _LONGEST or not token.isascii():
            return None
        if not hmac.compare_digest(self._mac(account, named), mac):
            return None
        device, _, since = named.partition(".")
        age = self._now().timestamp() - int(since)
        return device if age < KNOWN_FOR.total_seconds() else None

    def _mac(self, account: str, named: str) -> str:
        text = f"{account_digest(account)}.{named}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
