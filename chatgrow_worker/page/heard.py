"""What a page tells of messages that others write, as our script describes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel


def _storable(text: str) -> str:
    """Return the text without halves of characters, which MongoDB cannot store."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Told = Annotated[str, AfterValidator(_storable)]
"""A text from outside, as it can be stored."""
_Seconds = Annotated[int, Field(ge=0, le=100_000_000_000)]
_Milliseconds = Annotated[int, Field(ge=0, le=100_000_000_000_000)]
_Id = Annotated[Told, Field(min_length=1, max_length=300)]


class _Heard(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    key: _Id
    """The key of the message; of a revoked one, the key that it had before."""
    serial: int = 0


class HeardFile(BaseModel):
    """What its sender says of a file."""

    mimetype: Told | None = None
    size: Annotated[int, Field(ge=0, le=2**53)] | None = None
    filename: Told | None = None
    sha256: Told | None = None
    seconds: float | None = None


class HeardPlace(BaseModel):
    """A place on the map."""

    latitude: float | None = None
    longitude: float | None = None
    name: Told | None = None


class HeardCard(BaseModel):
    """A contact card, as the vCard that it is."""

    name: Told | None = None
    vcard: Told | None = None


class HeardPoll(BaseModel):
    """A poll."""

    question: Told
    options: tuple[Told, ...]
    multiple: bool = False


class HeardMessage(_Heard):
    """A message that somebody else has written; times are seconds since 1970."""

    kind: Literal["message"] = "message"
    sender: _Id
    number: Told | None = None
    """The WhatsApp id that has the sender's number."""
    name: Told | None = None
    at: _Seconds
    type: Told
    """WhatsApp's name of the type (WAWebMsgType)."""
    text: Told | None = None
    quoted: Told | None = None
    file: HeardFile | None = None
    place: HeardPlace | None = None
    cards: tuple[HeardCard, ...] = ()
    poll: HeardPoll | None = None
    edited_at: _Seconds | None = None
    revoked_at: _Seconds | None = None
    history: bool = False


class HeardEdit(_Heard):
    """A message has another text."""

    kind: Literal["edit"] = "edit"
    number: Told | None = None
    """The WhatsApp id that has the number of the chat's person."""
    text: Told
    at: _Seconds


class HeardRevocation(_Heard):
    """A message was revoked."""

    kind: Literal["revocation"] = "revocation"
    number: Told | None = None
    """The WhatsApp id that has the number of the chat's person."""
    at: _Seconds


class HeardReaction(_Heard):
    """Somebody reacted to a message, or took that back."""

    kind: Literal["reaction"] = "reaction"
    sender: _Id
    emoji: Annotated[Told, Field(max_length=100)] | None = None
    at: _Seconds


class HeardVote(_Heard):
    """Somebody voted in a poll, or took that back; `at_ms` is in milliseconds."""

    kind: Literal["vote"] = "vote"
    sender: _Id
    options: tuple[Told, ...] = ()
    at_ms: _Milliseconds


Heard = HeardMessage | HeardEdit | HeardRevocation | HeardReaction | HeardVote
_HEARD: TypeAdapter[Heard] = TypeAdapter(Annotated[Heard, Field(discriminator="kind")])


class HeardBatch(BaseModel):
    """The oldest things that were not recorded yet; `missed` if some could not be kept."""

    items: list[dict[str, Any]] = Field([], repr=False)
    more: bool = False
    missed: bool = False

    @property
    def serial(self) -> int:
        """The number of the last item; 0 if there is none."""
        return int(self.items[-1]["serial"]) if self.items else 0


class RowsPage(BaseModel):
    """Messages of the page's table up to row `last`, and whether there are more rows."""

    items: list[dict[str, Any]] = Field([], repr=False)
    last: float
    more: bool


class ResponsesPage(BaseModel):
    """Reactions or votes from a part of the page's table; `next` is where the rest begins."""

    items: list[dict[str, Any]] = Field([], repr=False)
    next: int | None


class RowsFound(BaseModel):
    """The row after which messages are new (None: none is new), and where to look next."""

    after: float | None
    next: float | None


def read_heard(item: dict[str, Any]) -> Heard | None:
    """Return what our script has told; None if it cannot be a message."""
    try:
        return _HEARD.validate_python(item)
    except (ValidationError, UnicodeError):
        return None
