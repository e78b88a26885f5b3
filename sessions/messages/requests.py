"""A message as a request describes it, from HTTP or arq."""

from __future__ import annotations

from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, PydanticKnownError

from sessions.common.json_values import Timestamp
from sessions.messages.content import Contact, Content, Location, Poll, Text
from sessions.messages.fields import (
    ConnectionId,
    MessageId,
    MessageText,
    PriorityName,
    RecipientText,
    Reference,
)
from sessions.messages.media_intake import MediaRequest
from sessions.messages.model import Draft, Original, Priority, UsedMedia
from sessions.messages.sealed_texts import StoredContent
from sessions.recipients.address import parse_recipient

_PRIORITIES = {priority.name.lower(): priority for priority in Priority}
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


class SendRequest(MessageRequest):
    """POST /api/whatsapp/send, and the arguments of the arq function `send_message`."""

    connection_id: ConnectionId
