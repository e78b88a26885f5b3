"""Tell what is being done, for how long, and at the end what took how long."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

_HEARTBEAT = timedelta(seconds=5)


class Progress:
    """Prints one line when a step begins, one when it ends, and a sign of life in between."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._took: list[tuple[str, float]] = []

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return round(time.monotonic() - self._began, 1)

    def say(self, text: str) -> None:
        """Print a line with the time since the start."""
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)

    @asynccontextmanager
    async def step(self, name: str, *, doing: str) -> AsyncIterator[None]:
        """Show that this is being done; its name and how long it took go into the table."""
        self.say(f"{doing} …")
        beat = asyncio.create_task(self._beat(doing), name=f"beat:{name}")
        try:
            with self._timed(name):
                yield
        finally:
            beat.cancel()

    def table(self) -> str:
        """Return what took how long."""
        width = max((len(name) for name, _ in self._took), default=len("In all"))
        rows = [f"  {name:<{width}}  {seconds:6.1f} s" for name, seconds in self._took]
        total = f"  {'In all':<{width}}  {time.monotonic() - self._began:6.1f} s"
        return "\n".join([*rows, f"  {'-' * (width + 10)}", total])

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._took.append((name, time.monotonic() - began))

    async def _beat(self, doing: str) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT.total_seconds())
            self.say(f"{doing} … still at it")
