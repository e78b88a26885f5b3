"""Serve only under names that are ours.

A page of another site can have its own name resolved to our address (DNS rebinding); its browser
then takes us for that site, and lets the page read what we answer. It sends that name in `Host`,
so a name that is not ours is refused. An address in its place cannot come about like this: nothing
is resolved. So probes and scrapes by the address of a machine or a container are served, whichever
address that is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from aiohttp import hdrs, web

from control_api.problems import Handler, HostNotAllowedError
from control_api.settings import ApiSettings

_LOOPBACK = "localhost"


@dataclass(frozen=True)
class OurHosts:
    """The names that we are served under: whole ones, and domains with all below them."""

    names: frozenset[str]
    domains: tuple[str, ...]

    @classmethod
    def of(cls, settings: ApiSettings) -> OurHosts:
        """Return the names that were set: in PUBLIC_URL, HOST and ALLOWED_HOSTS."""
        public = settings.public_url.host if settings.public_url else None
        given = [_LOOPBACK, settings.host, public or "", *settings.allowed_hosts]
        return cls(
            frozenset(each.lower() for each in given if each and not each.startswith(".")),
            tuple(each.lower() for each in given if each.startswith(".")),
        )

    def include(self, host: str) -> bool:
        """Tell whether a Host header names us; one that is missing or empty names nobody else."""
        name = _name(host)
        return (
            name in self.names
            or name == ""
            or _is_address(name)
            or any(f".{name}".endswith(domain) for domain in self.domains)
        )


OUR_HOSTS = web.AppKey("our_hosts", OurHosts)


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


def _name(host: str) -> str:
    """Return a host without its port, in lower case."""
    text = host.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
