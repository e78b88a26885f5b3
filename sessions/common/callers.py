"""Who a request comes from, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

FIRST_OWNER = "admin"
"""The id of the first administrator, who owns everything that the first API key creates."""


class Role(StrEnum):
    """What a person may see."""

    ADMIN = "admin"
    """Everything, including all users."""
    USER = "user"
    """Only what they own."""


class Scope(StrEnum):
    """What an API key may be used for."""

    SEND = "send"
    """Send messages, cancel them and send them again."""
    READ = "read"
    """Read connections and messages; an administrator's key also reads users, workers and logs."""
    MANAGE = "manage"
    """Manage connections and API keys; an administrator's key also manages users."""
    BUSINESS = "business"
    """Use the business side: customers, appointments, events, lists, and what they send."""


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True)
class Caller:
    """A person who signed in, or a backend with an API key, who uses the connections of `owner`."""

    owner: str
    role: Role = Role.USER
    scopes: frozenset[Scope] = ALL_SCOPES
    key_id: str | None = None
    sign_in: str | None = None
    connections: frozenset[str] | None = None
    """The internal ids of the connections that the key may use; None: all of the owner's."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """The networks from which the key may be used; empty: everywhere."""
    expires_at: datetime | None = None
    """When the key expires."""
    makers: tuple[str, ...] = ()
    """The keys that created this one: when one of them is revoked, this key stops working, too."""

    @property
    def is_admin(self) -> bool:
        """Whether the caller may see the connections of all owners."""
        return self.role is Role.ADMIN

    def may_use(self, connection: str) -> bool:
        """Tell whether the caller's key may use this connection of its owner, by internal id."""
        return self.connections is None or connection in self.connections
