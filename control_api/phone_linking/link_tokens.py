"""Signed links: whoever holds one may link a phone to one connection, once and for a while."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions.common.errors import DomainError
from sessions.connections.model import Connection

_AUDIENCE = "chatgrow:link"
_ALGORITHM = "HS256"
_LONGEST = 1000
"""Characters; ours have about 200."""


class LinkUnknownError(DomainError):
    """The link is not one of ours, or was changed on its way."""

    code = "link_unknown"

    def __init__(self) -> None:
        super().__init__("This link is not valid.")


class LinkExpiredError(DomainError):
    """The link was good once: its time is over, it was revoked, or its connection is gone."""

    code = "link_expired"

    def __init__(self) -> None:
        super().__init__("This link does not work any more.")


class LinkUsedError(DomainError):
    """A phone was linked since the link was made."""

    code = "link_used"

    def __init__(self) -> None:
        super().__init__("This link has been used: a phone was linked.")


@dataclass(frozen=True)
class Link:
    """What a link allows: to link a phone to a connection that was linked so many times before."""

    connection: str
    logins: int
    links_revoked: int
    expires_at: datetime

    def check(self, connection: Connection) -> None:
        """Raise LinkUsedError if a phone was linked since, LinkExpiredError if it was revoked."""
        if connection.logins != self.logins:
            raise LinkUsedError
        if connection.links_revoked != self.links_revoked:
            raise LinkExpiredError


class LinkSigner:
    """Makes the tokens that stand in links, and reads them back."""

    def __init__(self, secret: str, lifetime: timedelta, now: Callable[[], datetime]) -> None:
        # A key for this purpose alone: a token that another part signed means nothing here.
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"chatgrow signed links")
        self._key = kdf.derive(secret.encode())
        self._lifetime = lifetime
        self._now = now

    def make(self, connection: Connection) -> tuple[str, datetime]:
        """Return a token for a connection, and when it stops working."""
        expires_at = (self._now() + self._lifetime).replace(microsecond=0)
        link = Link(connection.id, connection.logins, connection.links_revoked, expires_at)
        return self._sign(link), expires_at

    def read(self, token: str) -> Link:
        """Return what a token allows; raise LinkUnknownError or LinkExpiredError.

        Nothing is looked up for a token that we did not sign, so nothing can be learnt from it.
        """
        link = self._verified(token)
        if link.expires_at <= self._now():
            raise LinkExpiredError
        return link

    def _sign(self, link: Link) -> str:
        claims = {
            "aud": _AUDIENCE,
            "sub": link.connection,
            "logins": link.logins,
            "revoked": link.links_revoked,
            "exp": int(link.expires_at.timestamp()),
        }
        return jwt.encode(claims, self._key, _ALGORITHM)

    def _verified(self, token: str) -> Link:
        if len(token) > _LONGEST:
            raise LinkUnknownError
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                # Our own clock decides, after the signature.
                options={"require": ["sub", "exp", "logins", "revoked"], "verify_exp": False},
            )
        except jwt.InvalidTokenError as error:
            raise LinkUnknownError from error
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        link = Link(claims["sub"], claims["logins"], claims["revoked"], expires_at)
        # Base64 has several spellings for the same bytes; only the one that we wrote is ours.
        if not hmac.compare_digest(self._sign(link).encode(), token.encode()):
            raise LinkUnknownError
        return link
