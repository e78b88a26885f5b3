"""Look at something again and again until it is as it should be."""

from __future__ import annotations

from datetime import timedelta
from typing import Callable, TypeVar

from chatgrow_client.calls import Call
from chatgrow_client.errors import RequestError
from chatgrow_client.repeating import Pause, Repeater, Script, passes

T = TypeVar("T")
_FIRST_PAUSE = timedelta(milliseconds=200)
_ANSWERS_WITHIN = timedelta(seconds=30)


def looked_at(
    call: Call[T],
    is_there: Callable[[T], bool],
    repeater: Repeater,
    timeout: timedelta,
    longest_pause: timedelta,
) -> Script[tuple[bool, T | None]]:
    """Return whether it was there in time, and how it was last; `is_there` may raise.

    The pauses double up to the longest. An API that is away is asked again until the time is over.
    """
    end = repeater.clock() + timeout.total_seconds()
    seen: T | None = None
    pause = _FIRST_PAUSE
    while True:
        left = timedelta(seconds=max(end - repeater.clock(), 0))
        try:
            asked = call.taking(min(max(left, _FIRST_PAUSE), _ANSWERS_WITHIN))
            seen = yield from repeater.attempts(asked, within=left)
        except RequestError as error:
            if not passes(error):
                raise
        else:
            if is_there(seen):
                return True, seen
        left = timedelta(seconds=end - repeater.clock())
        if left <= timedelta(0):
            return False, seen
        yield Pause(min(pause, left))
        pause = min(pause * 2, longest_pause)
