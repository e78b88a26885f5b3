"""What the handlers of the business side share: the caller's part of it, and repeated requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from business.errors import NotThereError, RepeatedRequestError
from business.model import Appointment, Event, Owned
from business.requests import Ticket
from business.services import Business
from control_api.auth.identity import owner_of, require_all_connections
from control_api.http.bodies import receive
from control_api.http.problems import InvalidParameterError
from control_api.http.requests import answer
from control_api.schemas.business.fields import (
    END_WRONG,
    ChangedTimes,
    RequestHeaders,
    is_in_order,
)
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


def times_of(body: ChangedTimes, record: Appointment | Event) -> tuple[datetime, datetime]:
    """Return when a changed record begins and ends; raise InvalidParameterError.

    With another beginning alone it takes as long as before.
    """
    if body.starts_at is None and body.ends_at is None:
        return record.starts_at, record.ends_at
    begins = body.starts_at or record.starts_at
    ends = body.ends_at or begins + (record.ends_at - record.starts_at)
    if not is_in_order(begins, ends):
        raise InvalidParameterError("endsAt", END_WRONG)
    return begins, ends


async def require_connection(request: web.Request, owner: str, connection_id: str | None) -> None:
    """Raise ConnectionNotFoundError unless the owner has this connection (None: none is named)."""
    if connection_id is not None:
        await request.app[SERVICES].connections.find(owner, connection_id)


def _replayed(ticket: Ticket) -> Mapping[str, str]:
    return {"Idempotent-Replayed": "true"} if ticket.replayed else {}
