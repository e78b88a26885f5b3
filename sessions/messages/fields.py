"""The types of fields that messages and their requests have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from sessions.common.json_values import Shape
from sessions.messages.content import MAX_TEXT
from sessions.messages.visible_text import ON_ONE_LINE, PATTERN, check_line, check_text
from sessions.recipients.address import expect_text, parse_recipient


def _check_recipient(text: str) -> str:
    parse_recipient(text)
    return text


PriorityName = Literal["high", "normal", "low"]
ConnectionId = Annotated[
    str,
    Shape(
        r"^[A-Za-z0-9_-]{1,64}$", "Use 1 to 64 letters of English, digits, dashes and underscores."
    ),
]
RecipientText = Annotated[
    str,
    BeforeValidator(expect_text),
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
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(check_line),
    Field(json_schema_extra={"pattern": f"^{ON_ONE_LINE}*$"}),
    Field(examples=["order-17"]),
]
MessageId = Annotated[
    str,
    Shape(r"^[0-9a-z]{26}$", "This is no id of a message."),
    Field(examples=["01m8m2f3zbf1dn0s2avywe78bk"]),
]
