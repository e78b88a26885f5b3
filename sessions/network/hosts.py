"""Which names in a request's `Host` are ours.

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

_LOOPBACK = "localhost"


@dataclass(frozen=True)
class OurHosts:
    """The names that we are served under: whole ones, and domains with all below them."""

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
        """Tell whether a Host header names us; one that is missing or empty names nobody else."""
        name = _name(host)
        return (
            name in self.names
            or name == ""
            or _is_address(name)
            or any(f".{name}".endswith(domain) for domain in self.domains)
        )


def is_listed(host: str, hosts: Iterable[str]) -> bool:
    """Tell whether a host is in a list where `.internal` means all below it; in lower case."""
    return any(
        f".{host}".endswith(each) if each.startswith(".") else host == each for each in hosts
    )


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
