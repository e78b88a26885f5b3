"""The base classes of the models of the HTTP contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from sessions.common.json_values import Shape
from sessions.messages.visible_text import ON_ONE_LINE, VISIBLE, check_line, check_text
from sessions.recipients.address import expect_text, parse_phone_number


class Body(BaseModel):
    """A request body in camelCase; unknown fields are refused, not ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=False, extra="forbid", frozen=True
    )


def taken_away(change: Body, **absent: Any) -> dict[str, Any]:
    """Return what replaces the values that the null fields of a PATCH take away, as it is stored.

    `absent` names the fields that a record can do without, each with what stands for no value.
    """
    return {
        to_camel(name): value
        for name, value in absent.items()
        if name in change.model_fields_set and getattr(change, name) is None
    }


class Answer(BaseModel):
    """A response body in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class FieldProblem(Body):
    """What is wrong with one field."""

    field: str
    message: str


NULL: Mapping[str, Any] = {"type": "null"}
"""The JSON Schema of a field that is missing or null (see `never`)."""


def never(*given: str, **fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a JSON Schema that refuses these values of fields together.

    A field that is missing counts as if it had that value, unless it is `given`.
    """
    return {"not": {"required": [*given], "properties": fields}}


def cursor_like(pattern: str) -> Shape:
    """Return what the cursor of a list has to look like."""
    return Shape(pattern, "This is no cursor of this list.")


def not_before(start: str, named: str | None = None) -> AfterValidator:
    """Refuse a time before that of the field `start`, which callers know as `named`."""

    def check(moment: datetime, info: ValidationInfo) -> datetime:
        begin: datetime | None = info.data.get(start)
        if begin is not None and moment < begin:
            raise ValueError(f"This is before `{named or start}`.")
        return moment

    return AfterValidator(check)


Name = Annotated[
    str,
    StringConstraints(max_length=200),
    AfterValidator(check_line),
    AfterValidator(check_text),
    AfterValidator(str.strip),
    Field(json_schema_extra={"pattern": rf"^{ON_ONE_LINE}*{VISIBLE}{ON_ONE_LINE}*$"}),
]
"""A name for people: something visible, without control characters."""
PhoneNumber = Annotated[
    str,
    BeforeValidator(expect_text),
    AfterValidator(parse_phone_number),
    WithJsonSchema({"type": "string", "format": "phone-number", "examples": ["+972501234567"]}),
]
