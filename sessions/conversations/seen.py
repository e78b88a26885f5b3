"""What a worker sees on a page: messages, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sessions.conversations.identity import MessageName
from sessions.conversations.model import Details, ReceivedMedia, ReceivedType
from sessions.messages.responses import Reaction, Vote


@dataclass(frozen=True)
class Arrival:
    """A message that somebody else has written.

    `edited_at` and `revoked_at` are set if that happened before it was seen.
    """

    name: MessageName
    whatsapp_key: str
    sender: str
    at: datetime
    type: ReceivedType
    from_number: str | None = None
    sender_name: str | None = None
    whatsapp_type: str | None = None
    text: str | None = None
    details: Details = field(default_factory=Details)
    media: ReceivedMedia | None = None
    quoted_id: str | None = None
    edited_at: datetime | None = None
    revoked_at: datetime | None = None
    from_history: bool = False


@dataclass(frozen=True)
class Edit:
    """The text or caption of a received message was changed."""

    target: MessageName
    text: str
    at: datetime
    from_number: str | None = None
    """The number of the chat's person in E.164, if WhatsApp knows it."""


@dataclass(frozen=True)
class Revocation:
    """A received message was revoked; `target` is its key before that."""

    target: MessageName
    at: datetime
    from_number: str | None = None
    """The number of the chat's person in E.164, if WhatsApp knows it."""


@dataclass(frozen=True)
class Response:
    """Somebody reacted to a message, or voted in a poll: one that we sent, or a received one."""

    target: MessageName
    response: Reaction | Vote


@dataclass(frozen=True)
class Sighting:
    """All that was seen at one time, in the order in which it happened."""

    arrivals: tuple[Arrival, ...] = ()
    edits: tuple[Edit, ...] = ()
    revocations: tuple[Revocation, ...] = ()
    responses: tuple[Response, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.arrivals or self.edits or self.revocations or self.responses)
