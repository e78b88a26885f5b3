"""Handlers for server-sent events."""

from __future__ import annotations

from typing import Annotated

from aiohttp import hdrs, web
from pydantic import BaseModel, Field, StringConstraints

from control_api.auth.identity import (
    authorize,
    caller_of,
    choose_owner,
    connection_of,
    identify_again,
    seen_owner,
)
from control_api.endpoints.declaration import Endpoints
from control_api.event_stream import sse
from control_api.event_stream.follower import Follower
from control_api.event_stream.streams import STREAMS, Audience
from control_api.services import SERVICES
from sessions.common.callers import Scope
from sessions.common.errors import ConnectionNotFoundError
from sessions.connections.model import Connection
from sessions.events.stream import Position

routes = Endpoints("Events", owned=True)


class Resumption(BaseModel):
    """Where a client that was cut off resumes: the id of the last event it received, if any."""

    last_event_id: (
        Annotated[
            str,
            StringConstraints(pattern=r"^([0-9]{1,19}-[0-9]{1,19})?$"),
        ]
        | None
    ) = Field(None, alias="Last-Event-ID", examples=["1764000000000-0"])

    @property
    def position(self) -> Position | None:
        """The position after that event."""
        return Position.parse(self.last_event_id) if self.last_event_id else None


@routes.get(
    "/api/whatsapp/events",
    needs=Scope.READ,
    answers={200: {sse.MEDIA_TYPE: None}},
    problems=("too_many_streams",),
)
async def of_all(request: web.Request, headers: Resumption) -> web.StreamResponse:
    """Follow the states, QR codes and messages of all connections that the caller may see."""
    return await _follow(request, None, headers)


@routes.get(
    "/api/whatsapp/connections/{id}/events",
    needs=Scope.READ,
    answers={200: {sse.MEDIA_TYPE: None}},
    problems=("connection_not_found", "too_many_streams"),
)
async def of_one(request: web.Request, headers: Resumption) -> web.StreamResponse:
    """Follow the states, QR codes and messages of one connection."""
    return await _follow(request, await _connection(request), headers)


async def _follow(
    request: web.Request, connection: Connection | None, headers: Resumption
) -> web.StreamResponse:
    if request.method == hdrs.METH_HEAD:
        return web.Response(headers=sse.HEADERS)
    services = request.app[SERVICES]

    async def admit() -> Audience:
        return await _admit(request, connection)

    streams = request.app[STREAMS]
    async with streams.room(caller_of(request).owner):
        follower = Follower(request, streams, services.connections, admit)
        return await follower.follow(headers.position)


async def _admit(request: web.Request, connection: Connection | None) -> Audience:
    """Return what the caller may follow now; a key may have been revoked since, for instance."""
    await identify_again(request)
    await authorize(request, Scope.READ, admin=False)
    await choose_owner(request)
    if connection is not None and (await _connection(request)).id != connection.id:
        raise ConnectionNotFoundError(connection.connection_id)
    caller = caller_of(request)
    return Audience(
        owner=seen_owner(request),
        connections=caller.connections if connection is None else frozenset([connection.id]),
        codes=Scope.MANAGE in caller.scopes,
    )


async def _connection(request: web.Request) -> Connection:
    return await connection_of(request, request.match_info["id"])
