"""JSON values that are read strictly, and say in words what they have to be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticUseDefault, core_schema

_Value = TypeVar("_Value")
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+ -]\d\d:\d\d))", re.ASCII
)
"""As the standard has it, with a space for the T, or for the plus, which a query does not keep."""


def _read_moment(value: object) -> object:
    if isinstance(value, str) and (found := _RFC_3339.fullmatch(value)):
        day, rest = found[1], found[2].upper().replace(" ", "+")
        try:
            return datetime.fromisoformat(f"{day}T{rest}").astimezone(UTC)
        except (OverflowError, ValueError) as error:
            raise ValueError("There is no such time.") from error
    raise ValueError("Give a time with its zone as in RFC 3339, like 2030-01-31T09:00:00Z.")


def _write_moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Shape:
    """A text that matches a pattern of JSON Schema; `says` tells people what it has to be."""

    pattern: str
    says: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        # Python's `$` would also match before the end of a line.
        pattern = re.compile(re.sub(r"\$$", r"\\Z", self.pattern), re.ASCII)

        def check(text: str) -> str:
            if pattern.search(text) is None:
                raise ValueError(self.says)
            return text

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"pattern": self.pattern}


def or_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Return the JSON Schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


class _NullMeansDefault:
    """Takes null as if the field was left out."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_default_for_null, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return or_null(handler(schema))


def _default_for_null(value: object) -> object:
    if value is None:
        raise PydanticUseDefault
    return value


def _read_whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Timestamp = Annotated[AwareDatetime, BeforeValidator(_read_moment)]
"""A time with its zone, in UTC."""
WrittenTimestamp = Annotated[
    datetime,
    PlainSerializer(_write_moment, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time that is always written with milliseconds, also if they are 0."""
WholeNumber = Annotated[int, BeforeValidator(_read_whole)]
"""A whole number; in JSON `5.0` is one, too."""
OrDefault = Annotated[_Value, _NullMeansDefault()]
"""A field with a default that null stands for, too."""
