"""Keep an array in a document from growing for ever: MongoDB refuses one of more than 16 MiB."""

from __future__ import annotations

from typing import Any

AT_MOST = 1000
"""How many entries such an array has."""
_BYTES_AT_MOST = 4 * 1024 * 1024
_HALF = {"$multiply": [-1, {"$ceil": {"$divide": [{"$size": "$$all"}, 2]}}]}
_NEWEST = {
    "$cond": [
        {"$gt": [{"$bsonSize": {"all": "$$all"}}, _BYTES_AT_MOST]},
        {"$slice": ["$$all", _HALF]},
        {"$slice": ["$$all", -AT_MOST]},
    ]
}


def newest(entries: dict[str, Any]) -> dict[str, Any]:
    """Return the expression for the last entries: half of them if they have too many bytes."""
    return {"$let": {"vars": {"all": entries}, "in": _NEWEST}}


def left_out(entries: dict[str, Any]) -> dict[str, Any]:
    """Return the expression for how many entries `newest` leaves out."""
    gone = {"$subtract": [{"$size": "$$all"}, {"$size": _NEWEST}]}
    return {"$let": {"vars": {"all": entries}, "in": gone}}
