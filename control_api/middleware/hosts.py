"""Refuse requests for hosts that are not ours; see `sessions.network.hosts`."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import hdrs, web

from control_api.http.problems import Handler, HostNotAllowedError
from control_api.settings import ApiSettings
from sessions.network.hosts import OurHosts

OUR_HOSTS = web.AppKey("our_hosts", OurHosts)


def our_hosts(settings: ApiSettings) -> OurHosts:
    """Return the host names in PUBLIC_URL, HOST and ALLOWED_HOSTS."""
    public = settings.public_url.host if settings.public_url else None
    return OurHosts.of([settings.host, public or "", *settings.allowed_hosts])


@web.middleware
async def require_our_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Raise HostNotAllowedError if the request is for another host."""
    if not all(map(request.app[OUR_HOSTS].include, _hosts(request))):
        raise HostNotAllowedError
    return await handler(request)


def _hosts(request: web.Request) -> Iterable[str]:
    """Return the hosts that a request names, in Host and in a full URL in its first line.

    HTTP/1.0 requests without Host, such as some load balancers' checks, are served: browsers
    always send it.
    """
    named = request.headers.getall(hdrs.HOST, [])
    return [*named, request.host] if named else ()
