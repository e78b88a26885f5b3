"""Access tokens: JWTs that name a user and the sign-in that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

_ALGORITHM = "HS256"
_AUDIENCE = "chatgrow-api"


class BadTokenError(Exception):
    """Not a token of ours, or its time is over."""


@dataclass(frozen=True)
class Claims:
    """What an access token says; `issued_at` is known of one that was read."""

    user: str
    sign_in: str
    issued_at: datetime | None = None


@dataclass(frozen=True)
class AccessTokens:
    """Writes and reads access tokens."""

    secret: str
    lifetime: timedelta

    def write(self, claims: Claims, now: datetime) -> str:
        """Return a token for a sign-in."""
        payload = {
            "sub": claims.user,
            "sid": claims.sign_in,
            "aud": _AUDIENCE,
            "iat": now,
            "exp": now + self.lifetime,
        }
        return jwt.encode(payload, self.secret, algorithm=_ALGORITHM)

    def read(self, token: str) -> Claims:
        """Return what a token says; raise BadTokenError."""
        try:
            payload = jwt.decode(
                token,
                self.secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                options={
                    "require": ["sub", "sid", "iat", "exp", "aud"],
                    # It is by MongoDB's clock, and this host's may be behind.
                    "verify_iat": False,
                },
            )
        # Who sends a token chooses its header, and that is read before the signature is checked.
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise BadTokenError(str(error)) from error
        issued_at = datetime.fromtimestamp(payload["iat"], UTC)
        return Claims(str(payload["sub"]), str(payload["sid"]), issued_at)
