"""CSRF tokens: proof that a request with a session cookie comes from one of our pages."""

from __future__ import annotations

import hmac
from hashlib import sha256

from aiohttp import web

from control_api.credentials.signing import key_for
from control_api.http.origin import ForeignOriginError, require_own_origin
from sessions.common.errors import DomainError

HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CsrfError(DomainError):
    """The request has a session cookie, but no proof that one of our pages made it."""

    code = "csrf"
    text = f"A request with the session cookie needs the page's {HEADER}."


class CsrfTokens:
    """Make the token of a sign-in, and check that of a request."""

    def __init__(self, secret: str) -> None:
        self._key = key_for("csrf", secret)

    def of(self, sign_in: str) -> str:
        """Return the token of a sign-in, which is always the same."""
        return hmac.new(self._key, sign_in.encode(), sha256).hexdigest()

    def check(self, request: web.Request, sign_in: str, given: str) -> None:
        """Raise CsrfError unless the token is right and the request comes from our own origin."""
        try:
            require_own_origin(request)
        except ForeignOriginError as error:
            raise CsrfError from error
        if not hmac.compare_digest(self.of(sign_in).encode(), given.encode("utf-8", "replace")):
            raise CsrfError
