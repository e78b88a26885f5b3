"""Say in words of ours what is wrong with a value that pydantic refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

_TEXTS = {
    "model_type": "Send a JSON object.",
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field.",
    "string_unicode": "This is not valid Unicode.",
    "url_parsing": "Give a whole address, like https://whatsapp.example.org.",
    "url_scheme": "Give an address that begins with https:// or http://.",
}


def in_words(item: ErrorDetails) -> str:
    """Say what is wrong; pydantic's own words for lengths speak of "items after validation".

    `item` needs its context, which has the limits.
    """
    limits = item.get("ctx", {})
    match item["type"]:
        case "too_short":
            return f"Give at least {_counted(limits['min_length'], limits)}."
        case "too_long":
            return f"Give at most {_counted(limits['max_length'], limits)}."
        case known if known in _TEXTS:
            return _TEXTS[known]
    return item["msg"].removeprefix("Value error, ")


def _counted(length: int, limits: Mapping[str, Any]) -> str:
    # Only a secret's type has no name here.
    noun = "character" if limits["field_type"] == "Value" else "item"
    return f"{length} {noun}" + ("" if length == 1 else "s")
