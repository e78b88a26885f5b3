"""Whether a host that a user names is out on the internet, or inside the operator's own network.

Without this, whoever may name a proxy could reach through the browser what only this machine can:
databases, other containers, a cloud's metadata service.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from sessions.errors import DomainError

_NAT64 = IPv6Network("64:ff9b::/96")
"""IPv6 addresses that a gateway turns into the IPv4 address of their last 32 bits (RFC 6052)."""


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


async def require_public(host: str) -> None:
    """Resolve the host; raise AddressNotAllowedError unless all its addresses are public."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressNotAllowedError(f"There is no host {host}.") from None
    for *_, address in found:
        if not is_public(str(address[0])):
            raise AddressNotAllowedError(
                f"{host} is inside a private network; only an administrator may use it."
            )


def is_public(text: str) -> bool:
    """Tell whether an address is one of the public internet, whatever form it hides in."""
    address = ip_address(text.partition("%")[0])
    inner = _inner_address(address) if isinstance(address, IPv6Address) else None
    address = inner or address
    return address.is_global and not address.is_multicast


def _inner_address(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 one stands for."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
