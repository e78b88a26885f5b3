"""Accept messages from HTTP and arq: validate, fix their ids, store them, ring the doorbell."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from loguru import logger
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, PydanticKnownError

from sessions.common.errors import DomainError
from sessions.common.json_values import Timestamp
from sessions.connections.model import Connection
from sessions.connections.store import ConnectionStore, Places
from sessions.messages.content import (
    MAX_TEXT,
    Contact,
    Content,
    Location,
    Poll,
    Text,
)
from sessions.messages.idempotency import IdempotencyStore
from sessions.messages.media_intake import MediaIntake, MediaRequest, Sender
from sessions.messages.model import Draft, Message, Original, Priority, UsedMedia
from sessions.messages.outbox import Outbox
from sessions.messages.quotas import QueueFullError, QueueQuota
from sessions.messages.referred import ReferredMessages
from sessions.messages.sealed_texts import StoredContent, TextSealer
from sessions.messages.visible_text import PATTERN, check_text
from sessions.metrics import ProcessMetrics
from sessions.queue.doorbell import Doorbell
from sessions.recipients.address import parse_recipient


def _check_recipient(text: str) -> str:
    parse_recipient(text)
    return text


def _expect_text(value: object) -> object:
    """Refuse a JSON number, since JSON drops leading zeros and spreadsheets round long numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004  what pydantic tells the sender
            'Send the number as text, in quotes: "+972501234567".'
        )
    return value


PriorityName = Literal["high", "normal", "low"]
_PRIORITIES = {priority.name.lower(): priority for priority in Priority}
ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
RecipientText = Annotated[
    str,
    BeforeValidator(_expect_text),
    AfterValidator(_check_recipient),
    WithJsonSchema(
        {
            "type": "string",
            "format": "whatsapp-recipient",
            "description": "A phone number in international format, with or without `+` or `00`, "
            "spaces, dashes, dots or slashes, or a WhatsApp id (`…@c.us`, `…@g.us`, `…@lid`).",
            "examples": ["+972501234567"],
        }
    ),
]

MessageText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_TEXT),
    AfterValidator(check_text),
    Field(json_schema_extra={"pattern": PATTERN}),
]
Reference = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"),
    Field(examples=["order-17"]),
]
MessageId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-z]{26}$"),
    Field(examples=["01m8m2f3zbf1dn0s2avywe78bk"]),
]


_OTHERS = ("location", "contact", "poll", "media")
_ONE_CONTENT = (
    "A message has one content: a message, a location, a contact, a poll or media, whose caption "
    "is the message."
)


def _one_content(schema: dict[str, Any]) -> None:
    """Say that one content is wanted, and that media may have a message as its caption."""
    given: dict[str, Any] = {"not": {"type": "null"}}
    alone = {"message": given, "media": {"type": "null"}}
    schema["oneOf"] = [
        {"required": ["message"], "properties": alone},
        *({"required": [name], "properties": {name: given}} for name in _OTHERS),
    ]


class MessageRequest(BaseModel):
    """One message as a request describes it: with one content, and to which message it replies."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=False,
        extra="forbid",
        frozen=True,
        json_schema_extra=_one_content,
    )

    to: RecipientText
    location: Location | None = None
    contact: Contact | None = None
    poll: Poll | None = None
    media: MediaRequest | None = None
    message: MessageText | None = Field(None, validate_default=True)
    reply_to: MessageId | None = None
    reference: Reference | None = None
    priority: PriorityName | None = "normal"
    send_at: Timestamp | None = Field(None, examples=["2040-01-31T09:00:00Z"])
    expires_at: Timestamp | None = Field(None, examples=["2040-01-31T09:05:00Z"])

    @model_validator(mode="after")
    def _can_be_sent_in_time(self) -> MessageRequest:
        if self.send_at and self.expires_at and self.expires_at <= self.send_at:
            raise ValueError("expiresAt: it would expire before sendAt")
        return self

    @field_validator("message", mode="after")
    @classmethod
    def _has_one_content(cls, message: str | None, info: ValidationInfo) -> str | None:
        # A content that is wrong is not among the data, and is told of by itself.
        given = [name for name in _OTHERS if info.data.get(name, "wrong") is not None]
        if message is None and not given:
            raise PydanticKnownError("missing")
        others = given if message is None or given == ["media"] else [*given, "message"]
        if len(others) > 1 and all(name in info.data for name in given):
            raise PydanticCustomError("one_content", _ONE_CONTENT)
        return message

    @property
    def content(self) -> Content:
        """What the message contains."""
        if self.media is not None:
            return self.media.content(self.message)
        other = self.location or self.contact or self.poll
        return other or Text(text=self.message or "")

    def to_draft(
        self, message_id: str, stored: StoredContent, media: UsedMedia | Original | None = None
    ) -> Draft:
        """Return the message to store; `stored` is its content, encrypted if contents are.

        `media` is its file, if it has one that is stored already.
        """
        return Draft(
            id=message_id,
            to=parse_recipient(self.to).chat_id,
            kind=stored.kind,
            text=stored.text,
            content=stored.content,
            media=media,
            reply_to=self.reply_to,
            reference=self.reference,
            priority=_PRIORITIES[self.priority or "normal"],
            send_at=self.send_at,
            expires_at=self.expires_at,
        )


class Asked(Protocol):
    """What can be accepted: a message, or an action."""

    @property
    def content(self) -> Content:
        """What it contains."""

    @property
    def reply_to(self) -> str | None:
        """The id of the message that it answers."""

    @property
    def media(self) -> MediaRequest | None:
        """Its file, if it has one."""

    @property
    def send_at(self) -> datetime | None:
        """When it is to be sent."""

    @property
    def expires_at(self) -> datetime | None:
        """When it is too late for it."""

    def to_draft(
        self, message_id: str, stored: StoredContent, media: UsedMedia | Original | None = None
    ) -> Draft:
        """Return the message to store; `stored` is its content, encrypted if contents are.

        `media` is its file, if it has one that is stored already.
        """


class ReplyToUnknownError(DomainError):
    """A message answers one that this connection does not have."""

    code = "reply_to_not_found"

    def __init__(self, places: Sequence[int], *, single: bool) -> None:
        text = "This connection has neither sent nor received such a message."
        super().__init__(f"replyTo: {text}")
        self.fields = [
            {"field": "replyTo" if single else f"messages.{each}.replyTo", "message": text}
            for each in places
        ]


class SendRequest(MessageRequest):
    """POST /api/whatsapp/send, and the arguments of the arq function `send_message`."""

    connection_id: ConnectionId


class ExpiredAlreadyError(DomainError):
    """The `expiresAt` of messages is over, so that they could never be sent."""

    code = "expired_already"

    def __init__(self, places: Sequence[int], *, of_one: bool) -> None:
        super().__init__(
            "expiresAt is in the past: this could never be sent, so nothing was accepted."
        )
        names = ["expiresAt" if of_one else f"messages.{place}.expiresAt" for place in places]
        self.fields = [{"field": name, "message": "This is in the past."} for name in names]


@dataclass(frozen=True)
class Receipt:
    """The accepted messages, and whether an earlier request with the same key stored them."""

    connection: Connection
    messages: list[Message]
    replayed: bool


@dataclass(frozen=True)
class Acceptance:
    """Accept messages into the outbox."""

    connections: ConnectionStore
    outbox: Outbox
    keys: IdempotencyStore
    doorbell: Doorbell
    metrics: ProcessMetrics
    now: Callable[[], datetime]
    quota: QueueQuota
    texts: TextSealer
    media: MediaIntake
    referred: ReferredMessages

    async def accept(
        self,
        owner: str,
        connection_id: str,
        asked: Sequence[Asked],
        key: str | None,
        body: bytes,
        only: frozenset[str] | None = None,
        api_key: str | None = None,
    ) -> Receipt:
        """Store the messages durably, if the connection is one of `only` (None: any).

        Raises ConnectionNotFoundError, KeyReusedError, QueueFullError, ReplyToUnknownError,
        TextKeyMissingError, ExpiredAlreadyError, and what `MediaIntake.take` raises.
        """
        began = time.monotonic()
        places = await self.connections.take_places(owner, connection_id, len(asked), only)
        await self._refuse_expired(places.connection, asked, key)
        sender = Sender(owner, only, api_key)
        receipt = await self._store(places, asked, key, body, sender)
        new = 0 if receipt.replayed else len(receipt.messages)
        self.metrics.accepted(new, time.monotonic() - began)
        if new:
            _log(receipt)
        return receipt

    async def accept_drafts(
        self, owner: str, connection_id: str, drafts: Sequence[Draft]
    ) -> list[Message]:
        """Store messages whose ids are fixed already; those that are stored are not changed.

        Raises ConnectionNotFoundError or QueueFullError.
        """
        began = time.monotonic()
        places = await self.connections.take_places(owner, connection_id, len(drafts))
        async with self.quota.room(places.connection.owner, len(drafts)):
            messages = await self.outbox.add(places, drafts)
        self.metrics.accepted(len(messages), time.monotonic() - began)
        await self._ring(places.connection)
        return messages

    async def _ring(self, connection: Connection) -> None:
        if connection.lease and connection.leased:
            await self.doorbell.dispatch(connection.lease.worker, connection.id)

    async def _refuse_expired(
        self, connection: Connection, asked: Sequence[Asked], key: str | None
    ) -> None:
        """Raise ExpiredAlreadyError for messages that are too late, unless a request is repeated.

        The repeated request gets the same answer again, even if its messages have expired since.
        """
        now = self.now()
        late = [
            place for place, each in enumerate(asked) if each.expires_at and each.expires_at <= now
        ]
        if late and not await self.keys.knows(connection.owner, key):
            raise ExpiredAlreadyError(late, of_one=isinstance(asked[0], SendRequest))

    async def was_accepted(self, owner: str, key: str | None) -> bool:
        """Tell whether the owner has sent a request with this key before."""
        return await self.keys.knows(owner, key)

    async def _store(
        self,
        places: Places,
        asked: Sequence[Asked],
        key: str | None,
        body: bytes,
        sender: Sender,
    ) -> Receipt:
        connection = places.connection
        async with AsyncExitStack() as room:
            try:
                await self._check_replies(connection, asked)
                await room.enter_async_context(self.quota.room(connection.owner, len(asked)))
            except (QueueFullError, ReplyToUnknownError):
                # A repeated request that was accepted before gets the same answer again.
                if not await self.keys.knows(connection.owner, key):
                    raise
            return await self._store_at(places, asked, key, body, sender)

    async def _check_replies(self, connection: Connection, asked: Sequence[Asked]) -> None:
        """Raise ReplyToUnknownError if a message answers one that the connection does not have."""
        answered = {each.reply_to for each in asked if each.reply_to is not None}
        if not answered:
            return
        unknown = answered - await self.referred.present(connection.id, answered)
        wrong = [place for place, each in enumerate(asked) if each.reply_to in unknown]
        if wrong:
            raise ReplyToUnknownError(wrong, single=isinstance(asked[0], SendRequest))

    async def _store_at(
        self,
        places: Places,
        asked: Sequence[Asked],
        key: str | None,
        body: bytes,
        sender: Sender,
    ) -> Receipt:
        connection = places.connection
        ticket = await self.keys.ticket(connection, key, body, len(asked), self.now())
        with_files = any(each.media for each in asked)
        # Its files may be gone by now, so a repeated request must not look for them again.
        if ticket.replayed and with_files:
            stored = await self.outbox.all_of(ticket.message_ids)
            if len(stored) == len(asked):
                return Receipt(connection, stored, replayed=True)
        files = await self._files_of(sender, asked) if with_files else {}
        drafts = [
            each.to_draft(id_, self.texts.seal_content(id_, each.content), files.get(place))
            for place, (each, id_) in enumerate(zip(asked, ticket.message_ids, strict=True))
        ]
        messages = await self.outbox.add(places, drafts)
        await self._ring(connection)
        return Receipt(connection, messages, ticket.replayed)

    async def _files_of(
        self, sender: Sender, asked: Sequence[Asked]
    ) -> dict[int, UsedMedia | Original | None]:
        """Return the files of the messages that have one, by their place in the request."""
        now = self.now()
        # Many messages of a request may have the same file.
        taken: dict[MediaRequest, UsedMedia | Original | None] = {}
        last = max(each.send_at or now for each in asked)
        for each in asked:
            if each.media is not None and each.media not in taken:
                used_at = max(now, last)
                taken[each.media] = await self.media.take(sender, each.media, used_at)
        return {place: taken[each.media] for place, each in enumerate(asked) if each.media}


def _log(receipt: Receipt) -> None:
    """Log what was accepted: the id of a single message, or how many there are."""
    about = {"owner": receipt.connection.owner, "connection": receipt.connection.connection_id}
    if len(receipt.messages) == 1:
        logger.bind(**about, messageId=receipt.messages[0].id).info("Message queued")
    else:
        logger.bind(**about).info("{} messages queued", len(receipt.messages))
