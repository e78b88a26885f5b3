"""Follow the connection's state through the whole check, and wait for what it should become."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import aiohttp

from tests.live_check.api import Api, ApiError
from tests.live_check.findings import Findings, Sight, as_code

_EVERY = timedelta(milliseconds=200)

Wanted = Callable[[Sight], bool]


class Watch:
    """Writes each change of the state into the findings."""

    def __init__(self, api: Api, findings: Findings, say: Callable[[str], None]) -> None:
        self._api = api
        self._findings = findings
        self._say = say
        self._began = time.monotonic()
        self._changed = asyncio.Condition()

    @property
    def now(self) -> float:
        """Seconds since the check began."""
        return time.monotonic() - self._began

    @property
    def last(self) -> Sight | None:
        """The state now."""
        return self._findings.sights[-1] if self._findings.sights else None

    def since(self, moment: float) -> list[Sight]:
        """Return the states that began after a moment."""
        return [sight for sight in self._findings.sights if sight.at >= moment]

    @asynccontextmanager
    async def following(self) -> AsyncIterator[Watch]:
        """Follow the state until the block ends."""
        following = asyncio.create_task(self._follow(), name="watch")
        try:
            yield self
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def until(self, wanted: Wanted, within: timedelta) -> Sight | None:
        """Wait for a state, the one now included; return None when it does not come in time."""
        try:
            async with asyncio.timeout(within.total_seconds()), self._changed:
                while not (self.last and wanted(self.last)):
                    await self._changed.wait()
        except TimeoutError:
            return None
        return self.last

    async def _follow(self) -> None:
        while True:
            # Where the API is away for a moment, the next look tells.
            with suppress(aiohttp.ClientError, ApiError, TimeoutError):
                await self._look()
            await asyncio.sleep(_EVERY.total_seconds())

    async def _look(self) -> None:
        status = await self._api.status()
        state, reason = as_code(status.get("state")), as_code(status.get("reason"))
        last = self.last
        if last is not None and (last.state, last.reason) == (state, reason):
            return
        async with self._changed:
            seen = Sight(at=round(self.now, 1), state=state or "", reason=reason)
            self._findings.sights.append(seen)
            self._changed.notify_all()
        self._say(f"  the connection is {describe(seen)}")


def describe(sight: Sight) -> str:
    """Return a state with its reason."""
    return f"{sight.state} ({sight.reason})" if sight.reason else sight.state


def connected(sight: Sight) -> bool:
    """Whether messages go out."""
    return sight.state == "connected"


def logged_out(sight: Sight) -> bool:
    """Whether the login is gone."""
    return sight.state == "logged_out"
