"""Tell requests of our own pages from those that another site makes a browser send."""

from __future__ import annotations

from aiohttp import web

from sessions.common.errors import DomainError


class ForeignOriginError(DomainError):
    """Another site made the browser send this request."""

    code = "foreign_origin"

    def __init__(self) -> None:
        super().__init__("This can only be asked for by the page itself.")


def require_own_origin(request: web.Request) -> None:
    """Raise ForeignOriginError for what a browser sends in another site's name.

    Programs other than browsers send neither header, and have nobody's cookies to abuse.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForeignOriginError
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        raise ForeignOriginError
