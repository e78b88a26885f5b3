"""Decide whether a host is on the internet or in the operator's own network.

Otherwise a user who may set a proxy could let the browser reach what only this machine can reach:
databases, other containers, a cloud's metadata service.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from sessions.common.errors import DomainError

_NAT64 = IPv6Network("64:ff9b::/96")
"""IPv6 addresses that a gateway turns into the IPv4 address of their last 32 bits (RFC 6052)."""
_SPECIAL = tuple(
    ip_network(each)
    for each in (
        "192.0.0.0/24",  # IETF protocol assignments; clouds have used it for metadata
        "192.88.99.0/24",  # relays from IPv6, deprecated
        "::/96",  # IPv4-compatible IPv6 addresses, deprecated
        "::ffff:0:0:0/96",  # IPv4-translated IPv6 addresses
        "64:ff9b:1::/48",  # translation inside a local network
        "fec0::/10",  # site-local, deprecated
        "5f00::/16",  # segment routing
    )
)
"""Networks that Python 3.11's `is_global` calls public, but that IANA lists as special-purpose."""


class AddressNotAllowedError(DomainError):
    """The host is not found, or one of its addresses is not public."""

    code = "address_not_allowed"


def host_of(url: str) -> str:
    """Return the host of a URL in lower case, an IPv6 address without brackets.

    Raises ValueError if there is none.
    """
    if host := urlsplit(url).hostname:
        return host
    raise ValueError(f"no host in {url!r}")


async def require_public(host: str) -> str:
    """Resolve the host and return one of its addresses.

    Connect to that address, not to the name: the name may resolve to another one a moment later.
    Raises AddressNotAllowedError unless all addresses of the host are public.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressNotAllowedError(f"There is no host {host}.") from None
    addresses = [str(each[0]) for *_, each in found]
    if not all(map(is_public, addresses)):
        raise AddressNotAllowedError(
            f"{host} is inside a private network; only an administrator may use it."
        )
    return addresses[0]


def is_public(text: str) -> bool:
    """Tell whether an address is public, also if it is an IPv4 address embedded in an IPv6 one."""
    address = ip_address(text.partition("%")[0])
    inner = _inner_address(address) if isinstance(address, IPv6Address) else None
    address = inner or address
    special = any(address in network for network in _SPECIAL)
    return address.is_global and not address.is_multicast and not special


def _inner_address(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that is embedded in an IPv6 one, or None."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
