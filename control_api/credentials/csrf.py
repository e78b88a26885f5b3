"""Requests that a browser signs with a cookie: proof that one of our own pages made them."""

from __future__ import annotations

import hmac
from hashlib import sha256

from aiohttp import web
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from control_api.http.origin import ForeignOriginError, require_own_origin
from sessions.common.errors import DomainError

HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CsrfError(DomainError):
    """A browser sent its cookie, and nothing shows that a page of ours made it do so."""

    code = "csrf"

    def __init__(self) -> None:
        super().__init__(f"A request with the session cookie needs the page's {HEADER}.")


class CsrfTokens:
    """Makes the token of a sign-in, and checks the one that came."""

    def __init__(self, secret: str) -> None:
        # A key for this purpose alone, as for links.
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"chatgrow csrf")
        self._key = kdf.derive(secret.encode())

    def of(self, sign_in: str) -> str:
        """Return the token of a sign-in: the same as long as it lasts."""
        return hmac.new(self._key, sign_in.encode(), sha256).hexdigest()

    def check(self, request: web.Request, sign_in: str, given: str) -> None:
        """Raise CsrfError unless the token is right and the request comes from our own origin."""
        try:
            require_own_origin(request)
        except ForeignOriginError as error:
            raise CsrfError from error
        if not hmac.compare_digest(self.of(sign_in).encode(), given.encode("utf-8", "replace")):
            raise CsrfError
