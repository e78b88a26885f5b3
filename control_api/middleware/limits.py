"""Limit the rate of requests: by settings for users and strangers, generously for API keys."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from dataclasses import dataclass

from aiohttp import hdrs, web

from control_api.auth.identity import IDENTITY, is_for_everybody
from control_api.http.client_address import Client, client_of
from control_api.http.problems import Handler, RateLimitedError
from control_api.rate_limits.limiter import Limiter
from control_api.rate_limits.rules import Rule, Standing
from control_api.settings import ApiSettings
from sessions.common.callers import FIRST_OWNER, Caller

_VIEWS = 20
"""The factor for users of our own pages: each view of a page makes many requests."""
_NETWORKS = 10
"""The factor for a /48 of IPv6 addresses, compared to one of its 65,536 networks."""
_STREAM = re.compile(r"/api/whatsapp/(?:.*/)?events")
_STANDING = web.RequestKey("standing", Standing)


@dataclass(frozen=True)
class RequestLimits:
    """The rules for all kinds of callers, and the limiter that counts."""

    limiter: Limiter
    user: Rule
    """A user who calls the API directly."""
    dashboard: Rule
    """A user of our pages."""
    address: Rule
    """Unknown callers by network, including those with wrong credentials."""
    site: Rule
    """Unknown callers by the /48 of an IPv6 address."""
    api_key: Rule
    owner: Rule
    """All API keys of an owner together: more keys do not allow more requests."""

    @classmethod
    def of(cls, settings: ApiSettings, limiter: Limiter) -> RequestLimits:
        """Make the rules from the settings."""
        most, window = settings.rate_limit_max_requests, settings.rate_limit_window
        return cls(
            limiter,
            user=Rule("user", most, window),
            dashboard=Rule("dashboard", most * _VIEWS, window),
            address=Rule("address", most, window),
            site=Rule("site", most * _NETWORKS, window),
            api_key=Rule("api-key", settings.api_key_rate_limit_max_requests, window),
            owner=Rule("api-keys-of-owner", settings.api_key_rate_limit_per_owner, window),
        )

    async def charge(self, request: web.Request) -> Standing | None:
        """Count a request for its caller; return None if this request is not counted."""
        identity = request[IDENTITY]
        caller = identity.caller
        # While MongoDB is away all callers are unknown: they must not use up strangers' limit.
        if identity.failure is not None or not _is_counted(request, caller):
            return None
        if caller is None:
            return await self._charge_stranger(client_of(request))
        if caller.key_id is not None:
            return await self._charge_key(caller.key_id, caller.owner)
        rule = self.dashboard if _comes_from_our_pages(request) else self.user
        return await self.limiter.charge(rule, caller.owner)

    async def _charge_key(self, key: str, owner: str) -> Standing:
        standing = await self.limiter.charge(self.api_key, key)
        # The operator of the installation has no limit as an owner.
        if owner == FIRST_OWNER or not standing.allowed:
            return standing
        together = await self.limiter.charge(self.owner, owner)
        if not together.allowed:
            await self.limiter.give_back(self.api_key, key)
        return min(standing, together, key=_scarcity)

    async def _charge_stranger(self, client: Client) -> Standing:
        standing = await self.limiter.charge(self.address, client.network)
        if client.site is None or not standing.allowed:
            return standing
        site = await self.limiter.charge(self.site, client.site)
        if not site.allowed:
            await self.limiter.give_back(self.address, client.network)
        return standing if site.allowed else site


LIMITS = web.AppKey("request_limits", RequestLimits)


@web.middleware
async def limit_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count a request, and pass it on if its caller is below the limit; raise RateLimitedError.

    Runs after `identify`, so that strangers at the same address do not use up a user's limit.
    """
    standing = await request.app[LIMITS].charge(request)
    if standing is not None:
        request[_STANDING] = standing
        if not standing.allowed:
            raise RateLimitedError(standing.resets_in)
    return await handler(request)


def tell_standing(headers: MutableMapping[str, str], request: web.Request) -> None:
    """Add the headers of draft-ietf-httpapi-ratelimit-headers, if the request was counted."""
    standing = request.get(_STANDING)
    if standing is not None:
        rule = standing.rule
        headers["RateLimit-Policy"] = f'"{rule.name}";q={rule.amount};w={rule.seconds}'
        headers["RateLimit"] = f'"{rule.name}";r={standing.remaining};t={standing.resets_in}'


def _scarcity(standing: Standing) -> tuple[bool, int]:
    return standing.allowed, standing.remaining


def _is_counted(request: web.Request, caller: Caller | None) -> bool:
    if is_for_everybody(request):
        return False
    # A browser repeats the request of a stream after each interruption.
    is_stream = request.method == hdrs.METH_GET and _STREAM.fullmatch(request.path)
    return caller is None or not is_stream


def _comes_from_our_pages(request: web.Request) -> bool:
    """Tell whether the request comes from our pages, by a browser's header or a session cookie.

    A client that pretends this gains some more requests, but is still counted as that user.
    """
    same_origin = request.headers.get("Sec-Fetch-Site") == "same-origin"
    return same_origin or hdrs.AUTHORIZATION not in request.headers
