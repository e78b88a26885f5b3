"""What comes in and goes out: the models of the HTTP contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from control_api.proxies import ProxyServer
from sessions.acceptance import ConnectionId, MessageWish, RecipientText
from sessions.connections import Connection, Proxy
from sessions.json_values import Moment, WrittenMoment
from sessions.messages import Message, MessageStatus
from sessions.outbox import QueueDepth
from sessions.pacing import Pacing
from sessions.public_addresses import host_of
from sessions.recipients import parse_phone_number, parse_recipient
from sessions.states import ConnectionState, Reason

MAX_BULK = 1000
"""Messages in one bulk request."""


class Body(BaseModel):
    """A request body: camelCase, and a field nobody knows is refused, not ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=False, extra="forbid", frozen=True
    )


class Answer(BaseModel):
    """A response body in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


_TEXT = r"[^\x00-\x1f\x7f-\x9f]"
Name = Annotated[
    str,
    StringConstraints(max_length=200, pattern=rf"^{_TEXT}*[^\s\x00-\x1f\x7f-\x9f]{_TEXT}*$"),
    AfterValidator(str.strip),
]
"""A name for people: something to see, and no control characters."""
PhoneNumber = Annotated[
    str,
    AfterValidator(parse_phone_number),
    WithJsonSchema({"type": "string", "format": "phone-number", "examples": ["+972501234567"]}),
]


class QrQuery(Body):
    """GET …/qr: the format, if Accept does not say, and for how long to wait for a code."""

    format: Literal["png", "svg", "ascii", "json"] | None = None
    wait: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = 0


class ConnectionQuery(Body):
    """GET /api/whatsapp/connections: since when to count what each has sent."""

    sent_since: Moment | None = None


_STATUS = "|".join(MessageStatus)
_STATUSES = f"^({_STATUS})(,({_STATUS}))*$"


def _split_statuses(text: object) -> object:
    return text.split(",") if isinstance(text, str) else text


def _to_chat_id(text: str) -> str:
    return parse_recipient(text).chat_id


class MessageQuery(Body):
    """GET /api/whatsapp/messages: which ones, and from where on.

    `status` takes several with commas between them; `to` is read as in a send; `since` and `until`
    are about when messages were accepted.
    """

    connection_id: ConnectionId | None = None
    status: Annotated[
        tuple[MessageStatus, ...],
        BeforeValidator(_split_statuses),
        WithJsonSchema({"type": "string", "pattern": _STATUSES, "examples": ["failed,expired"]}),
    ] = Field(default_factory=tuple)
    to: Annotated[RecipientText, AfterValidator(_to_chat_id)] | None = None
    since: Moment | None = None
    until: Moment | None = None
    cursor: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{26}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class BulkQuery(Body):
    """POST …/send/bulk: with `dryRun` nothing is stored."""

    dry_run: bool = False


class RecipientQuery(Body):
    """DELETE /api/recipients/{number}: `allOwners` erases the person from everybody's records."""

    all_owners: bool = False


class ErasedView(Answer):
    """What was erased, by kind.

    `cancelled` counts those of the `messages` that were waiting. Messages that are being sent
    (`sending`) are erased when they have been sent. A used Idempotency-Key is kept, without what
    tells its request, so that it makes nothing once more.
    """

    messages: int
    cancelled: int
    sending: int
    number_checks: int
    known_numbers: int
    idempotency_keys: int
    jobs: int
    events: int


class SendHeaders(BaseModel):
    """The headers of a send; the same key and body again give the same answer."""

    idempotency_key: (
        Annotated[
            str,
            StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"),
        ]
        | None
    ) = Field(None, alias="Idempotency-Key")


class ProxyWish(Body):
    """The proxy for one connection's browser."""

    server: ProxyServer
    username: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _browser_can(self) -> ProxyWish:
        if self.server.startswith("socks5://") and self.username:
            raise ValueError("The browser cannot sign in to a SOCKS proxy; use an HTTP one.")
        return self

    @property
    def host(self) -> str:
        """The proxy's name or address, in small letters."""
        return host_of(self.server)

    def to_proxy(self, *, may_be_private: bool) -> Proxy:
        """Return it as the record keeps it."""
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
    proxy: ProxyWish | None = None
    pacing: Pacing | None = None


class PairingWish(Body):
    """POST …/pairing-code: the phone to link, if it is not the connection's own."""

    phone_number: PhoneNumber | None = None


class PairingView(Answer):
    """A pairing code as the phone wants it typed, and when it stops working."""

    code: str
    expires_at: WrittenMoment


class ConnectionChange(Body):
    """PATCH …/{id}: only what is named changes; a proxy that is null is taken away."""

    name: Name | None = None
    pacing: Pacing | None = None
    proxy: ProxyWish | None = None


class BulkSend(Body):
    """POST /api/whatsapp/send/bulk: all of it is accepted or nothing."""

    connection_id: ConnectionId
    messages: Annotated[list[MessageWish], Field(min_length=1, max_length=MAX_BULK)]


class Retry(Body):
    """POST …/messages/{id}/retry: `confirm` repeats even a message that may be out already."""

    confirm: bool = False


class RetryFailed(Body):
    """POST /api/whatsapp/messages/retry: the failed messages of a connection, all or by reason."""

    connection_id: ConnectionId
    reason: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None


class Waiting(Answer):
    """Why a message is not sent yet, until when, and how many go before it (10000: or more).

    `detail` is the connection's own reason code; `estimatedAt` is a guess from the pace set.
    """

    reason: str
    detail: Reason | None = None
    until: WrittenMoment | None = None
    position: int | None = None
    estimated_at: WrittenMoment | None = None


class QueueView(Answer):
    """What waits in a connection's outbox."""

    queued: int
    oldest_queued_at: WrittenMoment | None = None


class PageView(Answer):
    """Which WhatsApp Web a connection's page is, and since when it has been loaded."""

    version: str | None = None
    manifest: str | None = None
    loaded_at: WrittenMoment


class StatusView(Answer):
    """GET …/status: the state as it is true now, with who runs it and what waits.

    `until` is when the state ends, where WhatsApp has told: a temporary ban has one.
    """

    connection_id: str
    state: ConnectionState
    reason: Reason | None = None
    since: WrittenMoment
    until: WrittenMoment | None = None
    worker: str | None = None
    phone_number: str | None = None
    page: PageView | None = None
    queue: QueueView

    @classmethod
    def of(cls, connection: Connection, depth: QueueDepth) -> StatusView:
        """Show a connection and the depth of its queue."""
        state, reason = connection.observed()
        holder = connection.lease if connection.leased else None
        return cls(
            connection_id=connection.connection_id,
            state=state,
            reason=reason,
            since=connection.observed_since(),
            until=connection.observed_until(),
            worker=holder.worker if holder else None,
            phone_number=connection.linked_number or connection.phone_number,
            page=PageView(**connection.page.model_dump()) if connection.page else None,
            queue=QueueView(queued=depth.queued, oldest_queued_at=depth.oldest_queued_at),
        )


class ProxyView(Answer):
    """A connection's proxy, without what signs in to it."""

    server: str


class ConnectionView(StatusView):
    """A connection as its owner made it, with its status.

    `sent` counts the messages sent since `sentSince`, where a list was asked for that.
    """

    name: str
    owner: str
    created_at: WrittenMoment
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
    """GET …/qr as JSON: the text of the code and when it stops working."""

    code: str
    expires_at: WrittenMoment


class NumberView(Answer):
    """GET …/numbers/{phone}: whether the number is on WhatsApp, and as which account.

    `chatId` is the id that WhatsApp answers: it may have other digits than `to`, what was asked.
    """

    exists: bool
    to: str
    chat_id: str | None = None


class MessageView(Answer):
    """GET /api/whatsapp/messages/{id}: a message and the time of each status it reached."""

    message_id: str
    connection_id: str
    owner: str
    to: str
    chat_id: str | None = None
    status: MessageStatus
    priority: str
    reason: str | None = None
    waiting: Waiting | None = None
    attempts: int
    whatsapp_id: str | None = None
    queued_at: WrittenMoment
    sending_at: WrittenMoment | None = None
    sent_at: WrittenMoment | None = None
    delivered_at: WrittenMoment | None = None
    read_at: WrittenMoment | None = None
    failed_at: WrittenMoment | None = None
    unknown_at: WrittenMoment | None = None
    expired_at: WrittenMoment | None = None
    cancelled_at: WrittenMoment | None = None
    send_at: WrittenMoment | None = None
    expires_at: WrittenMoment | None = None

    @classmethod
    def of(cls, message: Message, waiting: Waiting | None) -> MessageView:
        """Show a message, and why it waits if it does."""
        return cls.model_validate(
            message.model_dump(exclude={"id", "text", "connection", "priority"})
            | {
                "message_id": message.id,
                "priority": message.priority.name.lower(),
                "waiting": waiting,
                "send_at": message.due_at if message.due_at > message.queued_at else None,
            }
        )


class Accepted(Answer):
    """The answer to a send: stored, with its id; not yet sent."""

    message_id: str
    status: MessageStatus
    waiting: Waiting | None = None


class AcceptedList(Answer):
    """The answer to a bulk send, in the order of the request."""

    items: list[Accepted]


class DryRun(Answer):
    """When a bulk would go out at the pace that is set, if it were sent now; nothing is stored.

    Without times behind 10000 messages or more, where nobody can tell.
    """

    count: int
    first_at: WrittenMoment | None = None
    last_at: WrittenMoment | None = None
    estimated_at: list[WrittenMoment] | None = None


class MessageList(Answer):
    """A page of messages, newest first; `cursor` asks for the next page."""

    items: list[MessageView]
    cursor: str | None = None


class About(Answer):
    """GET /api."""

    name: str
    version: str


class Alive(Answer):
    """GET /health/live."""

    status: Literal["ok"]


class HealthChecks(Answer):
    """The parts that messages need, and how many workers live."""

    mongo: Literal["ok", "down"]
    redis: Literal["ok", "down"]
    workers: int


class SavedPage(Answer):
    """That pages are to be opened from saved HTML, and whether that was given up."""

    saved_at: WrittenMoment | None = None
    version: str | None = None
    given_up_at: WrittenMoment | None = None
    why: str | None = None


class Health(Answer):
    """GET /health: whether messages can flow, and which parts are away if not.

    `whatsapp` is `changed` while all connections wait for a WhatsApp Web that can be used; it is
    not known while MongoDB is down.
    """

    status: Literal["ok", "unavailable"]
    version: str
    checks: HealthChecks
    whatsapp: Literal["ok", "changed"] | None = None
    away: list[str] | None = None
    saved_page: SavedPage | None = None
    """Only while an operator has switched it on."""
