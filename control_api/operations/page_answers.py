"""Ask a connection's page for something, and wait for its answer within a bound."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiohttp import web

from control_api.auth.identity import caller_of
from control_api.http.closing import pause
from control_api.services import SERVICES
from sessions.common.errors import DomainError
from sessions.connections.model import Connection
from sessions.connections.page_requests import ANSWERED_WITHIN, Errand, PageRequest
from sessions.connections.states import Command, check_command

PROBLEMS = (
    "connection_not_found",
    "wrong_state",
    "page_failed",
    "page_timed_out",
    "too_many_waiting_requests",
)
_LOOK_EVERY = timedelta(milliseconds=100)


class PageFailedError(DomainError):
    """WhatsApp Web could not do what was asked."""

    code = "page_failed"

    def __init__(self, error: str) -> None:
        super().__init__(f"WhatsApp Web could not do this ({error}). Try again.")


class PageTimedOutError(DomainError):
    """The worker gave no answer in time."""

    code = "page_timed_out"
    text = "The worker did not answer in time. Try again."


async def answer_of_page(
    request: web.Request,
    usable: Callable[[], Awaitable[Connection]],
    errand: Errand,
    chat_id: str | None = None,
    seconds: int | None = None,
) -> Any:
    """Return what the page answers.

    `usable` finds the connection that the caller may use. Raises WrongStateError if it is not
    connected, PageFailedError or PageTimedOutError.
    """
    services = request.app[SERVICES]
    connection = await _ready(usable)
    with services.quotas.waiting.room(caller_of(request).owner):
        asked = await services.page_requests.ask(connection.id, errand, chat_id, seconds)
        try:
            await services.doorbell.ring_owner(connection)
            found = await _answered(request, asked)
        finally:
            await services.page_requests.withdraw(asked)
    if found is None:
        await _ready(usable)
        raise PageTimedOutError
    if found.error is not None:
        raise PageFailedError(found.error)
    return found.answer


async def _ready(usable: Callable[[], Awaitable[Connection]]) -> Connection:
    connection = await usable()
    check_command(Command.CHECK_NUMBER, *connection.observed())
    return connection


async def _answered(request: web.Request, asked: str) -> PageRequest | None:
    give_up = time.monotonic() + ANSWERED_WITHIN.total_seconds()
    while True:
        found = await request.app[SERVICES].page_requests.find(asked)
        if found is not None and not found.pending:
            return found
        if time.monotonic() >= give_up or not await pause(request, _LOOK_EVERY):
            return None
