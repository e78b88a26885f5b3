"""What a message contains: a text, a place, a contact card, a poll or a file; or what it does.

To add a kind, write its class and name it in `Content`; `Kind` is the discriminator, which is
stored beside the content, so that it can be read without the key of a sealed content.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from sessions.common.json_values import OrDefault
from sessions.media.kinds import MediaKind
from sessions.messages.visible_text import ON_ONE_LINE, PATTERN, VISIBLE, check_line, check_text
from sessions.recipients.address import expect_text, parse_phone_number

MAX_TEXT = 65_536
"""Characters in one message: the limit of WhatsApp's own clients."""
_MAX_NAME = 200
_MAX_QUESTION = 255
_MAX_OPTION = 100
"""The longest question and option of a poll that WhatsApp's own clients let people type."""
_FEWEST_OPTIONS, _MOST_OPTIONS = 2, 12


def _as_tuple(value: object) -> object:
    """Take a list: in a body that is read in two steps, such as a bulk, an array is one by then."""
    return tuple(value) if isinstance(value, list) else value


def _check_different(options: tuple[str, ...]) -> tuple[str, ...]:
    if len({*options}) < len(options):
        raise ValueError("Two options are the same.")
    return options


_SEEN = Field(json_schema_extra={"pattern": PATTERN})
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_MAX_NAME),
    AfterValidator(check_line),
    AfterValidator(check_text),
    Field(json_schema_extra={"pattern": rf"^{ON_ONE_LINE}*{VISIBLE}{ON_ONE_LINE}*$"}),
]
_Question = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_MAX_QUESTION),
    AfterValidator(check_text),
    _SEEN,
]
_Option = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_MAX_OPTION),
    AfterValidator(check_text),
    _SEEN,
]
_Phone = Annotated[
    str,
    BeforeValidator(expect_text),
    AfterValidator(parse_phone_number),
    WithJsonSchema({"type": "string", "format": "phone-number", "examples": ["+972501234567"]}),
]


class Kind(StrEnum):
    """What kind of content a message has."""

    TEXT = "text"
    LOCATION = "location"
    CONTACT = "contact"
    POLL = "poll"
    MEDIA = "media"
    REACTION = "reaction"
    """It reacts to another message."""
    EDIT = "edit"
    """It changes the text of another message."""
    REVOKE = "revoke"
    """It deletes another message for everybody."""


ACTIONS = frozenset({Kind.REACTION, Kind.EDIT, Kind.REVOKE})
"""The kinds that do something to another message. They are done in the order of the messages."""
SELDOM_ANSWERED = ACTIONS | {Kind.POLL}
"""The kinds whose silence says nothing about the page: WhatsApp may never acknowledge them."""


def _example(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class _Content(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )

    kind: ClassVar[Kind]

    @property
    def typed(self) -> str:
        """What a person would type to send it."""
        return ""

    def with_text(self, text: str) -> Self:
        """Return it after its text or caption was edited to this, if it has one."""
        return self

    def for_page(self) -> dict[str, Any]:
        """Return it as our script in the page takes it."""
        return {"kind": str(self.kind), **self.model_dump(by_alias=True, exclude_none=True)}


class Text(_Content):
    """A text."""

    kind: ClassVar[Kind] = Kind.TEXT
    text: str

    @property
    def typed(self) -> str:
        """The text itself."""
        return self.text

    def with_text(self, text: str) -> Self:
        """Return the edited text."""
        return self.model_copy(update={"text": text})


class Location(_Content):
    """A place on the map, in degrees, and its name."""

    model_config = _example({"latitude": 32.0853, "longitude": 34.7818, "name": "Tel Aviv"})

    kind: ClassVar[Kind] = Kind.LOCATION
    latitude: Annotated[float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False)]
    name: Name | None = None


class Contact(_Content):
    """A contact card: the name and the phone number of a person."""

    model_config = _example({"name": "Dana Levi", "phone": "+972501234567"})

    kind: ClassVar[Kind] = Kind.CONTACT
    name: Name
    phone: _Phone


class Poll(_Content):
    """A question with options to vote for: one of them, or with `multiple` any number.

    Experimental: WhatsApp may never deliver a poll from a linked device.
    """

    model_config = _example(
        {"question": "When?", "options": ["Monday", "Tuesday"], "multiple": False}
    )

    kind: ClassVar[Kind] = Kind.POLL
    question: _Question
    options: Annotated[
        tuple[_Option, ...],
        Field(
            min_length=_FEWEST_OPTIONS,
            max_length=_MOST_OPTIONS,
            json_schema_extra={"uniqueItems": True},
        ),
        BeforeValidator(_as_tuple),
        AfterValidator(_check_different),
    ]
    multiple: OrDefault[Annotated[bool, Field(strict=True)]] = False


class Media(_Content):
    """A file, its caption, and what its sender said about it.

    The file itself is named by `Message.media`, or has to be fetched from the URL first.
    """

    kind: ClassVar[Kind] = Kind.MEDIA
    caption: str | None = None
    filename: str | None = None
    mimetype: str | None = None
    as_: MediaKind | None = Field(None, alias="as")
    url: str | None = Field(None, repr=False)

    @property
    def typed(self) -> str:
        """The caption."""
        return self.caption or ""

    def with_text(self, text: str) -> Self:
        """Return it with the edited caption."""
        return self.model_copy(update={"caption": text})


class Reaction(_Content):
    """A reaction with one emoji; without an emoji, an earlier one is taken back."""

    kind: ClassVar[Kind] = Kind.REACTION
    emoji: str | None = None


class Edit(_Content):
    """The new text of a message."""

    kind: ClassVar[Kind] = Kind.EDIT
    text: str


class Revoke(_Content):
    """The deletion of a message for everybody."""

    kind: ClassVar[Kind] = Kind.REVOKE


Action = Reaction | Edit | Revoke
Content = Text | Location | Contact | Poll | Media | Action
_OF_KIND: Mapping[Kind, type[Content]] = MappingProxyType(
    {each.kind: each for each in get_args(Content)}
)


def read_content(kind: Kind, json: str) -> Content:
    """Return the content that `model_dump_json` has written."""
    return _OF_KIND[kind].model_validate_json(json)
