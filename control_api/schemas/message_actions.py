"""The bodies with which something is done to a message."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from control_api.schemas.base import Body
from sessions.common.json_values import Shape
from sessions.messages.content import Edit, Reaction
from sessions.messages.fields import MessageText

_BASE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_FORM = "[\ufe0e\ufe0f]?"
_SKIN = "[\U0001f3fb-\U0001f3ff]?"
_TAGS = "[\U000e0020-\U000e007f]*"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_KEY = "[0-9#*]\ufe0f?\u20e3"
_ONE = f"(?:{_FLAG}|{_KEY}|{_BASE}{_FORM}{_SKIN}{_TAGS})"
_LONGEST = 40
Emoji = Annotated[
    str,
    StringConstraints(max_length=_LONGEST),
    Shape(f"^{_ONE}(?:\u200d{_ONE})*$", "Give one emoji."),
]
"""One emoji, as Unicode builds them: a sign with its form, skin and tags, or several joined."""


class React(Body):
    """POST …/messages/{id}/reaction: one emoji; null takes our reaction back."""

    emoji: Emoji | None = Field(examples=["👍"])

    def to_content(self) -> Reaction:
        """Return what is to be done."""
        return Reaction(emoji=self.emoji)


class EditMessage(Body):
    """POST …/messages/{id}/edit: the new text, or the new caption."""

    message: MessageText

    def to_content(self) -> Edit:
        """Return what is to be done."""
        return Edit(text=self.message)
