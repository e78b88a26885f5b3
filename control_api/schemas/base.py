"""The base classes of the models of the HTTP contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from sessions.recipients.address import parse_phone_number


class Body(BaseModel):
    """A request body in camelCase; unknown fields are refused, not ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=False, extra="forbid", frozen=True
    )


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


_TEXT = r"[^\x00-\x1f\x7f-\x9f]"
Name = Annotated[
    str,
    StringConstraints(max_length=200, pattern=rf"^{_TEXT}*[^\s\x00-\x1f\x7f-\x9f]{_TEXT}*$"),
    AfterValidator(str.strip),
]
"""A name for people: something visible, without control characters."""
PhoneNumber = Annotated[
    str,
    AfterValidator(parse_phone_number),
    WithJsonSchema({"type": "string", "format": "phone-number", "examples": ["+972501234567"]}),
]
