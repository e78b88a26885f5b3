"""The models of messages: sends, searches and statuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from control_api.schemas.base import Answer, Body, FieldProblem
from control_api.schemas.reactions import ReactionView
from sessions.common.json_values import OrDefault, WrittenTimestamp
from sessions.connections.states import Reason
from sessions.media.kinds import MediaKind
from sessions.messages.content import (
    Contact,
    Content,
    Edit,
    Kind,
    Location,
    Media,
    Poll,
    Reaction,
    Revoke,
    Text,
)
from sessions.messages.fields import ConnectionId, PriorityName, Reference
from sessions.messages.model import Message, MessageStatus
from sessions.messages.requests import MessageRequest
from sessions.messages.visible_text import ON_ONE_LINE, check_line

MAX_BULK = 1000
"""Messages in one bulk request."""


IdempotencyKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    AfterValidator(check_line),
    Field(json_schema_extra={"pattern": f"^{ON_ONE_LINE}*$"}),
]


class BulkQuery(Body):
    """POST …/send/bulk: with `dryRun`, nothing is stored; with `partial`, the good messages are."""

    dry_run: bool = False
    partial: bool = False


class SendHeaders(BaseModel):
    """The headers of a send; the same key and body again give the same answer."""

    idempotency_key: IdempotencyKey | None = Field(None, alias="Idempotency-Key")


@dataclass(frozen=True)
class BadMessage:
    """A message of a bulk that is left out, and why."""

    error: ValidationError


def _or_bad(
    value: object, read: ValidatorFunctionWrapHandler, info: ValidationInfo
) -> MessageRequest | BadMessage:
    """Read a message; where the query asks for the good ones, return what is wrong with it."""
    try:
        return cast("MessageRequest", read(value))
    except ValidationError as error:
        if isinstance(info.context, BulkQuery) and info.context.partial:
            return BadMessage(error)
        raise


class BulkSend(Body):
    """POST /api/whatsapp/send/bulk: all messages are accepted, or none.

    `priority` and `reference` are those of the messages that name none of their own.
    """

    connection_id: ConnectionId
    priority: PriorityName | None = None
    reference: Reference | None = None
    messages: Annotated[
        list[Annotated[MessageRequest, WrapValidator(_or_bad)]],
        Field(min_length=1, max_length=MAX_BULK),
    ]

    def sorted_out(self) -> tuple[list[MessageRequest], dict[int, ValidationError]]:
        """Return the good messages with their defaults, and what is wrong with others by place."""
        read = cast("list[MessageRequest | BadMessage]", self.messages)
        good = [self._complete(each) for each in read if not isinstance(each, BadMessage)]
        bad = {place: each.error for place, each in enumerate(read) if isinstance(each, BadMessage)}
        return good, bad

    def _complete(self, message: MessageRequest) -> MessageRequest:
        defaults = {"priority": self.priority, "reference": self.reference}
        missing = {
            name: value
            for name, value in defaults.items()
            if value is not None
            and (name not in message.model_fields_set or getattr(message, name) is None)
        }
        return message.model_copy(update=missing) if missing else message


class Retry(Body):
    """POST …/messages/{id}/retry: `confirm` repeats even a message that may have been sent."""

    confirm: OrDefault[bool] = False


class RetryFailed(Body):
    """POST /api/whatsapp/messages/retry: the failed messages of a connection, all or by reason."""

    connection_id: ConnectionId
    reason: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None


class Waiting(Answer):
    """Why a message is not sent yet, until when, and how many go before it (10000 or more: 10000).

    `detail` is the connection's reason code; `estimatedAt` is an estimate from the current pace.
    """

    reason: str
    detail: Reason | None = None
    until: WrittenTimestamp | None = None
    position: int | None = None
    estimated_at: WrittenTimestamp | None = None


class MediaPart(Answer):
    """The file of a message; before it is fetched from its URL, only as what it is to be sent.

    Until a file is converted, `mediaId` is that of the original.
    """

    media_id: str | None = None
    mimetype: str | None = None
    size: int | None = None
    filename: str | None = None
    as_: MediaKind | None = Field(None, alias="as")

    @classmethod
    def of(cls, message: Message, content: Content | None) -> MediaPart | None:
        """Show the file of a message; None if it has none."""
        used, said = message.media, content if isinstance(content, Media) else None
        if used is None and said is None:
            return None
        return cls(
            media_id=used.media_id if used else message.original and message.original.media_id,
            mimetype=used and used.mimetype,
            size=used and used.size,
            filename=said and said.filename,
            as_=(used and used.kind) or (said and said.as_),
        )


class MessageView(Answer):
    """A message that is sent: what it says, and the time of each status it reached.

    What it says is one of `text`, `location`, `contact`, `poll` and `media`, whose caption is
    `text`; a reaction has its `emoji`, an edit its new `text`, and both, as a revocation, the id of
    their `target`. It is left out where its text is encrypted (`SEAL_TEXTS`) with a key that the
    API does not have.
    """

    message_id: str
    direction: Literal["out"]
    connection_id: str
    owner: str
    to: str
    chat_id: str | None = None
    kind: Kind = Kind.TEXT
    text: str | None = None
    location: Location | None = None
    contact: Contact | None = None
    poll: Poll | None = None
    media: MediaPart | None = None
    reply_to: str | None = None
    reference: str | None = None
    target: str | None = None
    emoji: str | None = None
    reactions: list[ReactionView] = Field(default_factory=list)
    reactions_left_out: int | None = None
    """How many earlier ones are not kept, if any."""
    edited: bool | None = None
    revoked: bool | None = None
    status: MessageStatus
    priority: str
    reason: str | None = None
    waiting: Waiting | None = None
    attempts: int
    whatsapp_id: str | None = None
    queued_at: WrittenTimestamp
    sending_at: WrittenTimestamp | None = None
    sent_at: WrittenTimestamp | None = None
    delivered_at: WrittenTimestamp | None = None
    read_at: WrittenTimestamp | None = None
    failed_at: WrittenTimestamp | None = None
    unknown_at: WrittenTimestamp | None = None
    expired_at: WrittenTimestamp | None = None
    cancelled_at: WrittenTimestamp | None = None
    send_at: WrittenTimestamp | None = None
    expires_at: WrittenTimestamp | None = None

    @classmethod
    def of(cls, message: Message, waiting: Waiting | None, content: Content | None) -> MessageView:
        """Show a message, why it waits if it does, and what it says where that can be read."""
        return cls.model_validate(
            message.model_dump(exclude=_NOT_SHOWN)
            | {
                "message_id": message.id,
                "direction": "out",
                "priority": message.priority.name.lower(),
                "waiting": waiting,
                "reactions": ReactionView.all_of(message.reactions),
                "reactions_left_out": message.reactions_left_out or None,
                "edited": message.edited_at is not None or None,
                "revoked": message.revoked_at is not None or None,
            }
            | _said(content)
            | {"media": MediaPart.of(message, content)}
        )


_NOT_SHOWN = {"id", "text", "content", "connection", "priority", "media", "fetch"}


def _said(content: Content | None) -> dict[str, object]:
    """Return the field of a view with what a message says."""
    if content is None:
        return {}
    match content:
        case Text() | Edit():
            return {"text": content.text}
        case Media():
            return {"text": content.caption}
        case Reaction():
            return {"emoji": content.emoji}
        case Revoke():
            return {}
    return {str(content.kind): content}


class Accepted(Answer):
    """The answer to a send: stored, with its id; not yet sent."""

    message_id: str
    status: MessageStatus
    waiting: Waiting | None = None


class RefusedMessage(Answer):
    """A message of a bulk with `partial` that was not accepted: its place from 0, and why."""

    index: int
    errors: list[FieldProblem]


class AcceptedList(Answer):
    """The answer to a bulk send, in the order of the request; `refused` only with `partial`."""

    items: list[Accepted]
    refused: list[RefusedMessage] | None = None


class DryRun(Answer):
    """When a bulk would be sent at the current pace if it were accepted now; nothing is stored.

    There are no times if 10000 or more messages go before it.
    """

    count: int
    first_at: WrittenTimestamp | None = None
    last_at: WrittenTimestamp | None = None
    estimated_at: list[WrittenTimestamp] | None = None
