"""The models of what is asked about chats: typing, marking read, groups."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from control_api.schemas.base import Answer, Body
from sessions.common.json_values import OrDefault
from sessions.messages.fields import ConnectionId

LONGEST_TYPING = 30
"""Seconds of typing that one request shows."""


class OfConnection(Body):
    """Which connection is meant."""

    connection_id: ConnectionId


class Typing(Body):
    """POST …/chats/{chatId}/typing: for how long to show that somebody types."""

    seconds: OrDefault[Annotated[int, Field(ge=1, le=LONGEST_TYPING)]] = 5


class TypingView(Answer):
    """Whether WhatsApp took it; whoever writes sees it only if they look at the chat."""

    chat_id: str
    shown: bool


class ReadView(Answer):
    """How many messages of the chat stay unread: none, as a rule."""

    chat_id: str
    unread: int


class ParticipantView(Answer):
    """Somebody in a group; the number is missing where WhatsApp hides it."""

    id: str
    number: str | None = None
    admin: bool


class GroupView(Answer):
    """A group; `size` counts all participants, also where a very long list is cut off."""

    chat_id: str
    subject: str | None = None
    size: int
    participants: list[ParticipantView]


class GroupList(Answer):
    """The groups of a connection's account."""

    items: list[GroupView]
