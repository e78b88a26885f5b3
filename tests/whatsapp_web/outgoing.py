"""Read what a page or a phone hands over: a message, or a change of one that was sent before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

CHANGES: Mapping[tuple[str, str | None], str] = MappingProxyType(
    {
        ("reaction", None): "reaction",
        ("protocol", "message_edit"): "edit",
        ("protocol", "sender_revoke"): "revoke",
        ("poll_update", None): "vote",
    }
)
"""What is no message of its own, by its type and subtype: what it does to another message."""


@dataclass(frozen=True)
class Outgoing:
    """One message, or one change of a message, as it was handed over."""

    id: str
    to: str
    kind: str
    message: dict[str, Any]

    @property
    def type(self) -> str:
        """The type that WhatsApp Web gives it."""
        return str(self.message.get("type", "chat"))

    @property
    def change(self) -> str | None:
        """What this does to another message; None for a message of its own."""
        return CHANGES.get((self.type, self.message.get("subtype")))

    @property
    def target(self) -> str:
        """The id of the message that a change is for."""
        return str(self.message["target"])

    @property
    def value(self) -> str:
        """What a change brings: a reaction's sign, an edit's text, the options voted for."""
        if self.change == "vote":
            return json.dumps(self.message["options"])
        return str(self.message.get("reactionText") or self.text or "")

    @property
    def options(self) -> list[str]:
        """What a poll lets people choose from."""
        return [str(option["name"]) for option in self.message.get("pollOptions", [])]

    @property
    def text(self) -> str | None:
        """The text, the caption or the question of a poll."""
        message = self.message
        return message.get("body") or message.get("caption") or message.get("pollName")

    @property
    def media_id(self) -> str | None:
        """The id of the file that was uploaded for it."""
        path: str | None = self.message.get("directPath")
        return path.rpartition("/")[2] if path else None

    @property
    def quoted(self) -> str | None:
        """The id of the message that this answers."""
        return self.message.get("quotedStanzaID")


def as_outgoing(frame: Mapping[str, Any]) -> Outgoing:
    """Read a message out of a page's frame."""
    return Outgoing(str(frame["id"]), str(frame["to"]), str(frame["kind"]), frame["message"])
