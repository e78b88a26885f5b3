"""What webhooks are told of received messages: with what they say, unlike server-sent events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from sessions.common.json_values import WrittenTimestamp
from sessions.conversations.documents import Documents
from sessions.conversations.model import (
    COLLECTION,
    Card,
    MediaState,
    Place,
    PollAsked,
    ReceivedMedia,
    ReceivedMessage,
)
from sessions.events.log import EventData, EventType
from sessions.messages.response_events import (
    RESPONSES,
    ReactionData,
    VoteData,
    told_response,
)
from sessions.outgoing_events.families import OutgoingEvent, outgoing
from sessions.outgoing_events.pending import PendingEvent
from sessions.recipients.address import account_of

if TYPE_CHECKING:
    from sessions.messages.sealed_texts import TextSealer


class ToldMedia(EventData):
    """The file of a message: `mediaId` once it is stored, and otherwise its state."""

    media_id: str | None = None
    state: MediaState
    mimetype: str | None = None
    size: int | None = None
    filename: str | None = None


class ReceivedFrame(EventData):
    """Which message it is, and who wrote it."""

    message_id: str
    direction: Literal["in"] = "in"
    connection_id: str
    owner: str
    chat_id: str
    sender: str = Field(alias="from")
    from_number: str | None = None
    sender_name: str | None = None
    type: str
    timestamp: WrittenTimestamp
    """When it was written; of an edit or a revocation, when that happened."""


class MediaData(ReceivedFrame):
    """What has become of a message's file."""

    media: ToldMedia


class EditedData(ReceivedFrame):
    """The text that a message has now."""

    text: str | None = None


class ReceivedData(EditedData):
    """What a message says."""

    reply_to: str | None = None
    media: ToldMedia | None = None
    location: Place | None = None
    contacts: tuple[Card, ...] | None = None
    poll: PollAsked | None = None
    from_history: bool | None = None


class ReceivedEvents:
    """How the entries of received messages are told to webhooks."""

    collection = COLLECTION
    fields = tuple(
        field.alias or name for name, field in ReceivedMessage.model_fields.items() if name != "id"
    )

    def __init__(self, texts: TextSealer) -> None:
        self._documents = Documents(texts)

    def tell(self, document: Mapping[str, Any], entry: PendingEvent) -> OutgoingEvent:
        """Build the event of a message, its edit or revocation, a reaction or a vote.

        Raises TextKeyMissingError or TextUnreadableError.
        """
        message = ReceivedMessage.model_validate(document)
        data = self._told(document, message, entry)
        chats = {message.chat_id, message.sender}
        if message.from_number:
            chats.add(account_of(message.from_number))
        if isinstance(data, ReactionData | VoteData):
            chats.add(data.sender)
        return outgoing(
            document,
            entry,
            owner=message.owner,
            data=data.to_json(),
            connection=message.connection,
            chats=tuple(sorted(chats)),
        )

    def _told(
        self, document: Mapping[str, Any], message: ReceivedMessage, entry: PendingEvent
    ) -> EventData:
        if entry.type in RESPONSES:
            return told_response(document, entry, message.conversation)
        if entry.type == EventType.MESSAGE_EDITED:
            frame = {**frame_of(message), "timestamp": message.edited_at or entry.at}
            return EditedData(**frame, text=self._documents.open(message).text)
        if entry.type == EventType.MESSAGE_REVOKED:
            frame = {**frame_of(message), "timestamp": message.revoked_at or entry.at}
            return ReceivedFrame(**frame)
        if entry.type == EventType.MESSAGE_MEDIA and message.media is not None:
            ended = message.media.model_copy(update={"state": MediaState(entry.facts["state"])})
            return MediaData(**frame_of(message), media=self._media(message, ended))
        return self._received(message)

    def _received(self, message: ReceivedMessage) -> ReceivedData:
        content, media = self._documents.open(message), message.media
        return ReceivedData(
            **frame_of(message),
            text=content.text,
            reply_to=message.reply_to,
            media=self._media(message, media) if media else None,
            location=content.details.location,
            contacts=content.details.contacts or None,
            poll=content.details.poll,
            from_history=message.from_history or None,
        )

    def _media(self, message: ReceivedMessage, media: ReceivedMedia) -> ToldMedia:
        name = self._documents.filename_of(message)
        return ToldMedia.model_validate(media.model_dump() | {"filename": name})


def frame_of(message: ReceivedMessage) -> dict[str, Any]:
    """Return which message it is, and who wrote it, as webhooks and the API tell it."""
    return {
        "message_id": message.id,
        "direction": "in",
        "connection_id": message.connection_id,
        "owner": message.owner,
        "chat_id": message.conversation,
        "sender": message.sender,
        "from_number": message.from_number,
        "sender_name": message.sender_name,
        "type": str(message.type),
        "timestamp": message.at,
    }
