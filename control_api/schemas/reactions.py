"""The reactions to a message."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from control_api.schemas.base import Answer
from sessions.common.json_values import WrittenTimestamp
from sessions.messages.responses import Reaction


class ReactionView(Answer):
    """The reaction of one person, by WhatsApp id; `fromMe` is the linked account's own."""

    sender: str = Field(alias="from")
    emoji: str
    at: WrittenTimestamp
    from_me: bool

    @classmethod
    def all_of(cls, reactions: Sequence[Reaction]) -> list[ReactionView]:
        """Show the reactions that stand; one without an emoji was taken back."""
        return [cls.model_validate(each.model_dump()) for each in reactions if each.emoji]
