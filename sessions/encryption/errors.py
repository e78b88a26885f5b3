"""Why something encrypted does not open."""

from enum import StrEnum

from sessions.common.errors import DomainError


class BlobReason(StrEnum):
    """Why a blob was not restored; a stable code."""

    WRONG_KEY = "wrong_key"
    """Its key is not in the key ring: an operator adds the key."""
    DAMAGED = "damaged"
    """Its bytes differ from those that were saved."""
    TRUNCATED = "truncated"
    """Its end is missing."""
    MISSING = "missing"
    """The record names it, but it does not exist."""
    FOREIGN = "foreign"
    """It belongs to another connection."""
    ROLLED_BACK = "rolled_back"
    """It is not the save of this connection that the record names."""
    TOO_LARGE = "too_large"
    """It is larger than may be unpacked."""


class BlobError(DomainError):
    """A blob that does not verify; nothing was restored from it."""

    code = "session_blob"

    def __init__(self, reason: BlobReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def damaged(text: str) -> BlobError:
    """Return the error for a blob whose bytes differ from those that were saved."""
    return BlobError(BlobReason.DAMAGED, text)
