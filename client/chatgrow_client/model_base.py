"""What the models of the API have in common."""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from typing_extensions import Self


def to_wire_name(name: str) -> str:
    """Return the name of a field in JSON; `from_` is `from`, since Python keeps that word."""
    return to_camel(name.rstrip("_"))


class Body(BaseModel):
    """What a request sends; an unknown field is an error, and one that is not set is not sent."""

    model_config = ConfigDict(
        alias_generator=to_wire_name, populate_by_name=True, extra="forbid", frozen=True
    )

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """Return a body with those fields that are not None."""
        return cls.model_validate({k: v for k, v in fields.items() if v is not None})

    def to_json(self) -> bytes:
        """Return the fields that were set, as JSON."""
        return self.model_dump_json(by_alias=True, exclude_unset=True).encode()


class Answer(BaseModel):
    """What the API answers; fields of a later version of the API are kept in `model_extra`."""

    model_config = ConfigDict(
        alias_generator=to_wire_name, populate_by_name=True, extra="allow", frozen=True
    )


class OpenEnum(str, Enum):
    """Words of the API; a word that only a later version of the API knows is a member, too."""

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member
