"""Handlers that restart, log out or delete a connection."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from control_api.auth.identity import connection_of
from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.schemas.connections import ConnectionView
from control_api.services import SERVICES, Services
from sessions.common.callers import Scope
from sessions.connections.model import Connection
from sessions.connections.states import Command, check_command

routes = Endpoints("Connections", owned=True)

_NOT_FOUND = ("connection_not_found",)


@routes.post(
    "/api/whatsapp/connections/{id}/restart",
    needs=Scope.MANAGE,
    answers={202: ConnectionView},
    problems=(*_NOT_FOUND, "wrong_state"),
)
async def restart(request: web.Request) -> web.Response:
    """Ask for a new page; a stopped connection is started. Login and messages are kept."""
    services = request.app[SERVICES]
    connection = await _connection(request)
    check_command(Command.RESTART, *connection.observed())
    await services.connections.want(connection, "running")
    await services.commands.restart(connection.id)
    return await _asked(services, connection)


@routes.post(
    "/api/whatsapp/connections/{id}/logout",
    needs=Scope.MANAGE,
    answers={202: ConnectionView},
    problems=(*_NOT_FOUND, "wrong_state"),
)
async def logout(request: web.Request) -> web.Response:
    """Ask for a logout, on the phone too; queued messages are kept for the next login.

    Signed links to the connection are revoked.
    """
    services = request.app[SERVICES]
    connection = await _connection(request)
    check_command(Command.LOGOUT, *connection.observed())
    await services.connections.revoke_links(connection)
    await services.commands.log_out(connection.id)
    return await _asked(services, connection)


@routes.delete(
    "/api/whatsapp/connections/{id}",
    needs=Scope.MANAGE,
    answers={202: None, 204: None},
    problems=_NOT_FOUND,
)
async def delete(request: web.Request) -> web.Response:
    """Delete a connection, its login and its queued messages; its id can be used again at once.

    204 when the deletion is complete, 202 while a worker still logs it out.
    """
    services = request.app[SERVICES]
    connection = await _connection(request)
    await services.removals.begin(connection)
    if await services.removals.finish_alone(connection.id):
        return web.Response(status=HTTPStatus.NO_CONTENT)
    await services.doorbell.ring_owner(connection)
    return web.Response(status=HTTPStatus.ACCEPTED)


async def _asked(services: Services, before: Connection) -> web.Response:
    """Ring the worker that is to do it, and return the connection as it is now."""
    connection = await services.connections.get(before.id)
    await services.doorbell.ring_owner(connection)
    depth = await services.outbox.depth(connection.id)
    return answer(ConnectionView.of(connection, depth), HTTPStatus.ACCEPTED)


async def _connection(request: web.Request) -> Connection:
    return await connection_of(request, request.match_info["id"])
