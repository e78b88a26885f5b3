"""The handler that checks whether a number is on WhatsApp."""

from __future__ import annotations

import math
import time
from datetime import timedelta

from aiohttp import web

from control_api.auth.identity import caller_of, connection_of
from control_api.endpoints.declaration import Endpoints
from control_api.http.closing import pause
from control_api.http.problems import InvalidParameterError
from control_api.http.requests import answer
from control_api.schemas.recipients import NumberView
from control_api.services import SERVICES
from sessions.common.callers import Scope
from sessions.common.errors import DomainError, InvalidRecipientError
from sessions.connections.model import Connection
from sessions.connections.states import Command, check_command
from sessions.recipients.address import parse_recipient
from sessions.recipients.number_checks import ANSWERED_WITHIN, NumberCheck

routes = Endpoints("Numbers", owned=True)

_LOOK_EVERY = timedelta(milliseconds=100)


class PaceLimitedError(DomainError):
    """The connection's pace allows no check now; a check counts like a message."""

    code = "pace_limited"

    def __init__(self, reason: str | None, seconds: int) -> None:
        super().__init__(f"The pace of this connection allows it in {seconds} s ({reason}).")
        self.members = {"reason": reason, "retryAfterSeconds": seconds}


class CheckFailedError(DomainError):
    """WhatsApp could not be asked, or gave no clear answer."""

    code = "number_check_failed"


class CheckTimedOutError(DomainError):
    """The worker gave no answer in time."""

    code = "number_check_timed_out"


@routes.get(
    "/api/whatsapp/connections/{id}/numbers/{phone}",
    needs=Scope.SEND,
    answers={200: NumberView},
    problems=(
        "connection_not_found",
        "wrong_state",
        "pace_limited",
        "number_check_failed",
        "number_check_timed_out",
        "too_many_waiting_requests",
    ),
)
async def check(request: web.Request) -> web.Response:
    """Tell whether a number is on WhatsApp, from a recent answer or by asking WhatsApp."""
    number = _chat_id(request.match_info["phone"])
    services = request.app[SERVICES]
    connection = await _usable(request)
    known = await services.numbers.of(connection.owner).find(number)
    chat_id = known.chat_id
    if known.exists is None:
        with services.quotas.waiting.room(caller_of(request).owner):
            chat_id = await _asked(request, connection, number)
    return answer(NumberView(exists=chat_id is not None, to=number, chat_id=chat_id))


async def _asked(request: web.Request, connection: Connection, chat_id: str) -> str | None:
    """Ask WhatsApp through the connection's page; return None if the number has no account."""
    services = request.app[SERVICES]
    question = await services.checks.ask(connection.id, chat_id)
    try:
        await services.doorbell.ring_owner(connection)
        found = await _answered(request, question)
    finally:
        await services.checks.withdraw(question)
    if found is None:
        await _usable(request)
        raise CheckTimedOutError("The worker did not answer in time. Try again.")
    if found.retry_at is not None:
        wait = (found.retry_at - services.now()).total_seconds()
        raise PaceLimitedError(found.reason, max(1, math.ceil(wait)))
    if found.exists is None:
        raise CheckFailedError(f"WhatsApp gave no answer ({found.error}). Try again.")
    return found.account


async def _answered(request: web.Request, question: str) -> NumberCheck | None:
    give_up = time.monotonic() + ANSWERED_WITHIN.total_seconds()
    while True:
        found = await request.app[SERVICES].checks.find(question)
        if found is not None and not found.pending:
            return found
        if time.monotonic() >= give_up or not await pause(request, _LOOK_EVERY):
            return None


async def _usable(request: web.Request) -> Connection:
    """Return the connection if it can ask now; raise WrongStateError."""
    connection = await connection_of(request, request.match_info["id"])
    check_command(Command.CHECK_NUMBER, *connection.observed())
    return connection


def _chat_id(phone: str) -> str:
    try:
        chat_id = parse_recipient(phone).chat_id
    except InvalidRecipientError as error:
        raise InvalidParameterError("phone", str(error)) from error
    if not chat_id.endswith("@c.us"):
        raise InvalidParameterError("phone", "Give a phone number: only those can be checked.")
    return chat_id
