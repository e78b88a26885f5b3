"""A message: one outbound send and its statuses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from pydantic import Field

from sessions.connections.model import Connection
from sessions.encryption.sealed_value import SealedValue
from sessions.media.kinds import MediaKind
from sessions.messages.content import ACTIONS, Kind
from sessions.messages.responses import Reaction, Vote
from sessions.storage.record import Record

StoredText = str | SealedValue
"""A text as it is stored: plain, or encrypted (see `sealed_texts`)."""


class MessageStatus(StrEnum):
    """Where a message is."""

    QUEUED = "queued"
    """Stored and waiting; `waiting` says for what."""
    SENDING = "sending"
    """Claimed by the worker, which is sending it."""
    SENT = "sent"
    """WhatsApp's server has it."""
    DELIVERED = "delivered"
    """A device of the recipient has it."""
    READ = "read"
    """The recipient has seen it."""
    FAILED = "failed"
    """It will not be sent; `reason` says why."""
    EXPIRED = "expired"
    """It was not sent before its `expiresAt`."""
    CANCELLED = "cancelled"
    """It was cancelled before it was sent."""
    UNKNOWN = "unknown"
    """It may or may not have been sent; it is never sent again without confirmation."""


class Priority(IntEnum):
    """Which message goes first within a connection; the stored number sorts."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


class Ack(IntEnum):
    """How far a message went, in WhatsApp's numbers (wa-js `ACK`); failures are negative."""

    PENDING = 0
    SERVER = 1
    DEVICE = 2
    READ = 3
    PLAYED = 4


class UsedMedia(Record):
    """The file of a message: what its content is, and as what it is sent."""

    media_id: str
    mimetype: str
    size: int
    kind: MediaKind
    original: str | None = None
    """The id of the file from which it was converted, if that is kept, too."""


class Original(Record):
    """A stored file from which the file of a message is to be converted."""

    media_id: str
    kind: MediaKind
    """As what the converted file is sent."""
    fetched: bool = False
    """Whether it was fetched for this message alone: then it goes once it is converted."""


class MediaFetch(Record):
    """The fetching of a message's file from a URL, or its conversion; gone once that is done."""

    next_at: datetime
    """When it is tried next; while it is tried, when another worker may try it."""
    tries: int = 0
    claim: str | None = None
    """The try that may record its result."""
    original: Original | None = None
    """What is to be converted; None while the file is to be fetched."""


class Ground(Record):
    """A record on which a planned message stands: it is sent only while the revision is this."""

    collection: str
    id: str
    revision: int


class Plan(Record):
    """What a message was planned for, by a part of the program that plans ahead.

    Whoever changes one of the records raises its `revision`, so that no message that was planned
    by the record as it was before is sent any more, even if the planner dies at that moment.
    """

    origin: str
    """What asked for the message, such as a rule or a campaign."""
    subject: str
    """What the message is about."""
    trigger: str
    expects: str | None = None
    """What answer the message asks for."""
    due: datetime | None = None
    """When it was planned to go; None means at once."""
    revision: int = 0
    """The revision of the subject by which it was planned."""
    grounds: tuple[Ground, ...] = ()


SUPERSEDED = "superseded"
"""Why a planned message was cancelled: what it was planned for has changed."""


OPTED_OUT = "opted_out"
"""Why a planned message failed: its recipient wants no such messages."""


class Message(Record):
    """One message of the outbox; each status it reached has its time."""

    id: str = Field(alias="_id")
    owner: str
    connection: str
    connection_id: str
    to: str
    kind: Kind = Kind.TEXT
    text: StoredText | None = None
    """What a text says; None for other kinds."""
    content: StoredText | None = None
    """The content of other kinds than texts, as JSON (see `content`)."""
    media: UsedMedia | None = None
    fetch: MediaFetch | None = None
    """What is still to be done until there is a file."""
    reply_to: str | None = None
    """The id of the message that it answers, sent or received."""
    reference: str | None = None
    """The sender's own name for it, such as the id of an order."""
    target: str | None = None
    """The id of the message to which it does something, sent or received."""
    edited_at: datetime | None = None
    revoked_at: datetime | None = None
    priority: Priority = Priority.NORMAL
    seq: int
    status: MessageStatus
    status_at: datetime | None = None
    reason: str | None = None
    attempts: int = 0
    taken_up: int = 0
    """How many times it was resumed after its page or its worker ended."""
    generation: int = 0
    whatsapp_id: str | None = None
    chat_id: str | None = None
    """The chat that WhatsApp answered for `to`; set together with `whatsapp_id`."""
    conversation: str | None = None
    """The chat in whose conversation it stands: `to`, and what WhatsApp answered once it did."""
    conversation_at: datetime | None = None
    """When it stands there: when it is due, and later when it was handed to WhatsApp."""
    new_chat: bool | None = None
    """Whether it was the first message to its chat."""
    paced_at: datetime | None = None
    """When it last counted towards the pace of its connection."""
    queued_at: datetime
    sending_at: datetime | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None
    unknown_at: datetime | None = None
    expired_at: datetime | None = None
    cancelled_at: datetime | None = None
    send_at: datetime | None = None
    """When it was asked to be sent, if that was later than when it was accepted."""
    due_at: datetime
    expires_at: datetime | None = None
    reactions: tuple[Reaction, ...] = ()
    reactions_left_out: int = 0
    """How many earlier ones are not kept."""
    votes: tuple[Vote, ...] = ()
    """In a poll: what people chose."""
    votes_left_out: int = 0
    plan: Plan | None = None

    @property
    def waits_for_file(self) -> bool:
        """Whether its file has to be fetched or converted first."""
        return self.kind is Kind.MEDIA and self.media is None

    @property
    def original(self) -> Original | None:
        """The stored file that is to be converted first, if there is one."""
        return self.fetch.original if self.fetch else None

    @property
    def chat(self) -> str:
        """The message's chat: `to` until WhatsApp has answered which chat that is."""
        return self.chat_id or self.to


CHECKING_NUMBER = "checking_number"
"""Why a message waits: WhatsApp has denied its number once and will be asked again."""


TEXT_KEY_MISSING = "text_key_missing"
"""Why a message waits: its text is encrypted with a key that the worker does not have."""


FETCHING_MEDIA = "fetching_media"
"""Why a message waits: its file is fetched from the URL."""


CONVERTING_MEDIA = "converting_media"
"""Why a message waits: its file is converted into what WhatsApp plays (`MEDIA_CONVERT`)."""


MEDIA_KEY_MISSING = "media_key_missing"
"""Why a message waits: its file is encrypted with a key that the worker does not have."""


WAITS_FOR_MESSAGE = "waits_for_message"
"""Why a message waits: the message that it answers or changes is not sent yet."""


CHAT_NOT_READY = "chat_not_ready"
"""Why a message waits or fails: WhatsApp Web cannot open its chat."""


def why_no_file(original: Original | None) -> str:
    """Return why a message waits that has no file yet."""
    return FETCHING_MEDIA if original is None else CONVERTING_MEDIA


@dataclass(frozen=True)
class Draft:
    """A message that is about to be stored; its id exists already, so that it is stored once."""

    id: str
    to: str
    text: StoredText | None = None
    priority: Priority = Priority.NORMAL
    send_at: datetime | None = None
    expires_at: datetime | None = None
    kind: Kind = Kind.TEXT
    content: StoredText | None = None
    reply_to: str | None = None
    reference: str | None = None
    target: str | None = None
    chat_id: str | None = None
    """The chat, if it is known: that of `target`."""
    media: UsedMedia | Original | None = None
    """The stored file; None for other contents, and for a file that has to be fetched first."""
    plan: Plan | None = None

    def _preparing(self, now: datetime) -> MediaFetch | None:
        """Return what is to be done until there is a file; None if there is, or needs to be."""
        if self.kind is not Kind.MEDIA or isinstance(self.media, UsedMedia):
            return None
        return MediaFetch(next_at=now, original=self.media)

    def to_message(self, connection: Connection, seq: int, now: datetime) -> Message:
        """Return the queued message at its place in the connection's order."""
        preparing = self._preparing(now)
        return Message(
            id=self.id,
            owner=connection.owner,
            connection=connection.id,
            connection_id=connection.connection_id,
            to=self.to,
            kind=self.kind,
            text=self.text,
            content=self.content,
            reply_to=self.reply_to,
            reference=self.reference,
            media=self.media if isinstance(self.media, UsedMedia) else None,
            fetch=preparing,
            reason=why_no_file(preparing.original) if preparing else None,
            target=self.target,
            chat_id=self.chat_id,
            priority=self.priority,
            seq=seq,
            status=MessageStatus.QUEUED,
            status_at=now,
            conversation=None if self.kind in ACTIONS else self.to,
            conversation_at=None if self.kind in ACTIONS else max(now, self.send_at or now),
            queued_at=now,
            send_at=self.send_at if self.send_at and self.send_at > now else None,
            due_at=max(now, self.send_at or now),
            expires_at=self.expires_at,
            plan=self.plan,
        )
