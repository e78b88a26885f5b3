"""Wait until each part of the stack answers, or say which one does not and what it wrote last."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from sessions.embedded import ServerKind
from sessions.embedded.answers import answering_uri
from sessions.embedded.layout import Layout
from tests.ports import is_free
from tests.stack.process import StackProcess

_POLL = timedelta(milliseconds=50)
_PORT_FREE_WITHIN = timedelta(seconds=15)
_TAIL_LINES = 40

Answer = TypeVar("Answer")


class NotReadyError(Exception):
    """A part of the stack ended or did not answer in time; the text shows the end of its log."""


async def wait_for(
    parts: Sequence[StackProcess],
    ask: Callable[[], Awaitable[Answer | None]],
    within: timedelta,
) -> Answer:
    """Return the first answer; raise `NotReadyError` when a part ends first or time is up."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            while (answer := await ask()) is None:
                _refuse_ended(parts)
                await asyncio.sleep(_POLL.total_seconds())
    except TimeoutError as error:
        names = ", ".join(part.program.name for part in parts)
        seconds = f"{within.total_seconds():g}"
        tails = "\n".join(_tail(part.program.log) for part in parts)
        raise NotReadyError(f"{names}: not ready within {seconds} s.\n{tails}") from error
    return answer


async def wait_for_port(port: int) -> None:
    """Return once nobody listens there: what a killed stack left behind is still going."""
    try:
        async with asyncio.timeout(_PORT_FREE_WITHIN.total_seconds()):
            while not is_free(port):  # noqa: ASYNC110 - a port sends no event
                await asyncio.sleep(_POLL.total_seconds())
    except TimeoutError as error:
        raise NotReadyError(f"Port {port} is held by another program.") from error


async def embedded_uri(folder: Path, kind: ServerKind) -> str | None:
    """Return the address of an embedded server that answers."""
    return await answering_uri(kind, Layout.of(folder, kind))


async def get_json(url: str) -> Any | None:
    """Return what a URL answers, or None while it does not."""
    limit = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(timeout=limit) as http, http.get(url) as response:
            return await response.json() if response.ok else None
    except (aiohttp.ClientError, TimeoutError):
        return None


async def healthy(api: str, workers: int) -> bool | None:
    """Return True once the API serves and counts this many workers."""
    health = await get_json(f"{api}/health" if workers else f"{api}/health/live")
    if health is None or (workers and health["checks"]["workers"] != workers):
        return None
    return True


def _refuse_ended(parts: Sequence[StackProcess]) -> None:
    for part in parts:
        if part.ended:
            raise NotReadyError(
                f"{part.program.name}: ended before it was ready.\n{_tail(part.program.log)}"
            )


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([f"--- {log}", *lines[-_TAIL_LINES:]])
