"""Make ids: ULIDs in lower case, ordered by time and safe as names of folders and queues."""

from datetime import datetime

from ulid import ULID

_LAST_MILLISECOND = (1 << 48) - 1


def new_id() -> str:
    """Return a new id of 26 characters from [0-9a-z]."""
    return str(ULID()).lower()


def first_id(moment: datetime) -> str:
    """Return the lowest id that can be made at this time, to the millisecond, or later."""
    milliseconds = round(moment.timestamp() * 1000)
    within = min(max(milliseconds, 0), _LAST_MILLISECOND)
    return str(ULID.from_bytes(within.to_bytes(6) + bytes(10))).lower()
