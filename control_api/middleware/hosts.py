"""Serve only under names that are ours: see `sessions.network.hosts`."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import hdrs, web

from control_api.http.problems import Handler, HostNotAllowedError
from control_api.settings import ApiSettings
from sessions.network.hosts import OurHosts

OUR_HOSTS = web.AppKey("our_hosts", OurHosts)


def our_hosts(settings: ApiSettings) -> OurHosts:
    """Return the names that were set: in PUBLIC_URL, HOST and ALLOWED_HOSTS."""
    public = settings.public_url.host if settings.public_url else None
    return OurHosts.of([settings.host, public or "", *settings.allowed_hosts])


@web.middleware
async def require_our_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Raise HostNotAllowedError for a request that was meant for another name."""
    if not all(map(request.app[OUR_HOSTS].include, _hosts(request))):
        raise HostNotAllowedError
    return await handler(request)


def _hosts(request: web.Request) -> Iterable[str]:
    """Return what the request names: Host, and what a whole URL in its first line says.

    An HTTP/1.0 request has no Host, such as the checks of some load balancers; browsers send one.
    """
    named = request.headers.getall(hdrs.HOST, [])
    return [*named, request.host] if named else ()
