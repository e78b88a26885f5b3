"""The record of a connection: one linked WhatsApp account."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, SecretStr

from sessions.connections.pacing import Pacing
from sessions.connections.states import (
    Actor,
    Command,
    ConnectionState,
    Reason,
    acts_next,
    allowed_commands,
    needs_a_worker,
)
from sessions.encryption.sealed_value import SealedValue
from sessions.network.public_addresses import host_of
from sessions.storage.record import Record

Desired = Literal["running", "stopped"]


class LeaseHolder(Record):
    """The worker that holds the lease of a connection, and until when."""

    worker: str
    instance: str
    expires_at: datetime


class QrCode(Record):
    """The text of a QR code that links a phone; a credential until it expires."""

    code: str
    expires_at: datetime


class Proxy(Record):
    """The proxy that one connection's browser goes through."""

    server: str
    username: str | None = None
    password: SecretStr | None = None
    """In plain text, as it is used; earlier versions stored it like this."""
    sealed_password: SealedValue | None = None
    may_be_private: bool = True
    """Whether it may be inside the operator's own network, which only an administrator can allow.
    Proxies stored by versions without this field may."""

    @property
    def host(self) -> str:
        """The proxy's name or address, in lower case."""
        return host_of(self.server)

    def to_document(self) -> dict[str, Any]:
        """Return the document to store; a password must have gone through `ProxyPasswords.seal`."""
        document = self.model_dump(by_alias=True, exclude_none=True)
        if self.password is not None:
            document["password"] = self.password.get_secret_value()
        return document


class Held(Record):
    """Until when a connection sends nothing, and why."""

    until: datetime
    reason: str


class PageVersion(Record):
    """The version of WhatsApp Web that a connection's page has loaded, and when it did."""

    version: str | None = None
    manifest: str | None = None
    loaded_at: datetime


class Connection(Record):
    """One linked WhatsApp account; `id` is made by us, `connection_id` is chosen by its owner.

    Logins of `forgotten_generation` and older generations must not be used any more.
    """

    id: str = Field(alias="_id")
    owner: str
    connection_id: str
    name: str
    phone_number: str | None = None
    desired: Desired = "running"
    state: ConnectionState
    reason: Reason | None = None
    since: datetime
    until: datetime | None = None
    """When the state ends, if WhatsApp says so."""
    generation: int = 0
    lease: LeaseHolder | None = None
    leased: bool = False
    read_at: datetime | None = None
    """When this was read, by MongoDB's clock."""
    qr: QrCode | None = None
    linked_number: str | None = None
    logins: int = 0
    """How many times a phone was linked."""
    links_revoked: int = 0
    """How many times signed links were revoked; links made before the last time do not work."""
    forgotten_generation: int = -1
    proxy: Proxy | None = None
    pacing: Pacing = Pacing()
    held: Held | None = None
    page: PageVersion | None = None
    created_at: datetime

    def observed(self) -> tuple[ConnectionState, Reason | None]:
        """Return state and reason as they are now: worker_lost when the lease has expired."""
        if self.leased or not needs_a_worker(self.state):
            return self.state, self.reason
        if self.desired == "stopped":
            return ConnectionState.STOPPED, None
        if self.lease is None:
            return self.state, self.reason
        return ConnectionState.DISCONNECTED, Reason.WORKER_LOST

    def observed_until(self) -> datetime | None:
        """Return when the observed state ends, if WhatsApp says so."""
        return self.until if self.observed() == (self.state, self.reason) else None

    def observed_since(self) -> datetime:
        """Return since when the observed state holds; a worker is lost when its lease expires."""
        if self.lease and self.observed()[1] is Reason.WORKER_LOST and not self.leased:
            return self.lease.expires_at
        return self.since

    def acts_next(self) -> Actor:
        """Return who acts next in the observed state."""
        since = self.observed_since()
        return acts_next(*self.observed(), lasting=(self.read_at or since) - since)

    def allowed_commands(self) -> list[Command]:
        """Return the commands that make sense in the observed state."""
        state, _ = self.observed()
        return allowed_commands(state, linked=self.linked_number is not None)
