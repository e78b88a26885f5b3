"""What can be wrong with something that was encrypted."""

from enum import StrEnum

from sessions.common.errors import DomainError


class BlobReason(StrEnum):
    """Why a blob is not restored; a stable code."""

    WRONG_KEY = "wrong_key"
    """Its key is not in the key ring: an operator adds the key."""
    DAMAGED = "damaged"
    """Its bytes are not those that were saved."""
    TRUNCATED = "truncated"
    """Its end is missing."""
    MISSING = "missing"
    """The record names it, but it is not there."""
    FOREIGN = "foreign"
    """It belongs to another connection."""
    ROLLED_BACK = "rolled_back"
    """It is another save of this connection than the record names."""
    TOO_LARGE = "too_large"
    """It holds more than the limit allows to unpack."""


class BlobError(DomainError):
    """A blob that does not verify; nothing was restored from it."""

    code = "session_blob"

    def __init__(self, reason: BlobReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def damaged(text: str) -> BlobError:
    """Return the error of a blob whose bytes are not those that were saved."""
    return BlobError(BlobReason.DAMAGED, text)
