"""Who a request comes from, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

FIRST_OWNER = "admin"
"""The first administrator: the owner of what the first API key makes, and the first user's id."""


class Role(StrEnum):
    """What a person may see."""

    ADMIN = "admin"
    """Everything, and who may use the system."""
    USER = "user"
    """What they own."""


class Scope(StrEnum):
    """What an API key may be used for."""

    SEND = "send"
    """Send messages, take them back and send them again."""
    READ = "read"
    """Look at connections and messages; an administrator's, also at users, workers and logs."""
    MANAGE = "manage"
    """Create, change, link and delete connections, and make keys; an administrator's, users too."""


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True)
class Caller:
    """A person who signed in, or a backend with its key; `owner` is whose connections it uses."""

    owner: str
    role: Role = Role.USER
    scopes: frozenset[Scope] = ALL_SCOPES
    key_id: str | None = None
    sign_in: str | None = None
    connections: frozenset[str] | None = None
    """Our own ids of the only connections that its key may use; None: all."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """From where the key may be used; none means from everywhere."""
    expires_at: datetime | None = None
    """When the key stops working."""
    makers: tuple[str, ...] = ()
    """The keys with which the key stops working."""

    @property
    def is_admin(self) -> bool:
        """Whether everybody's connections may be seen."""
        return self.role is Role.ADMIN

    def may_use(self, connection: str) -> bool:
        """Tell whether a connection of theirs, by our own id, is one that their key is for."""
        return self.connections is None or connection in self.connections
