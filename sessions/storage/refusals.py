"""Tell what MongoDB refuses because of one document from what it refuses for everybody."""

from __future__ import annotations

from bson.errors import InvalidDocument
from pymongo.errors import BulkWriteError

from sessions.storage.mongo import NO_ANSWER, Refused

REFUSALS = (Refused, InvalidDocument)
"""The errors with which MongoDB, or its driver before it is asked, refuses a write."""
DUPLICATE_KEY = 11000
_TOO_LARGE = frozenset((10334, 17419, 17420))
_NOT_NOW = (6, 7, 24, 50, 64, 89, 91, 100, 112, 133, 134, 175, 189, 202, 237, 262, 290, 384)
_NOT_PRIMARY = (9001, 10058, 10107, 11600, 11601, 11602, 13435, 13436)
_NO_RIGHT = (13, 18)
_NO_ROOM = (8000, 14031)
_OF_THE_STORE = frozenset((*_NOT_NOW, *_NOT_PRIMARY, *_NO_RIGHT, *_NO_ROOM))
"""Codes of conditions that pass, or that the operator can change, whatever is written.

https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
"""


def codes_of(error: Exception) -> set[int | None]:
    """Return the codes of all that was refused; none if the driver has refused it."""
    if isinstance(error, BulkWriteError):
        return {each.get("code") for each in (error.details or {}).get("writeErrors", ())}
    return {error.code} if isinstance(error, Refused) else set()


def may_concern_one(error: Exception) -> bool:
    """Tell whether a write may have been refused because of what it writes.

    No: MongoDB does not answer, or its majority has not confirmed, or nobody can write now.
    """
    if isinstance(error, NO_ANSWER):
        return False
    if isinstance(error, BulkWriteError) and (error.details or {}).get("writeConcernErrors"):
        return False
    if isinstance(error, Refused) and error.has_error_label("RetryableWriteError"):
        return False
    return not codes_of(error) & _OF_THE_STORE


def is_too_large(error: Exception) -> bool:
    """Tell whether a document is refused for its size, or cannot be written at all."""
    codes = codes_of(error)
    return isinstance(error, InvalidDocument) or bool(codes and codes <= _TOO_LARGE)
