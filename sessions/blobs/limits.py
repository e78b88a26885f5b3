"""How much one login may hold, saved and restored."""

from sessions.blobs.errors import ProfileTooLargeError

LARGEST = 200 * 1024 * 1024
_MOST_FILES = 20_000


class Allowance:
    """What is left of the room for one login."""

    def __init__(self, limit_bytes: int) -> None:
        self._bytes = limit_bytes
        self._files = _MOST_FILES

    def takes(self, size: int) -> bool:
        """Take a file of this size in; tell whether there was room."""
        self._bytes -= size
        self._files -= 1
        return self._bytes >= 0 and self._files >= 0


def profile_too_large() -> ProfileTooLargeError:
    """Return the error of a profile that may not be saved."""
    return ProfileTooLargeError("The profile holds more than a session blob may.")
