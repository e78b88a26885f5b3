"""Which received messages are the same, whatever chat WhatsApp Web now keeps them in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class MessageName:
    """What a key of WhatsApp Web says.

    A key reads `false_<chat>_<id>`, in groups `false_<chat>_<id>_<author>` (wa-js MsgKey).
    """

    from_me: bool
    chat_id: str
    bare_id: str
    author: str | None = None
    apart: str | None = None
    """The sender, if another person's message has the same id (see `namesakes`)."""

    @property
    def in_private(self) -> bool:
        """Whether it is a received message in the chat of a person."""
        return not self.from_me and not self.chat_id.endswith("@g.us")

    @property
    def unique(self) -> str:
        """Return what is unique within a connection; it names nobody."""
        if self.apart is not None:
            return unique_key(self.bare_id, f"private_{self.apart}")
        author = self.author if self.chat_id.endswith("@g.us") else None
        return unique_key(self.bare_id, author)


def parse_key(key: str) -> MessageName:
    """Read a key; raise ValueError if it is none."""
    side, _, rest = key.partition("_")
    chat_id, _, named = rest.partition("_")
    bare_id, _, author = named.rpartition("_")
    if "@" not in author:
        # A sender chooses the id freely, also one with "_" in it; an author is an account's id.
        bare_id, author = named, ""
    if side not in ("true", "false") or not chat_id or not bare_id:
        raise ValueError("not a key of a message")
    return MessageName(side == "true", chat_id, bare_id, author or None)


def unique_key(bare_id: str, author: str | None) -> str:
    """Return what is unique within a connection: the digest of the id and a group's author.

    The chat of a person is left out, since WhatsApp Web moves it from the number to a LID and
    changes the keys of its messages. An id is random, so nobody can guess it from the digest.
    """
    return hashlib.sha256(f"{bare_id}_{author or ''}".encode()).hexdigest()[:32]
