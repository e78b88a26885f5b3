"""Make ids: ULIDs in lower case, safe as a folder, queue or bucket name and ordered by time."""

from ulid import ULID


def new_id() -> str:
    """Return a new id of 26 characters from [0-9a-z]."""
    return str(ULID()).lower()
