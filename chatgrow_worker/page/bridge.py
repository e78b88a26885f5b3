"""Reach a page within time limits, and call the functions of our script in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar, cast

from playwright.async_api import ElementHandle, Page
from playwright.async_api import Error as PlaywrightError

from chatgrow_worker.page.errors import (
    LineDeadError,
    PageBrokenError,
    PageCallError,
    PageNotLoadedError,
)
from chatgrow_worker.page.files import OutgoingFile
from sessions.connections.states import Reason

_CALL = "([name, args]) => window[Symbol.for('bridge')]?.(name, args) ?? null"
_FILE_INPUT = "() => Object.assign(document.createElement('input'), {type: 'file'})"
_LONGEST_REASON = 1000
Result = TypeVar("Result")


class Bridge:
    """Calls functions of our script, each within the same time limit."""

    def __init__(self, page: Page, limit: timedelta) -> None:
        self._page = page
        self._limit = limit

    async def call(self, name: str, *args: Any) -> Any:
        """Call a function; raise PageBrokenError, or PageCallError for an error that it raises."""
        return _unwrap(await self._in_time(name, self._page.evaluate(_CALL, [name, list(args)])))

    async def call_with(
        self, file: OutgoingFile | None, name: str, key: str, chat_id: str, parts: Any
    ) -> Any:
        """Call a function with the parts of a message, to which its file is added, if any."""
        if file is None:
            return await self.call(name, key, chat_id, parts)
        # The file does not cross the bridge: the browser reads it when the page needs it.
        handle = await self._in_time(name, self._page.evaluate_handle(_FILE_INPUT))
        try:
            element = cast("ElementHandle", handle.as_element())
            await self._in_time(name, element.set_input_files(file.path))
            about = {
                "input": element,
                "as": str(file.kind),
                "mimetype": file.mimetype,
                "filename": file.filename,
                "prepWithinMs": file.prepare_within // timedelta(milliseconds=1),
            }
            return await self.call(name, key, chat_id, {**parts, **about})
        finally:
            with suppress(PlaywrightError):
                await handle.dispose()

    async def _in_time(self, name: str, work: Awaitable[Result]) -> Result:
        """Await something that the page does; raise PageBrokenError or PageNotLoadedError."""
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                return await work
        except TimeoutError as error:
            raise PageBrokenError(Reason.PAGE_UNRESPONSIVE, f"no answer to {name}") from error
        except PlaywrightError as error:
            if "Execution context was destroyed" in error.message:
                raise PageNotLoadedError from error
            reason = Reason.PAGE_CRASHED if "crashed" in error.message else Reason.PAGE_UNREACHABLE
            raise PageBrokenError(reason, why(error)) from error


@asynccontextmanager
async def bounded(limit: timedelta, reason: Reason, what: str = "") -> AsyncIterator[None]:
    """Raise PageBrokenError, for this reason, if what is done inside fails or takes longer."""
    try:
        async with asyncio.timeout(limit.total_seconds()):
            yield
    except (PlaywrightError, TimeoutError) as error:
        raise PageBrokenError(reason, f"{what}{why(error)}") from error


def _unwrap(answer: Any) -> Any:
    if answer is None:
        raise PageNotLoadedError
    if not isinstance(answer, dict):
        raise PageCallError("BadAnswer", None, f"the bridge answered {type(answer).__name__}")
    if answer.get("ok"):
        return answer.get("value")
    if answer.get("name") == "LineDeadError":
        raise LineDeadError
    code, status = answer.get("code"), answer.get("status")
    raise PageCallError(str(answer.get("name")), code, str(answer.get("message")), status)


def why(error: BaseException) -> str:
    """Return the error output of the browser itself, or else the first line of the error."""
    text = str(error) or type(error).__name__
    errors = [line.partition("[err]")[2].strip() for line in text.splitlines() if "[err]" in line]
    return (" ".join(filter(None, errors)) or text.partition("\n")[0])[:_LONGEST_REASON]
