"""Do something at the nth step of work that awaits, as to cancel it there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

Result = TypeVar("Result")


class AtStep:
    """Awaits the work, and acts where it waits for the nth time, or from then on each time."""

    def __init__(self, step: int, act: Callable[[], object], *, again: bool = False) -> None:
        self._left = step
        self._act = act
        self._again = again

    @property
    def reached(self) -> bool:
        """Whether the work had that many steps."""
        return self._left <= 0

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Await the work."""
        result: Result = await _Counted(work, self._count)
        return result

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0 or (self._again and self._left < 0):
            self._act()


class _Counted:
    def __init__(self, work: Coroutine[Any, Any, Any], count: Callable[[], None]) -> None:
        self._work = work
        self._count = count

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        advance: Callable[[], Any] = lambda: next(steps)  # noqa: E731
        while True:
            try:
                waits_for = advance()
            except StopIteration as end:
                return end.value
            self._count()
            try:
                yield waits_for
            except BaseException as error:  # noqa: BLE001 - it is the work's to handle
                advance = _throwing(steps, error)
            else:
                advance = lambda: next(steps)  # noqa: E731


def _throwing(steps: Generator[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: steps.throw(error)
