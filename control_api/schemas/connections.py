"""The models of requests and answers about connections."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from control_api.schemas.base import Answer, Body, Name, PhoneNumber
from control_api.schemas.proxies import ProxyServer
from sessions.common.json_values import Timestamp, WrittenTimestamp
from sessions.connections.model import Connection, Proxy
from sessions.connections.pacing import Pacing
from sessions.connections.states import Actor, Command, ConnectionState, Reason
from sessions.messages.fields import ConnectionId
from sessions.messages.outbox import QueueDepth
from sessions.network.public_addresses import host_of


class QrQuery(Body):
    """GET …/qr: the format, if Accept does not say, and for how long to wait for a code."""

    format: Literal["png", "svg", "ascii", "json"] | None = None
    wait: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = 0


class ConnectionQuery(Body):
    """GET /api/whatsapp/connections and …/{id}: since when to count what was sent."""

    sent_since: Timestamp | None = None


class ProxyRequest(Body):
    """The proxy for one connection's browser."""

    server: ProxyServer
    username: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _browser_can(self) -> ProxyRequest:
        if self.server.startswith("socks5://") and self.username:
            raise ValueError("The browser cannot sign in to a SOCKS proxy; use an HTTP one.")
        return self

    @property
    def host(self) -> str:
        """The proxy's name or address, in lower case."""
        return host_of(self.server)

    def to_proxy(self, *, may_be_private: bool) -> Proxy:
        """Return the proxy as it is stored."""
        return Proxy(
            server=self.server,
            username=self.username,
            password=self.password,
            may_be_private=may_be_private,
        )


class NewConnection(Body):
    """POST /api/whatsapp/connections."""

    connection_id: ConnectionId
    name: Name | None = None
    phone_number: PhoneNumber | None = None
    proxy: ProxyRequest | None = None
    pacing: Pacing | None = None


class PairingRequest(Body):
    """POST …/pairing-code: the phone to link, if it is not the connection's own."""

    phone_number: PhoneNumber | None = None


class PairingView(Answer):
    """A pairing code in the form to type on the phone, and when it expires."""

    code: str
    expires_at: WrittenTimestamp


class ConnectionChange(Body):
    """PATCH …/{id}: only the given fields change; `"proxy": null` removes the proxy."""

    name: Name | None = None
    pacing: Pacing | None = None
    proxy: ProxyRequest | None = None


class QueueView(Answer):
    """What waits in a connection's outbox.

    `jobs` are messages that wait in Redis as arq jobs (5000 at most are looked at): they are not
    stored yet. It is told by `…/status` alone, and missing where there are none.
    """

    queued: int
    jobs: int | None = None
    oldest_queued_at: WrittenTimestamp | None = None


class PageView(Answer):
    """The version of WhatsApp Web that a connection's page has loaded, and when it did."""

    version: str | None = None
    manifest: str | None = None
    loaded_at: WrittenTimestamp


class StatusView(Answer):
    """GET …/status: the state as it is now, the worker that runs it, and the queue.

    `until` is when the state ends, if WhatsApp says so, as for a temporary ban. `actsNext` is who
    has to do something now, and `allowedCommands` are the commands that make sense in this state.
    """

    connection_id: str
    state: ConnectionState
    reason: Reason | None = None
    since: WrittenTimestamp
    until: WrittenTimestamp | None = None
    acts_next: Actor
    allowed_commands: list[Command]
    worker: str | None = None
    phone_number: str | None = None
    page: PageView | None = None
    queue: QueueView

    @classmethod
    def of(cls, connection: Connection, depth: QueueDepth, jobs: int | None = None) -> StatusView:
        """Show a connection, the depth of its queue, and how many jobs wait in Redis for it."""
        state, reason = connection.observed()
        holder = connection.lease if connection.leased else None
        return cls(
            connection_id=connection.connection_id,
            state=state,
            reason=reason,
            since=connection.observed_since(),
            until=connection.observed_until(),
            acts_next=connection.acts_next(),
            allowed_commands=connection.allowed_commands(),
            worker=holder.worker if holder else None,
            phone_number=connection.linked_number or connection.phone_number,
            page=PageView(**connection.page.model_dump()) if connection.page else None,
            queue=QueueView(
                queued=depth.queued, oldest_queued_at=depth.oldest_queued_at, jobs=jobs or None
            ),
        )


class ProxyView(Answer):
    """A connection's proxy, without its user name and password."""

    server: str


class ConnectionView(StatusView):
    """A connection with its settings and its status.

    `sent` counts the messages sent since `sentSince`, if that was asked for.
    """

    name: str
    owner: str
    created_at: WrittenTimestamp
    pacing: Pacing
    proxy: ProxyView | None = None
    sent: int | None = None

    @classmethod
    def of(
        cls, connection: Connection, depth: QueueDepth, sent: int | None = None
    ) -> ConnectionView:
        """Show a connection with its name."""
        status = StatusView.of(connection, depth)
        return cls(
            **status.model_dump(),
            name=connection.name,
            owner=connection.owner,
            created_at=connection.created_at,
            pacing=connection.pacing,
            proxy=ProxyView(server=connection.proxy.server) if connection.proxy else None,
            sent=sent,
        )


class ConnectionList(Answer):
    """GET /api/whatsapp/connections."""

    items: list[ConnectionView]


class QrView(Answer):
    """GET …/qr as JSON: the text of the code and when it expires."""

    code: str
    expires_at: WrittenTimestamp
