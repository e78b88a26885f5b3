"""Whether a host that a user names is out on the internet, or inside the operator's own network.

Without this, whoever may name a proxy could reach through the browser what only this machine can:
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
        "192.88.99.0/24",  # relays from IPv6, given up
        "::/96",  # IPv4 addresses written as IPv6 ones, given up
        "::ffff:0:0:0/96",  # the same, for translators
        "64:ff9b:1::/48",  # for translators in one's own network
        "fec0::/10",  # site-local, given up
        "5f00::/16",  # segment routing
    )
)
"""What `is_global` of Python 3.11 takes for public, and IANA's registries of special-purpose
addresses do not."""


class AddressNotAllowedError(DomainError):
    """The host is not found, or one of its addresses is not public."""

    code = "address_not_allowed"


def host_of(url: str) -> str:
    """Return the host of an address with a scheme, in small letters, an IPv6 one without brackets.

    Raises ValueError when there is none.
    """
    if host := urlsplit(url).hostname:
        return host
    raise ValueError(f"no host in {url!r}")


async def require_public(host: str) -> str:
    """Resolve the host and return an address of it.

    Raises AddressNotAllowedError unless all its addresses are public. Whoever connects has to take
    the address that is returned: the name may mean another one a moment later.
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
    """Tell whether an address is one of the public internet, whatever form it hides in."""
    address = ip_address(text.partition("%")[0])
    inner = _inner_address(address) if isinstance(address, IPv6Address) else None
    address = inner or address
    special = any(address in network for network in _SPECIAL)
    return address.is_global and not address.is_multicast and not special


def _inner_address(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 one stands for."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
