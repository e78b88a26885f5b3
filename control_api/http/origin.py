"""Refuse requests that another site makes a browser send."""

from __future__ import annotations

from aiohttp import web

from sessions.common.errors import DomainError


class ForeignOriginError(DomainError):
    """Another site made the browser send this request."""

    code = "foreign_origin"
    text = "This can only be asked for by the page itself."


def require_own_origin(request: web.Request) -> None:
    """Raise ForeignOriginError if a browser sends the request on behalf of another site.

    Programs that are not browsers send neither header; they have no cookies that could be abused.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForeignOriginError
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        raise ForeignOriginError
