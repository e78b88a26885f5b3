"""Take the file of a message that is accepted: a stored one, one in the request, or a URL."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from sessions.common.json_values import Shape
from sessions.media.conversion import can_convert
from sessions.media.errors import MediaNotFoundError
from sessions.media.kinds import MediaKind, check_kind, kind_of
from sessions.media.model import StoredMedia
from sessions.media.store import MediaStore, NewMedia
from sessions.messages.content import Media, Name
from sessions.messages.model import Original, UsedMedia

_BASE64 = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_SOURCES = ("mediaId", "url", "base64")
_ONE_SOURCE = "A file has one source: a mediaId, a url or its content in base64."
_MAX_URL = 2048


def _bare(value: object) -> object:
    """Take base64 out of a data URL, as browsers write it, and out of lines, as programs do."""
    if not isinstance(value, str):
        return value
    found = _DATA_URL.match(value)
    return "".join(value[found.end() if found else 0 :].split())


def _check_base64(text: str) -> str:
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise ValueError("This is not base64.") from error
    return text


def _one_source(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [
        {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in _SOURCES
    ]


class MediaRequest(BaseModel):
    """The file of a message: an uploaded or received one, one at a URL, or a small one in base64.

    `mimetype` counts only where the content does not tell the type, such as for Word documents.
    Without `as`, pictures, films and sound are sent as such and everything else as a document.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=False,
        extra="forbid",
        frozen=True,
        json_schema_extra=_one_source,
    )

    media_id: Annotated[str, Shape(r"^[0-9a-z]{26}$", "This is no id of a file.")] | None = None
    url: (
        Annotated[
            str,
            StringConstraints(max_length=_MAX_URL),
            Shape(r"^[Hh][Tt][Tt][Pp][Ss]?://", "Give an address that begins with https://."),
        ]
        | None
    ) = Field(None, examples=["https://example.org/picture.png"])
    base64: (
        Annotated[
            str,
            BeforeValidator(_bare),
            StringConstraints(min_length=1),
            AfterValidator(_check_base64),
            Field(json_schema_extra={"pattern": _BASE64}),
        ]
        | None
    ) = Field(None, examples=["UE5H"], repr=False)
    mimetype: (
        Annotated[
            str,
            StringConstraints(max_length=127),
            Shape(
                r"^[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+(;[\x20-\x7e]*)?$",
                "Give a type such as image/png.",
            ),
        ]
        | None
    ) = Field(None, examples=["text/plain"])
    filename: Name | None = None
    as_: MediaKind | None = Field(None, alias="as", examples=["document"])

    @model_validator(mode="after")
    def _has_one_source(self) -> MediaRequest:
        given = [each for each in (self.media_id, self.url, self.base64) if each is not None]
        if len(given) != 1:
            raise PydanticCustomError("one_source", _ONE_SOURCE)
        return self

    def content(self, caption: str | None) -> Media:
        """Return the content of the message to store."""
        return Media(
            caption=caption,
            filename=self.filename,
            mimetype=self.mimetype,
            as_=self.as_,
            url=self.url,
        )


@dataclass(frozen=True)
class Sender:
    """Whose files may be sent: an owner's; a key for some connections may not send all of them."""

    owner: str
    connections: frozenset[str] | None = None
    """The connections that the API key is for; None: all."""
    api_key: str | None = None


@dataclass(frozen=True)
class MediaIntake:
    """Find or store the files of messages that are being accepted, and check their types.

    With `converts`, what WhatsApp would not play is accepted if it can be converted.
    """

    store: MediaStore
    converts: bool = False

    async def take(
        self, sender: Sender, asked: MediaRequest, used_at: datetime
    ) -> UsedMedia | Original | None:
        """Return the file to send, which is kept until the message needs it; None for a URL.

        What has to be converted first is an Original.

        Raises MediaNotFoundError, UnsuitableMediaError, and what `MediaStore.add` raises.
        """
        if asked.url is not None:
            return None
        if asked.base64 is not None:
            media = await self._store(sender, asked, asked.base64)
        else:
            media = await self.store.find(sender.owner, asked.media_id or "")
        if not media.is_open_to(sender.connections, sender.api_key):
            raise MediaNotFoundError(media.id)
        used = as_usable(media, asked.as_, converts=self.converts)
        await self.store.use(sender.owner, [media.id], used_at)
        return used

    async def _store(self, sender: Sender, asked: MediaRequest, text: str) -> StoredMedia:
        content = base64.b64decode(text)
        await self.store.require_room(sender.owner, len(content))
        limited = sender.connections is not None
        new = NewMedia(
            sender.owner,
            filename=asked.filename,
            said_type=asked.mimetype,
            api_key=sender.api_key if limited else None,
        )
        return await self.store.add(new, _once(content))


def as_usable(
    media: StoredMedia, kind: MediaKind | None, *, converts: bool
) -> UsedMedia | Original:
    """Return a file as a message uses it, or, with `converts`, as it is to be converted first.

    Raises UnsuitableMediaError.
    """
    if converts and kind is not None and can_convert(media.sniffed, kind):
        return Original(media_id=media.id, kind=kind)
    return as_used(media, kind)


def as_used(media: StoredMedia, kind: MediaKind | None) -> UsedMedia:
    """Return a file as a message uses it; raise UnsuitableMediaError."""
    kind = kind or kind_of(media.sniffed)
    check_kind(media.sniffed, kind)
    about = media.metadata
    return UsedMedia(media_id=media.id, mimetype=about.mimetype, size=about.size, kind=kind)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
