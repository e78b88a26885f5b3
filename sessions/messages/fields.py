"""The types of fields that messages and their requests have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from sessions.messages.content import MAX_TEXT
from sessions.messages.visible_text import PATTERN, check_text
from sessions.recipients.address import parse_recipient


def _check_recipient(text: str) -> str:
    parse_recipient(text)
    return text


def _expect_text(value: object) -> object:
    """Refuse a JSON number, since JSON drops leading zeros and spreadsheets round long numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004  what pydantic tells the sender
            'Send the number as text, in quotes: "+972501234567".'
        )
    return value


PriorityName = Literal["high", "normal", "low"]
ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
RecipientText = Annotated[
    str,
    BeforeValidator(_expect_text),
    AfterValidator(_check_recipient),
    WithJsonSchema(
        {
            "type": "string",
            "format": "whatsapp-recipient",
            "description": "A phone number in international format, with or without `+` or `00`, "
            "spaces, dashes, dots or slashes, or a WhatsApp id (`…@c.us`, `…@g.us`, `…@lid`).",
            "examples": ["+972501234567"],
        }
    ),
]
MessageText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_TEXT),
    AfterValidator(check_text),
    Field(json_schema_extra={"pattern": PATTERN}),
]
Reference = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"),
    Field(examples=["order-17"]),
]
MessageId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-z]{26}$"),
    Field(examples=["01m8m2f3zbf1dn0s2avywe78bk"]),
]
