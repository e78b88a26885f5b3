"""The middlewares that protect the whole API: hosts, origins, rate limits and headers."""

from __future__ import annotations

from aiohttp import web

from control_api.http.bodies import BODY_TIMEOUT
from control_api.http.client_address import FORWARDED_HEADER, TRUSTED_PROXIES, client_of
from control_api.http.headers import protect
from control_api.middleware.cors import CORS_ORIGINS, answer_preflights, share
from control_api.middleware.hosts import OUR_HOSTS, our_hosts, require_our_host
from control_api.middleware.limits import LIMITS, RequestLimits, limit_requests, tell_standing
from control_api.rate_limits.limiter import Limiter
from control_api.settings import ApiSettings

__all__ = ["answer_preflights", "configure_middlewares", "limit_requests", "require_our_host"]


def configure_middlewares(app: web.Application, settings: ApiSettings, limiter: Limiter) -> None:
    """Give the middlewares their settings, and every response its headers."""
    app[OUR_HOSTS] = our_hosts(settings)
    app[TRUSTED_PROXIES] = settings.trusted_proxies
    app[FORWARDED_HEADER] = settings.forwarded_header
    app[CORS_ORIGINS] = frozenset(settings.cors_origins)
    app[BODY_TIMEOUT] = settings.body_timeout
    app[LIMITS] = RequestLimits.of(settings, limiter)
    app.on_response_prepare.append(_add_headers)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers of every response; as a signal, since streams begin inside handlers."""
    protect(response.headers, request.path, https=client_of(request).scheme == "https")
    share(response.headers, request)
    tell_standing(response.headers, request)
