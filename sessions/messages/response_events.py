"""What webhooks are told of reactions and votes, at received and at sent messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from sessions.common.json_values import WrittenTimestamp
from sessions.events.log import EventData, EventType
from sessions.messages.responses import Reaction, Vote
from sessions.outgoing_events.pending import PendingEvent


class ReactionData(EventData):
    """A reaction of one person; without an emoji they took it back."""

    message_id: str
    connection_id: str
    owner: str
    chat_id: str
    sender: str = Field(alias="from")
    emoji: str | None = None
    from_me: bool
    timestamp: WrittenTimestamp


class VoteData(EventData):
    """All options that one person has chosen in a poll; none if they took their vote back."""

    message_id: str
    connection_id: str
    owner: str
    chat_id: str
    sender: str = Field(alias="from")
    options: tuple[str, ...]
    timestamp: WrittenTimestamp


RESPONSES = (EventType.MESSAGE_REACTION, EventType.POLL_VOTE)
"""The types of events that `told_response` builds."""


def told_response(
    document: Mapping[str, Any], entry: PendingEvent, chat_id: str
) -> ReactionData | VoteData:
    """Return the data of the entry of a reaction or a vote."""
    response = entry.facts["response"]
    frame = {
        "message_id": document["_id"],
        "connection_id": document["connectionId"],
        "owner": document["owner"],
        "chat_id": chat_id,
    }
    if entry.type == EventType.POLL_VOTE:
        vote = Vote.model_validate(response)
        return VoteData(**frame, sender=vote.sender, options=vote.options, timestamp=vote.at)
    reaction = Reaction.model_validate(response)
    return ReactionData(
        **frame,
        sender=reaction.sender,
        emoji=reaction.emoji,
        from_me=reaction.from_me,
        timestamp=reaction.at,
    )
