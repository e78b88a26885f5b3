"""The models of conversations: received messages, chats, and both directions of one chat."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
)

from control_api.schemas.base import Answer, Body, cursor_like
from control_api.schemas.fields import known_names, optional_names, pattern_of, split_names
from control_api.schemas.messages import MessageView
from control_api.schemas.reactions import ReactionView
from sessions.common.json_values import WrittenTimestamp
from sessions.conversations.documents import Content
from sessions.conversations.model import (
    MediaState,
    ReceivedMedia,
    ReceivedMessage,
    ReceivedType,
)
from sessions.conversations.webhook_events import frame_of
from sessions.messages.fields import ConnectionId
from sessions.messages.responses import Vote

PLACE = r"[0-9]{1,13}-"


class VoteView(Answer):
    """The vote of one person in a poll, by WhatsApp id."""

    sender: str = Field(alias="from")
    options: list[str]
    at: WrittenTimestamp

    @classmethod
    def all_of(cls, votes: tuple[Vote, ...]) -> list[VoteView]:
        """Show the votes that stand; one without options was taken back."""
        return [cls.model_validate(each.model_dump()) for each in votes if each.options]


class ReceivedMediaView(Answer):
    """The file of a message: `mediaId` once it is stored, and what its sender says of it."""

    media_id: str | None = None
    state: MediaState
    mimetype: str | None = None
    size: int | None = None
    filename: str | None = None
    seconds: int | None = None

    @classmethod
    def of(cls, media: ReceivedMedia, said: Content | None) -> ReceivedMediaView:
        """Show a file; without its name where what the message says cannot be read."""
        return cls.model_validate(media.model_dump() | {"filename": said and said.filename})


class PlaceView(Answer):
    """A place on the map, in degrees."""

    latitude: float
    longitude: float
    name: str | None = None


class CardView(Answer):
    """A contact card: a name, and phone numbers as they are written there."""

    name: str | None = None
    phones: list[str]


class PollView(Answer):
    """The question of a poll, its options, and who voted how."""

    question: str
    options: list[str]
    multiple: bool
    votes: list[VoteView]
    votes_left_out: int | None = None
    """How many earlier ones are not kept, if any."""


class ReceivedView(Answer):
    """A received message. `chatId` is the person's number where it is known, else WhatsApp's id.

    What it says is left out where its text is encrypted (`SEAL_TEXTS`) with a key that the API
    does not have. `timestamp` is WhatsApp's time.
    """

    message_id: str
    direction: Literal["in"]
    connection_id: str
    owner: str
    chat_id: str
    sender: str = Field(alias="from")
    from_number: str | None = None
    sender_name: str | None = None
    timestamp: WrittenTimestamp
    type: ReceivedType
    text: str | None = None
    media: ReceivedMediaView | None = None
    location: PlaceView | None = None
    contacts: list[CardView] | None = None
    poll: PollView | None = None
    reply_to: str | None = None
    reactions: list[ReactionView] = Field(default_factory=list)
    reactions_left_out: int | None = None
    """How many earlier ones are not kept, if any."""
    edited: bool | None = None
    revoked: bool | None = None
    from_history: bool | None = None

    @classmethod
    def of(cls, message: ReceivedMessage, said: Content | None) -> ReceivedView:
        """Show a message, and what it says where that can be read."""
        return cls(
            **frame_of(message),
            text=said.text if said else None,
            media=ReceivedMediaView.of(message.media, said) if message.media else None,
            reply_to=message.reply_to,
            reactions=ReactionView.all_of(message.reactions),
            reactions_left_out=message.reactions_left_out or None,
            edited=True if message.edited_at else None,
            revoked=True if message.revoked_at else None,
            from_history=True if message.from_history else None,
            **_details(message, said),
        )


def _details(message: ReceivedMessage, said: Content | None) -> dict[str, object]:
    """Return the fields of a content that is no text."""
    if said is None:
        return {}
    place, cards, poll = said.details.location, said.details.contacts, said.details.poll
    votes: dict[str, object] = {
        "votes": VoteView.all_of(message.votes),
        "votes_left_out": message.votes_left_out or None,
    }
    return {
        "location": PlaceView.model_validate(place.model_dump()) if place else None,
        "contacts": [CardView.model_validate(each.model_dump()) for each in cards] or None,
        "poll": PollView.model_validate(poll.model_dump() | votes) if poll else None,
    }


_OPTIONAL = optional_names(MessageView, ReceivedView)
AnyFields = Annotated[
    tuple[str, ...],
    BeforeValidator(split_names),
    AfterValidator(known_names(_OPTIONAL)),
    WithJsonSchema(
        {"type": "string", "pattern": pattern_of(_OPTIONAL), "examples": ["text,sentAt"]}
    ),
]
"""The fields to show besides those that every message has; none named: all."""


class ChatsQuery(Body):
    """GET /api/whatsapp/chats: the connection, and which page."""

    connection_id: ConnectionId
    cursor: Annotated[str, cursor_like(rf"^{PLACE}[0-9a-z@.\-]{{0,64}}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 30


class ConversationQuery(Body):
    """GET /api/whatsapp/chats/{chatId}/messages: the connection, which page, and which fields."""

    connection_id: ConnectionId
    cursor: Annotated[str, cursor_like(rf"^{PLACE}[0-9a-z]{{26}}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    fields: AnyFields = Field(default_factory=tuple)


Direction = Annotated[MessageView | ReceivedView, Field(discriminator="direction")]


class ConversationPage(Answer):
    """Messages of one chat in both directions, newest first; `cursor` asks for the next page."""

    chat_id: str
    items: list[Direction]
    cursor: str | None = None


class ChatView(Answer):
    """A chat: its newest message, and how many received ones were not read (100 or more: 100).

    `name` is what the person calls themselves, or the subject of a group.
    """

    chat_id: str
    connection_id: str
    owner: str
    name: str | None = None
    number: str | None = None
    unread: int
    last_message: Direction
    last_at: WrittenTimestamp


class ChatList(Answer):
    """A page of chats, the one with the newest message first; `cursor` asks for the next page."""

    items: list[ChatView]
    cursor: str | None = None
