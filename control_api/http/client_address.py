"""Find the client of a request behind trusted proxies.

A client can send any header, and a proxy appends to only one of them. So we read only the header
that a setting names, from right to left, and stop at the first address that is not a trusted
proxy: everything left of it may be forged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from itertools import chain, repeat

from aiohttp import hdrs, web

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_ONE_NETWORK = 64
"""The bits that the IPv6 addresses of one network have in common."""
_ONE_SITE = 48
"""The bits that all IPv6 networks of one customer have in common: 65,536 networks (RFC 6177)."""
_UNKNOWN = ip_address("0.0.0.0")  # noqa: S104  nothing listens here: it names an unknown client


@dataclass(frozen=True)
class Client:
    """The address that a request comes from, and the scheme that the client used."""

    address: Address
    scheme: str

    @property
    def network(self) -> str:
        """What limits count by: an IPv4 address, or the /64 of an IPv6 address."""
        if isinstance(self.address, IPv4Address):
            return str(self.address)
        return str(ip_network((self.address, _ONE_NETWORK), strict=False))

    @property
    def site(self) -> str | None:
        """The /48 of an IPv6 address, by which limits count, too; None for IPv4."""
        if isinstance(self.address, IPv4Address):
            return None
        return str(ip_network((self.address, _ONE_SITE), strict=False))


_CHAR = r"!#$%&'*+.^_`|~\w-"
_PAIR = re.compile(rf"""([{_CHAR}]+)=([:\[\]{_CHAR}]+|"(?:[^"\\]|\\.)*")""", re.ASCII)
_COMMAS_IN_ELEMENT = 5
"""More than proxies write between quotes; a client must not make us try thousands."""
_MOST_ELEMENTS = 20
"""More than there are proxies in a row; a trusted one must not keep us busy either."""
_ELEMENT = re.compile(rf"\s*{_PAIR.pattern}(?:\s*;\s*{_PAIR.pattern})*\s*", re.ASCII)

TRUSTED_PROXIES = web.AppKey("trusted_proxies", tuple[Network, ...])
FORWARDED_HEADER = web.AppKey("forwarded_header", str)
_CLIENT = web.RequestKey("client", Client)


def client_of(request: web.Request) -> Client:
    """Return the client; `request.remote` and `request.scheme` are those of the last proxy."""
    if _CLIENT not in request:
        trusted = request.app[TRUSTED_PROXIES]
        request[_CLIENT] = _find(request, trusted)
    return request[_CLIENT]


def _find(request: web.Request, trusted: Sequence[Network]) -> Client:
    """Go from hop to hop, from our side on, until an address is not a trusted proxy."""
    client = Client(_parse(request.remote or "") or _UNKNOWN, request.scheme)
    for hop in _hops(request):
        if not any(client.address in network for network in trusted):
            break
        address = _parse(hop.address)
        if address is None:
            break
        client = Client(address, hop.scheme if hop.scheme in ("http", "https") else client.scheme)
    return client


@dataclass(frozen=True)
class _Hop:
    """The address and scheme that a proxy reports."""

    address: str
    scheme: str


def _hops(request: web.Request) -> Iterator[_Hop]:
    """Yield what the proxies report, the nearest to us first."""
    if request.app[FORWARDED_HEADER] == hdrs.FORWARDED:
        yield from _forwarded(",".join(request.headers.getall(hdrs.FORWARDED, [])))
        return
    addresses = reversed(_values(request, hdrs.X_FORWARDED_FOR))
    schemes = [each.lower() for each in reversed(_values(request, hdrs.X_FORWARDED_PROTO))]
    # From right to left, too. Many proxies send only one value, that of the client.
    yield from map(_Hop, addresses, chain(schemes, repeat(schemes[-1] if schemes else "")))


def _forwarded(text: str) -> Iterator[_Hop]:
    """Yield the elements of `Forwarded` (RFC 7239) from the right, as far as they can be read.

    A client can leave a quote open that would swallow what a proxy appends, if one read from the
    left. Who is behind an element that cannot be read is unknown: that is not the proxy.
    """
    for _ in range(_MOST_ELEMENTS):
        text = text.rstrip(", \t")
        if not text:
            return
        start, element = _last_element(text)
        yield _hop(element)
        text = text[: max(start, 0)]


def _last_element(text: str) -> tuple[int, re.Match[str] | None]:
    """Return where the last element begins, and the element, or None for one that is none."""
    start, element = len(text), None
    for _ in range(_COMMAS_IN_ELEMENT + 1):
        start = text.rfind(",", 0, start)
        element = _ELEMENT.fullmatch(text, start + 1)
        if element or start < 0:
            break
    return start, element


def _hop(element: re.Match[str] | None) -> _Hop:
    if element is None:
        return _Hop(str(_UNKNOWN), "")
    pairs = {name.lower(): value.strip('"') for name, value in _PAIR.findall(element[0])}
    return _Hop(pairs.get("for", ""), pairs.get("proto", "").lower())


def _values(request: web.Request, header: str) -> list[str]:
    lines = request.headers.getall(header, [])
    return [value.strip() for value in ",".join(lines).split(",") if value.strip()]


def _parse(text: str) -> Address | None:
    """Read an address as proxies write it: alone, with a port, or as `[v6]:port`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
