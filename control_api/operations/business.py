"""What the handlers of the business side share: the caller's part of it, and repeated requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from business.errors import NotThereError, RepeatedRequestError
from business.model import Owned
from business.requests import Ticket
from business.services import Business
from control_api.auth.identity import connection_of, owner_of, require_all_connections
from control_api.http.bodies import receive
from control_api.http.requests import answer
from control_api.schemas.business.fields import RequestHeaders
from control_api.services import SERVICES

Made = TypeVar("Made", bound=Owned)
EVERY_POST = ("idempotency_key_reused", "text_key_missing")
"""The problems of every POST."""


def business_of(request: web.Request) -> Business:
    """Return the business side; raise ForbiddenError for a key that is for certain connections."""
    require_all_connections(request)
    found = request.app[SERVICES].business
    if found is None:
        raise web.HTTPNotFound
    return found


async def ticket_of(request: web.Request, headers: RequestHeaders) -> Ticket:
    """Return the ticket of a request; raise RepeatedRequestError if its key is another's."""
    asked = f"{request.method} {request.path}\n".encode() + await receive(request)
    now = request.app[SERVICES].now()
    requests = business_of(request).requests
    return await requests.ticket(owner_of(request), headers.idempotency_key, asked, now)


async def make_once(
    request: web.Request,
    headers: RequestHeaders,
    make: Callable[[str], Awaitable[Made]],
    find: Callable[[str], Awaitable[Made]],
) -> tuple[Made, Ticket]:
    """Make a record under the ticket's id; a repeated request finds the one from before.

    Raises RepeatedRequestError if that one is gone.
    """
    ticket = await ticket_of(request, headers)
    if ticket.done:
        try:
            return await find(ticket.id), ticket
        except NotThereError as error:
            raise RepeatedRequestError(
                "What this Idempotency-Key has made was deleted since."
            ) from error
    made = await make(ticket.id)
    await business_of(request).requests.close(ticket)
    return made, ticket


async def do_once(
    request: web.Request, headers: RequestHeaders, do: Callable[[Ticket], Awaitable[Made]]
) -> tuple[Made, Ticket]:
    """Do what a request asks for; what it changes names the ticket, so that it can be repeated."""
    ticket = await ticket_of(request, headers)
    done = await do(ticket)
    await business_of(request).requests.close(ticket)
    return done, ticket


def created(view: BaseModel, ticket: Ticket, location: str) -> web.Response:
    """Return a new record."""
    return answer(view, HTTPStatus.CREATED, {"Location": location, **_replayed(ticket)})


def done(view: BaseModel, ticket: Ticket) -> web.Response:
    """Return a record that was changed."""
    return answer(view, HTTPStatus.OK, _replayed(ticket))


async def require_connection(request: web.Request, connection_id: str | None) -> None:
    """Raise ConnectionNotFoundError unless the owner has this connection (None: none is named)."""
    if connection_id is not None:
        await connection_of(request, connection_id)


def _replayed(ticket: Ticket) -> Mapping[str, str]:
    return {"Idempotent-Replayed": "true"} if ticket.replayed else {}
