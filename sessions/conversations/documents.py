"""Make the document of a received message from what was seen of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions.conversations.model import (
    Details,
    ReceivedContent,
    ReceivedMedia,
    ReceivedMessage,
    ReceivedType,
)
from sessions.conversations.people import conversation_of
from sessions.conversations.seen import Arrival
from sessions.events.log import EventType
from sessions.messages.model import StoredText
from sessions.messages.sealed_texts import TextSealer
from sessions.outgoing_events import pending

TEXT = "text"
DETAILS = "details"
FILENAME = "media.filename"


@dataclass(frozen=True)
class Home:
    """Whose messages are recorded, under which lease."""

    connection: str
    connection_id: str
    owner: str
    generation: int


@dataclass(frozen=True)
class Content:
    """What a received message says, in plain text."""

    text: str | None
    details: Details
    filename: str | None = None


class Documents:
    """Make documents; texts are sealed if the sealer is on."""

    def __init__(self, texts: TextSealer) -> None:
        self._texts = texts

    def of(
        self,
        home: Home,
        our_id: str,
        arrival: Arrival,
        now: datetime,
        answered: Mapping[str, str],
    ) -> dict[str, Any]:
        """Return the document to insert; `answered` has our ids of messages by their bare ids."""
        frame = {
            "_id": our_id,
            "owner": home.owner,
            "connection": home.connection,
            "connectionId": home.connection_id,
            "chatId": arrival.name.chat_id,
            "conversation": conversation_of(arrival.name.chat_id, arrival.from_number),
            "from": arrival.sender,
            "fromNumber": arrival.from_number,
            "senderName": arrival.sender_name,
            "whatsappKey": arrival.whatsapp_key,
            "bareId": arrival.name.bare_id,
            "key": arrival.name.unique,
            "at": arrival.at,
            "recordedAt": now,
            "replyTo": answered.get(arrival.quoted_id or ""),
            "editedAt": arrival.edited_at,
            "revokedAt": arrival.revoked_at,
            "fromHistory": arrival.from_history,
            "generation": home.generation,
        }
        known = {name: value for name, value in frame.items() if value is not None}
        return known | self.content_of(our_id, arrival) | self._told(arrival, now)

    def _told(self, arrival: Arrival, now: datetime) -> dict[str, Any]:
        if arrival.type is ReceivedType.CIPHERTEXT:
            return {}  # it is told when its content comes
        return pending.first(EventType.MESSAGE_RECEIVED, now)

    def content_of(self, our_id: str, arrival: Arrival) -> dict[str, Any]:
        """Return what a stored message says, as it is to be stored; absent parts are left out."""
        message = ReceivedContent(
            type=arrival.type,
            whatsapp_type=arrival.whatsapp_type,
            text=None if arrival.text is None else self._texts.seal(arrival.text, our_id, TEXT),
            details=self._sealed_details(our_id, arrival.details),
            media=self._sealed_media(our_id, arrival.media),
            quoted_id=arrival.quoted_id,
        )
        return message.model_dump(by_alias=True, exclude_none=True)

    def text_field(self, our_id: str, text: str) -> str | dict[str, Any]:
        """Return a text of the message with this id as a field of its document."""
        sealed = self._texts.seal(text, our_id, TEXT)
        return sealed if isinstance(sealed, str) else sealed.model_dump(by_alias=True)

    def _sealed_details(self, our_id: str, details: Details) -> StoredText | None:
        if details == Details():
            return None
        json = details.model_dump_json(by_alias=True, exclude_none=True)
        return self._texts.seal(json, our_id, DETAILS)

    def _sealed_media(self, our_id: str, media: ReceivedMedia | None) -> ReceivedMedia | None:
        if media is None or not isinstance(media.filename, str):
            return media
        sealed = self._texts.seal(media.filename, our_id, FILENAME)
        return media.model_copy(update={"filename": sealed})

    def open(self, message: ReceivedMessage) -> Content:
        """Return what a message says; raise TextKeyMissingError or TextUnreadableError."""
        text, details = message.text, message.details
        return Content(
            None if text is None else self._texts.open(text, message.id, TEXT),
            Details()
            if details is None
            else Details.model_validate_json(self._texts.open(details, message.id, DETAILS)),
            self.filename_of(message),
        )

    def filename_of(self, message: ReceivedMessage) -> str | None:
        """Return the name of a message's file; raise TextKeyMissingError or TextUnreadableError."""
        if message.media is None or message.media.filename is None:
            return None
        return self._texts.open(message.media.filename, message.id, FILENAME)
