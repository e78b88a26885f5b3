"""Access tokens: JWTs with a user and the sign-in that the token belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

_ALGORITHM = "HS256"
_AUDIENCE = "chatgrow-api"


class BadTokenError(Exception):
    """The token is not ours, or has expired."""


@dataclass(frozen=True)
class Claims:
    """The content of an access token; `issued_at` is set if it was read from one."""

    user: str
    sign_in: str
    issued_at: datetime | None = None


@dataclass(frozen=True)
class AccessTokens:
    """Write and read access tokens."""

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
        """Return the content of a token; raise BadTokenError."""
        try:
            payload = jwt.decode(
                token,
                self.secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                options={
                    "require": ["sub", "sid", "iat", "exp", "aud"],
                    # `iat` is by MongoDB's clock; this host's clock may be behind.
                    "verify_iat": False,
                },
            )
        # A token's header can hold anything, and is read before the signature is checked.
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise BadTokenError(str(error)) from error
        issued_at = datetime.fromtimestamp(payload["iat"], UTC)
        return Claims(str(payload["sub"]), str(payload["sid"]), issued_at)
