"""The models of lists of messages: which to list and to show, sent or received."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    RootModel,
    WithJsonSchema,
)

from control_api.schemas.base import Answer, Body, cursor_like, not_before
from control_api.schemas.conversations import PLACE, AnyFields, Direction
from control_api.schemas.messages import IdempotencyKey
from sessions.common.json_values import Timestamp
from sessions.messages.fields import ConnectionId, RecipientText, Reference
from sessions.messages.model import MessageStatus
from sessions.recipients.address import parse_recipient

_STATUS = "|".join(MessageStatus)
_STATUSES = f"^({_STATUS})(,({_STATUS}))*$"


def _split_statuses(text: object) -> object:
    return text.split(",") if isinstance(text, str) else text


def _to_chat_id(text: str) -> str:
    return parse_recipient(text).chat_id


class MessageQuery(Body):
    """GET /api/whatsapp/messages: which messages to list.

    `status` and `fields` take several values separated by commas; `to` is read as in a send;
    `since` and `until` compare when messages were accepted; `idempotencyKey` finds the messages of
    that request of the owner, as long as the key is known. Of received messages (`direction=in`)
    `since` and `until` compare WhatsApp's times, and `status`, `to`, `reference` and
    `idempotencyKey` are refused.
    """

    direction: Literal["in", "out"] = "out"
    connection_id: ConnectionId | None = None
    status: Annotated[
        tuple[MessageStatus, ...],
        BeforeValidator(_split_statuses),
        WithJsonSchema({"type": "string", "pattern": _STATUSES, "examples": ["failed,expired"]}),
    ] = Field(default_factory=tuple)
    to: Annotated[RecipientText, AfterValidator(_to_chat_id)] | None = None
    reference: Reference | None = None
    idempotency_key: IdempotencyKey | None = None
    since: Timestamp | None = None
    until: Annotated[Timestamp, not_before("since")] | None = None
    cursor: Annotated[str, cursor_like(rf"^({PLACE})?[0-9a-z]{{26}}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    fields: AnyFields = Field(default_factory=tuple)


class OneQuery(Body):
    """GET /api/whatsapp/messages/{id}: which fields to show."""

    fields: AnyFields = Field(default_factory=tuple)


class AnyMessage(RootModel[Direction]):
    """A message, sent or received."""


class MessageList(Answer):
    """A page of messages, newest first; `cursor` asks for the next page."""

    items: list[Direction]
    cursor: str | None = None
