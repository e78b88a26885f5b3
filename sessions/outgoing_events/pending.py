"""Events that wait inside the document whose change they tell, for the relay to take them.

An entry is added by the write that makes the change, so a crash loses either both or neither. The
array `untold` holds the entries in order, and `untoldCount` is how many the document ever had. An
entry is `{n, type, at, …facts}`: its number in the document, from 1, its type, when it happened,
and whatever may have changed by the time the relay reads the document. So the event's id,
`<document id>.<n>`, is the same however often the relay reads the entry.

MongoDB can number an entry only in an update with a pipeline. A classic update (`$push`) has to be
turned into a pipeline: `[{"$set": changes}, {"$set": adds(type, facts)}]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions.storage.bounded_arrays import newest

FIELD = "untold"
COUNT = "untoldCount"
HAS_PENDING: dict[str, Any] = {FIELD: {"$exists": True}}
"""The filter for documents with entries, and of the partial index that finds them."""

_OWN = ("n", "type", "at")


@dataclass(frozen=True)
class PendingEvent:
    """One entry of a document; `facts` are those that its writer added."""

    n: int
    type: str
    at: datetime
    facts: Mapping[str, Any]


def adds(
    type_: str, facts: Mapping[str, Any] | None = None, *, where: Any = True
) -> dict[str, Any]:
    """Return the fields for a `$set` of a pipeline that adds one entry.

    `facts` are expressions; a text from outside must stand in `$literal`. They see the document
    as it is before their stage: in a stage of their own, they see it after the change. Nothing is
    added where the expression `where` is false. One stage can add one entry. The oldest entries go
    where a document has too many.
    """
    number = {"$add": [{"$ifNull": [f"${COUNT}", 0]}, 1]}
    entry = {**(facts or {}), "n": number, "type": {"$literal": type_}, "at": "$$NOW"}
    entries = {"$concatArrays": [{"$ifNull": [f"${FIELD}", []]}, [entry]]}
    # Without a relay, a connection's record would grow for ever.
    return {
        FIELD: {"$cond": [where, newest(entries), f"${FIELD}"]},
        COUNT: {"$cond": [where, number, f"${COUNT}"]},
    }


def first(type_: str, at: datetime, facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the fields for a document that is inserted with one entry; `facts` are values."""
    return {FIELD: [{**(facts or {}), "n": 1, "type": str(type_), "at": at}], COUNT: 1}


def pending_in(document: Mapping[str, Any]) -> list[PendingEvent]:
    """Return the entries of a document, oldest first."""
    return [
        PendingEvent(
            n=int(each["n"]),
            type=each["type"],
            at=each["at"],
            facts={name: value for name, value in each.items() if name not in _OWN},
        )
        for each in document.get(FIELD) or ()
    ]


def without(last: int) -> list[dict[str, Any]]:
    """Return the update that removes the entries up to number `last`; later ones stay."""
    later = {"$filter": {"input": f"${FIELD}", "cond": {"$gt": ["$$this.n", last]}}}
    # Without entries there is no array, so that the partial index no longer has the document.
    none_later = {"$lte": [{"$max": f"${FIELD}.n"}, last]}
    return [{"$set": {FIELD: {"$cond": [none_later, "$$REMOVE", later]}}}]


def event_id(document_id: str, n: int) -> str:
    """Return the id of a document's event: the same for each try and each replay."""
    return f"{document_id}.{n}"
