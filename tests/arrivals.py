"""Received messages as a page shows them, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sessions.conversations.identity import MessageName, parse_key
from sessions.conversations.model import ReceivedType
from sessions.conversations.seen import Arrival
from sessions.messages.responses import Reaction

FRIEND = "15551234567@c.us"
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
_NUMBERS = count(1)


def after(seconds: float) -> datetime:
    """Return a time of WhatsApp's clock."""
    return NOON + timedelta(seconds=seconds)


def new_name(chat: str = FRIEND, author: str | None = None) -> MessageName:
    """Return the name of another message."""
    key = f"false_{chat}_3EB0{next(_NUMBERS):016X}"
    return parse_key(key if author is None else f"{key}_{author}")


def key_of(name: MessageName) -> str:
    """Return WhatsApp Web's key of a message."""
    side = "true" if name.from_me else "false"
    author = "" if name.author is None else f"_{name.author}"
    return f"{side}_{name.chat_id}_{name.bare_id}{author}"


def arrival(name: MessageName | None = None, **facts: Any) -> Arrival:
    """Return a message that came in; a text unless `facts` say something else."""
    name = name or new_name()
    usual = {"at": NOON, "type": ReceivedType.TEXT, "text": "Hello", "sender": FRIEND}
    return Arrival(name=name, whatsapp_key=key_of(name), **{**usual, **facts})


def ciphertext(name: MessageName) -> Arrival:
    """Return a message whose content has not come yet."""
    return arrival(name, type=ReceivedType.CIPHERTEXT, text=None)


def reaction(emoji: str | None, seconds: float, sender: str = FRIEND) -> Reaction:
    """Return a reaction."""
    return Reaction(sender=sender, emoji=emoji, at=after(seconds))
