"""Signed links: whoever has one may link one phone to one connection, until it expires."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from control_api.credentials.signing import key_for
from sessions.common.errors import DomainError
from sessions.connections.model import Connection

_AUDIENCE = "chatgrow:link"
_ALGORITHM = "HS256"
_LONGEST = 1000
"""The most characters of a token; ours have about 200."""


class LinkUnknownError(DomainError):
    """The link was not made by us, or was changed."""

    code = "link_unknown"
    text = "This link is not valid."


class LinkExpiredError(DomainError):
    """The link has expired, was revoked, or its connection was deleted."""

    code = "link_expired"
    text = "This link does not work any more."


class LinkUsedError(DomainError):
    """A phone was linked after the link was made."""

    code = "link_used"
    text = "This link has been used: a phone was linked."


@dataclass(frozen=True)
class Link:
    """The content of a link: it may link a phone while `logins` is the connection's own count."""

    connection: str
    logins: int
    links_revoked: int
    expires_at: datetime

    def check(self, connection: Connection) -> None:
        """Raise LinkUsedError if a phone was linked since then, LinkExpiredError if revoked."""
        if connection.logins != self.logins:
            raise LinkUsedError
        if connection.links_revoked != self.links_revoked:
            raise LinkExpiredError


class LinkSigner:
    """Make and read the tokens in links."""

    def __init__(self, secret: str, lifetime: timedelta, now: Callable[[], datetime]) -> None:
        self._key = key_for("signed links", secret)
        self._lifetime = lifetime
        self._now = now

    def make(self, connection: Connection) -> tuple[str, datetime]:
        """Return a token for a connection, and when it expires."""
        expires_at = (self._now() + self._lifetime).replace(microsecond=0)
        link = Link(connection.id, connection.logins, connection.links_revoked, expires_at)
        return self._sign(link), expires_at

    def read(self, token: str) -> Link:
        """Return the content of a token; raise LinkUnknownError or LinkExpiredError.

        This queries no database, so the response to a forged token reveals nothing.
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
                # Expiry is checked later, by our own clock.
                options={"require": ["sub", "exp", "logins", "revoked"], "verify_exp": False},
            )
        except jwt.InvalidTokenError as error:
            raise LinkUnknownError from error
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        link = Link(claims["sub"], claims["logins"], claims["revoked"], expires_at)
        # Several Base64 texts decode to the same bytes: accept only the one that we made.
        if not hmac.compare_digest(self._sign(link).encode(), token.encode()):
            raise LinkUnknownError
        return link
