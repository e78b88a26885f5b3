"""Show only some fields of a view: those that it always has, and the named ones (`?fields=`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import TypeVar

from pydantic import BaseModel

View = TypeVar("View", bound=BaseModel)


def split_names(text: object) -> object:
    """Split names that are separated by commas."""
    return text.split(",") if isinstance(text, str) else text


def optional_names(*views: type[BaseModel]) -> Set[str]:
    """Return the names, as JSON has them, of the fields that may be missing from these views."""
    return {
        field.alias or name
        for view in views
        for name, field in view.model_fields.items()
        if not field.is_required()
    }


def known_names(known: Set[str]) -> Callable[[Sequence[str]], Sequence[str]]:
    """Return a check of names, which raises ValueError for one that is not known."""

    def check(names: Sequence[str]) -> Sequence[str]:
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError("There is no such field that could be left out.")
        return names

    return check


def pattern_of(known: Set[str]) -> str:
    """Return the pattern of names that are separated by commas, for OpenAPI."""
    name = "|".join(sorted(known))
    return f"^({name})(,({name}))*$"


def with_only(view: View, named: Sequence[str]) -> View:
    """Return a view without the optional fields that are not named; all fields if none is."""
    if not named:
        return view
    left_out = {
        name: None
        for name, field in type(view).model_fields.items()
        if not field.is_required() and (field.alias or name) not in named
    }
    return view.model_copy(update=left_out)
