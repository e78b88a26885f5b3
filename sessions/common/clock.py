"""The clock of a program, as an argument to whatever needs one."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return now in UTC, to the millisecond: what MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
