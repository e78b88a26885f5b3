"""What messages say, encrypted at rest (`SEAL_TEXTS`); what is stored as plain text is read too.

Each text, and each content of another kind, is bound to its record and field, and cannot be
decrypted in another message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from sessions.common.errors import ConfigurationError, DomainError
from sessions.encryption.errors import BlobError, BlobReason
from sessions.encryption.keys import KeyRing
from sessions.encryption.sealed_value import SealedValue
from sessions.encryption.values import open_value, seal_value
from sessions.messages.content import Content, Kind, Text, read_content

if TYPE_CHECKING:
    from sessions.messages.model import Message, StoredText
    from sessions.storage.mongo import Collection, Database

_TEXT = "text"
_CONTENT = "content"
_DIGEST = "digest"
_OF_RECEIVED = (_TEXT, "details", "media.filename")
_AT_ONCE = 500


class TextKeyMissingError(DomainError):
    """The key of an encrypted text is not in the key ring; an operator can add it."""

    code = "text_key_missing"

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"A text was encrypted with the key {key_id!r}, which this process does not have. "
            "The operator has to add it to SESSION_ENCRYPTION_KEYS."
        )


class TextUnreadableError(DomainError):
    """An encrypted text was changed or copied from another message, and cannot be recovered."""

    code = "text_unreadable"
    text = "An encrypted text was changed, or copied from another message."


class TextSealer:
    """Encrypt new texts if `on`; read both encrypted and plain texts.

    Raises ConfigurationError if it is on and there are no keys.
    """

    def __init__(self, keys: KeyRing | None, *, on: bool) -> None:
        if on and keys is None:
            raise ConfigurationError("SEAL_TEXTS needs SESSION_ENCRYPTION_KEYS.")
        self._keys = keys
        self._writes_with = keys if on else None

    def seal_content(self, message_id: str, content: Content) -> StoredContent:
        """Return the content of a message as it is to be stored."""
        if isinstance(content, Text):
            return StoredContent(Kind.TEXT, text=self.seal(content.text, message_id, _TEXT))
        json = content.model_dump_json(by_alias=True, exclude_none=True)
        return StoredContent(content.kind, content=self.seal(json, message_id, _CONTENT))

    def open_content(self, message: Message) -> Content:
        """Return what a message contains; raise TextKeyMissingError or TextUnreadableError."""
        if message.text is not None:
            return Text(text=self.open(message.text, message.id, _TEXT))
        if message.content is None:
            raise TextUnreadableError
        return read_content(message.kind, self.open(message.content, message.id, _CONTENT))

    def seal_digest(self, record: str, digest: str) -> str | dict[str, Any]:
        """Return the digest of a request as it is to be stored.

        It is encrypted because a reader could guess short texts from it by trying them all.
        """
        return _to_document(self.seal(digest, record, _DIGEST))

    def open_digest(self, record: str, stored: str | dict[str, Any]) -> str:
        """Return the digest of a request; raise TextKeyMissingError or TextUnreadableError."""
        return self.open(_from_document(stored), record, _DIGEST)

    def seal(self, plain: str, *place: str) -> StoredText:
        """Return the value to store at a place: the id of a record and the name of its field."""
        return plain if self._writes_with is None else seal_value(self._writes_with, plain, *place)

    def open(self, value: StoredText, *place: str) -> str:
        """Return a stored value as plain text; raise TextKeyMissingError or TextUnreadableError."""
        if isinstance(value, str):
            return value
        if self._keys is None:
            raise TextKeyMissingError(value.key_id)
        try:
            return open_value(self._keys, value, *place)
        except BlobError as error:
            if error.reason is BlobReason.WRONG_KEY:
                raise TextKeyMissingError(value.key_id) from error
            raise TextUnreadableError from error


@dataclass(frozen=True)
class StoredContent:
    """The content of a message as it is stored: a text in `text`, any other kind in `content`."""

    kind: Kind
    text: StoredText | None = None
    content: StoredText | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the fields to store."""
        fields = {"text": self.text, "content": self.content}
        return {name: _to_document(value) for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class Rotated:
    """How many texts were encrypted again, and how many were left because no key decrypts them."""

    moved: int
    left: int


async def rotate_texts(database: Database, keys: KeyRing, *, plain_too: bool) -> Rotated:
    """Encrypt all encrypted texts with the first key, with `plain_too` also the plain ones.

    Plain digests stay plain, since they are removed 48 hours after their messages have ended.
    """
    digests = await _rotate(database["idempotencyKeys"], _DIGEST, keys, plain_too=False)
    messages = database["messages"]
    texts = await _rotate(messages, _TEXT, keys, plain_too=plain_too)
    others = await _rotate(messages, _CONTENT, keys, plain_too=plain_too)
    received = database["receivedMessages"]
    theirs = [await _rotate(received, field, keys, plain_too=plain_too) for field in _OF_RECEIVED]
    told = await _rotate(database["webhookDeliveries"], "body", keys, plain_too=plain_too)
    kept = (texts, others, *theirs, told)
    return Rotated(sum(each.moved for each in kept), sum(each.left for each in (*kept, digests)))


async def _rotate(collection: Collection, field: str, keys: KeyRing, *, plain_too: bool) -> Rotated:
    moved = left = 0
    wanted = [_under_another_key(field, keys)] + ([{field: {"$type": "string"}}] * plain_too)
    async for documents in _batches(collection, {"$or": wanted}, field):
        updates = [_resealed(each, field, keys) for each in documents]
        writable = [each for each in updates if each is not None]
        left += len(updates) - len(writable)
        if writable:
            moved += (await collection.bulk_write(writable, ordered=False)).modified_count
    return Rotated(moved, left)


def _under_another_key(field: str, keys: KeyRing) -> dict[str, Any]:
    first = {"keyId": keys.first.id, "keyCheck": keys.first.check()}
    differs = [{f"{field}.{name}": {"$ne": value}} for name, value in first.items()]
    return {f"{field}.keyId": {"$exists": True}, "$or": differs}


async def _batches(
    collection: Collection, which: dict[str, Any], field: str
) -> AsyncIterator[list[dict[str, Any]]]:
    cursor = collection.find(which, {field: True}, batch_size=_AT_ONCE)
    while documents := await cursor.to_list(_AT_ONCE):
        yield documents


def _resealed(document: dict[str, Any], field: str, keys: KeyRing) -> UpdateOne | None:
    """Return the update that encrypts a text with the first key; None if no key decrypts it."""
    record, stored = document["_id"], _field_of(document, field)
    sealer = TextSealer(keys, on=True)
    try:
        plain = sealer.open(_from_document(stored), record, field)
    except (TextKeyMissingError, TextUnreadableError):
        return None
    sealed = _to_document(sealer.seal(plain, record, field))
    return UpdateOne({"_id": record, field: {"$eq": stored}}, {"$set": {field: sealed}})


def _field_of(document: dict[str, Any], path: str) -> Any:
    """Return what stands under a path like `media.filename`."""
    return reduce(getitem, path.split("."), document)


def _to_document(value: StoredText) -> str | dict[str, Any]:
    return value if isinstance(value, str) else value.model_dump(by_alias=True)


def _from_document(stored: str | dict[str, Any]) -> StoredText:
    return stored if isinstance(stored, str) else SealedValue.model_validate(stored)
