"""Decide whether the name in a request's `Host` header is ours.

Another site can let its own name resolve to our address (DNS rebinding). A browser then believes
that we are that site, and lets its pages read our answers. It sends the site's name in `Host`, so
names that are not ours are refused. IP addresses are all accepted: no name is resolved then, and
health checks and scrapes use the address of a machine or a container.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

_LOOPBACK = "localhost"


@dataclass(frozen=True)
class OurHosts:
    """The names that we are reached under: single hosts, and domains with all hosts below them."""

    names: frozenset[str]
    domains: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> OurHosts:
        """Return these names and `localhost`; one that begins with a dot is a whole domain."""
        given = [each.lower() for each in (_LOOPBACK, *names) if each]
        return cls(
            frozenset(each for each in given if not each.startswith(".")),
            tuple(each for each in given if each.startswith(".")),
        )

    def include(self, host: str) -> bool:
        """Tell whether a Host header names us; a missing or empty one is accepted."""
        name = _name(host)
        return name is not None and (
            name in self.names
            or name == ""
            or is_address(name)
            or any(f".{name}".endswith(domain) for domain in self.domains)
        )


def is_listed(host: str, hosts: Iterable[str]) -> bool:
    """Tell whether a host is in a list, in which `.internal` means all hosts below it.

    Both are in lower case.
    """
    return any(
        f".{host}".endswith(each) if each.startswith(".") else host == each for each in hosts
    )


_HOST = re.compile(r"(?:\[(?P<v6>[^]]*)\]|(?P<name>[^:\[\]%]*))(?::\d*)?")


def _name(host: str) -> str | None:
    """Return a host without its port, in lower case; None for what is no host at all."""
    found = _HOST.fullmatch(host.strip().lower())
    if found is None:
        return None
    if found["v6"] is None:
        return found["name"].removesuffix(".")
    return found["v6"] if is_address(found["v6"]) else None


def is_address(name: str) -> bool:
    """Tell whether a host is an IP address, which may have a zone."""
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
