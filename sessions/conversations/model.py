"""A received message, and what people did to it since."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from sessions.messages.model import StoredText
from sessions.messages.responses import Reaction, Vote
from sessions.storage.record import Record

COLLECTION = "receivedMessages"
"""The collection of received messages."""


class ReceivedType(StrEnum):
    """What a received message is."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    VOICE = "voice"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    POLL = "poll"
    CIPHERTEXT = "ciphertext"
    """WhatsApp Web could not decrypt it yet; its content may come later."""
    REVOKED = "revoked"
    """It was revoked before it was recorded, so its content is not known."""
    OTHER = "other"
    """A kind that is not read; `text` may have a part of it."""


class MediaState(StrEnum):
    """Whether the file of a received message is here."""

    PENDING = "pending"
    """It is still to be fetched from WhatsApp."""
    STORED = "stored"
    """It is stored; `media_id` is its id."""
    TOO_LARGE = "too_large"
    """It is larger than MEDIA_MAX_SIZE."""
    EXPIRED = "expired"
    """WhatsApp no longer has it, nor has its sender's phone."""
    FAILED = "failed"
    """It could not be fetched."""


class ReceivedMedia(Record):
    """The file of a received message: what WhatsApp says of it, and where it is here.

    The page fetches it by the message's `whatsapp_key`.
    """

    state: MediaState = MediaState.PENDING
    media_id: str | None = None
    mimetype: str | None = None
    """As its sender says."""
    size: int | None = None
    """In bytes, as its sender says."""
    filename: StoredText | None = None
    """Sealed like a text."""
    sha256: str | None = None
    """The digest of the file in Base64, as WhatsApp says (`filehash`)."""
    seconds: int | None = None
    """How long a film, a sound or a voice message is."""


class Place(Record):
    """A place on the map, in degrees."""

    latitude: float
    longitude: float
    name: str | None = None


class Card(Record):
    """A contact card: a name and the phone numbers in it, as they are written there."""

    name: str | None = None
    phones: tuple[str, ...] = ()


class PollAsked(Record):
    """The question of a poll, and its options."""

    question: str
    options: tuple[str, ...]
    multiple: bool = False


class Details(Record):
    """The content of a received message that is not text; sealed like a text."""

    location: Place | None = None
    contacts: tuple[Card, ...] = ()
    poll: PollAsked | None = None


class ReceivedContent(Record):
    """What a received message says, as it is stored."""

    type: ReceivedType
    whatsapp_type: str | None = None
    """WhatsApp's own name of the type, for `OTHER`."""
    text: StoredText | None = None
    """The text or caption."""
    details: StoredText | None = None
    """`Details` as JSON."""
    media: ReceivedMedia | None = None
    quoted_id: str | None = None
    """WhatsApp's bare id of the message that it answers."""


class ReceivedMessage(ReceivedContent):
    """One message that a connection has received."""

    id: str = Field(alias="_id")
    owner: str
    connection: str
    connection_id: str
    chat_id: str
    """The chat as WhatsApp Web names it: of a person (`…@c.us` or `…@lid`) or a group."""
    conversation: str
    """The chat in which it is shown: the person's number where that is known, else `chat_id`."""
    sender: str = Field(alias="from")
    """The WhatsApp id of the account that wrote it."""
    from_number: str | None = None
    """The sender's number in E.164, if WhatsApp knows it."""
    sender_name: str | None = None
    """The name by which the sender calls himself, or has in the phone's contacts."""
    whatsapp_key: str
    """The page's key of the message, by which the page finds it."""
    bare_id: str
    key: str
    """What is unique within the connection (`identity.unique_key`)."""
    at: datetime
    """When it was sent, by WhatsApp's clock, to the second."""
    recorded_at: datetime
    reply_to: str | None = None
    """Our id of the message that it answers, if we have that one."""
    reactions: tuple[Reaction, ...] = ()
    reactions_left_out: int = 0
    """How many earlier ones are not kept."""
    votes: tuple[Vote, ...] = ()
    votes_left_out: int = 0
    edited_at: datetime | None = None
    revoked_at: datetime | None = None
    from_history: bool = False
    """Whether it is older than the login and was imported (`IMPORT_HISTORY_DAYS`)."""
    generation: int = 0
    """The generation of the lease that wrote last."""

    @property
    def is_from_group(self) -> bool:
        """Whether it was written in a group."""
        return self.chat_id.endswith("@g.us")
