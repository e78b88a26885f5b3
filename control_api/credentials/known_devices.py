"""Recognise a device on which an account has signed in before, by a cookie that we signed.

While strangers guess an account's password, its owner would have to wait, too; on such a device
they do not. The cookie does not sign anybody in.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

from control_api.credentials.signing import key_for
from sessions.common.ids import new_id

KNOWN_FOR = timedelta(days=365)
_LONGEST = 200
"""The most characters of a token; ours have about 100."""


def account_digest(account: str) -> str:
    """Return a digest of an account's e-mail address: people may type anything, even a password.

    `account` is an address as `normal_email` returns it; it is not normalized again.
    """
    return hashlib.sha256(account.encode("utf-8", "replace")).hexdigest()


class KnownDevices:
    """Make and read the tokens of devices; each token is for one account."""

    def __init__(self, secret: str, now: Callable[[], datetime]) -> None:
        self._key = key_for("known devices", secret)
        self._now = now

    def token(self, account: str, device: str | None = None) -> str:
        """Return a new token for a device, with its present id if it has one."""
        named = f"{device or new_id()}.{int(self._now().timestamp())}"
        return f"{named}.{self._mac(account, named)}"

    def device(self, account: str, token: str) -> str | None:
        """Return the id in a device's token; None if the token is not valid for this account."""
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
