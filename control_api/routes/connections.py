"""Handlers for connections: create, list, show, change, start, stop, and link a phone."""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from http import HTTPStatus

from aiohttp import web

from control_api.auth.identity import (
    authorize_again,
    caller_of,
    connection_of,
    owner_of,
    require_all_connections,
    seen_owner,
)
from control_api.endpoints.declaration import Endpoints
from control_api.http.closing import pause
from control_api.http.problems import AddressRefusedError, InvalidParameterError, NoQrCodeError
from control_api.http.requests import answer
from control_api.operations.pairing import PAIRING_PROBLEMS, pairing_code_for, require_linkable
from control_api.phone_linking.qr_images import FORMATS
from control_api.schemas.connections import (
    ConnectionChange,
    ConnectionList,
    ConnectionQuery,
    ConnectionView,
    NewConnection,
    PairingRequest,
    PairingView,
    ProxyRequest,
    QrQuery,
    QrView,
    StatusView,
)
from control_api.services import SERVICES, Services
from sessions.accounts.users import UserNotFoundError
from sessions.common.callers import Scope
from sessions.common.errors import ConnectionExistsError, ConnectionNotFoundError, DomainError
from sessions.common.ids import new_id
from sessions.connections.model import Connection, Proxy, QrCode
from sessions.connections.states import ConnectionState
from sessions.messages.outbox import NOTHING_WAITS
from sessions.messages.quotas import QuotaExceededError
from sessions.network.hosts import is_listed
from sessions.network.public_addresses import AddressNotAllowedError, require_public

routes = Endpoints("Connections", owned=True)

_LOOK_EVERY = timedelta(milliseconds=250)
_WORTH_WAITING = frozenset({ConnectionState.STARTING, ConnectionState.DISCONNECTED})
"""States in which a QR code may be shown soon without a request."""
_NEW_CHATS = {"pacing.enabled", "pacing.newChatsPerDay"}
"""The fields of a pace that hold messages to new chats back, for up to a day."""
_NOT_FOUND = ("connection_not_found",)
_PROXY_PROBLEMS = ("address_not_allowed", "no_encryption_keys")
_NEVER_STORED = {"Cache-Control": "no-store"}


@routes.post(
    "/api/whatsapp/connections",
    needs=Scope.MANAGE,
    answers={201: ConnectionView},
    problems=("connection_exists", "quota_exceeded", *_PROXY_PROBLEMS),
    example={
        "connectionId": "business_main",
        "name": "Main Business Line",
        "phoneNumber": "+972501234567",
    },
)
async def create(request: web.Request, body: NewConnection) -> web.Response:
    """Create a connection; a worker starts it at once."""
    services = request.app[SERVICES]
    require_all_connections(request)
    internal_id = new_id()
    proxy = await _proxy(request, body.proxy, internal_id)
    connection = await _create(services, owner_of(request), body, proxy, internal_id)
    await services.doorbell.start_connection(connection.id)
    location = f"/api/whatsapp/connections/{connection.connection_id}"
    view = ConnectionView.of(connection, NOTHING_WAITS)
    return answer(view, HTTPStatus.CREATED, {"Location": location})


@routes.get("/api/whatsapp/connections", needs=Scope.READ, answers={200: ConnectionList})
async def index(request: web.Request, query: ConnectionQuery) -> web.Response:
    """List the caller's connections; for an administrator, those of all owners."""
    services = request.app[SERVICES]
    found = await services.connections.of_owner(seen_owner(request))
    connections = [each for each in found if caller_of(request).may_use(each.id)]
    ids = [each.id for each in connections]
    depths = await services.outbox.depths(ids)
    sent = await services.outbox.sent_since(ids, query.sent_since) if query.sent_since else None
    views = [
        ConnectionView.of(
            each,
            depths.get(each.id, NOTHING_WAITS),
            None if sent is None else sent.get(each.id, 0),
        )
        for each in connections
    ]
    return answer(ConnectionList(items=views))


@routes.get(
    "/api/whatsapp/connections/{id}",
    needs=Scope.READ,
    answers={200: ConnectionView},
    problems=_NOT_FOUND,
)
async def show(request: web.Request, query: ConnectionQuery) -> web.Response:
    """Show one connection."""
    services = request.app[SERVICES]
    connection = await _connection(request)
    depth = await services.outbox.depth(connection.id)
    sent = await _sent(services, connection, query.sent_since) if query.sent_since else None
    return answer(ConnectionView.of(connection, depth, sent))


@routes.patch(
    "/api/whatsapp/connections/{id}",
    needs=Scope.MANAGE,
    answers={200: ConnectionView},
    problems=(*_NOT_FOUND, *_PROXY_PROBLEMS),
    example={"pacing": {"perMinute": 10}},
)
async def change(request: web.Request, body: ConnectionChange) -> web.Response:
    """Change the name, the pace or the proxy; a new pace applies at once.

    A new proxy applies from the next start of the browser; null removes the proxy.
    """
    services = request.app[SERVICES]
    connection = await _connection(request)
    changes: dict[str, object] = {}
    if body.name is not None:
        changes["name"] = body.name
    if body.pacing is not None:
        # Set field by field, since somebody else may change other fields at the same time.
        given = body.pacing.model_dump(by_alias=True, exclude_unset=True)
        changes |= {f"pacing.{name}": value for name, value in given.items()}
    if "proxy" in body.model_fields_set:
        proxy = await _proxy(request, body.proxy, connection.id)
        changes["proxy"] = proxy.to_document() if proxy else None
    if changes:
        connection = await services.connections.change(connection, changes)
    if _NEW_CHATS & changes.keys():
        await services.outbox.try_new_chats(connection.id)
    await services.doorbell.dispatch(connection)
    return answer(await _view(services, connection))


@routes.get(
    "/api/whatsapp/connections/{id}/status",
    needs=Scope.READ,
    answers={200: StatusView},
    problems=_NOT_FOUND,
)
async def status(request: web.Request) -> web.Response:
    """Show the state as it is now."""
    connection = await _connection(request)
    services = request.app[SERVICES]
    depth = await services.outbox.depth(connection.id)
    jobs = await services.jobs.count(connection.owner, connection.connection_id)
    return answer(StatusView.of(connection, depth, jobs))


@routes.post(
    "/api/whatsapp/connections/{id}/start",
    needs=Scope.MANAGE,
    answers={202: ConnectionView},
    problems=_NOT_FOUND,
)
async def start(request: web.Request) -> web.Response:
    """Start the connection; a logged-out one will show a new QR code."""
    services = request.app[SERVICES]
    connection = await services.connections.want(await _connection(request), "running")
    await services.doorbell.start_connection(connection.id)
    return answer(await _view(services, connection), HTTPStatus.ACCEPTED)


@routes.post(
    "/api/whatsapp/connections/{id}/stop",
    needs=Scope.MANAGE,
    answers={202: ConnectionView},
    problems=_NOT_FOUND,
)
async def stop(request: web.Request) -> web.Response:
    """Stop the connection; its login and its messages are kept."""
    services = request.app[SERVICES]
    connection = await services.connections.want(await _connection(request), "stopped")
    return answer(await _view(services, connection), HTTPStatus.ACCEPTED)


@routes.get(
    "/api/whatsapp/connections/{id}/qr",
    needs=Scope.MANAGE,
    answers={
        200: {
            **dict.fromkeys([each.media_type for each in FORMATS.values()]),
            "application/json": QrView,
        }
    },
    problems=(*_NOT_FOUND, "no_qr_code", "too_many_waiting_requests"),
)
async def qr(request: web.Request, query: QrQuery) -> web.Response:
    """Return the QR code that the page shows now; 409 with the state if there is none."""
    wanted = query.format or _accepted_format(request)
    connection = await _connection(request)
    await request.app[SERVICES].linking.ask_for_qr(connection.id, timedelta(seconds=query.wait))
    waiting = request.app[SERVICES].quotas.waiting
    with waiting.room(caller_of(request).owner) if query.wait else nullcontext():
        code = await _current_code(request, timedelta(seconds=query.wait))
    if query.wait:
        await authorize_again(request, Scope.MANAGE)
    if wanted == "json":
        return answer(QrView(code=code.code, expires_at=code.expires_at), headers=_NEVER_STORED)
    shape = FORMATS[wanted]
    return web.Response(
        body=await request.app[SERVICES].qr_images.draw(code.code, wanted),
        content_type=shape.media_type,
        charset="utf-8" if shape.media_type.startswith("text/") else None,
        headers=_NEVER_STORED,
    )


@routes.post(
    "/api/whatsapp/connections/{id}/pairing-code",
    needs=Scope.MANAGE,
    answers={200: PairingView},
    problems=(*_NOT_FOUND, *PAIRING_PROBLEMS, "too_many_waiting_requests"),
    example={"phoneNumber": "+972501234567"},
)
async def pairing_code(request: web.Request, body: PairingRequest | None) -> web.Response:
    """Ask WhatsApp for a code that links a phone by its number; the phone is alerted."""
    asked = body or PairingRequest()
    connection = await _connection(request)
    require_linkable(connection)
    phone = asked.phone_number or connection.phone_number
    if phone is None:
        raise InvalidParameterError("phoneNumber", "Give the number of the phone to link.")
    waiting = request.app[SERVICES].quotas.waiting
    with waiting.room(caller_of(request).owner):
        code, expires_at = await pairing_code_for(request, connection, phone)
    await authorize_again(request, Scope.MANAGE)
    return answer(PairingView(code=code, expires_at=expires_at), headers=_NEVER_STORED)


async def _proxy(request: web.Request, asked: ProxyRequest | None, connection: str) -> Proxy | None:
    """Return the proxy to store, with its password encrypted.

    Raises AddressRefusedError for an address in our own network, and NoKeysError. The worker checks
    the address again before it opens a browser, since a name may resolve to another one by then.
    """
    if asked is None:
        return None
    services = request.app[SERVICES]
    listed = is_listed(asked.host, services.settings.proxy_allowed_hosts)
    allowed = listed or caller_of(request).is_admin
    if not allowed:
        try:
            await require_public(asked.host)
        except AddressNotAllowedError as error:
            raise AddressRefusedError("proxy.server", str(error)) from None
    return services.proxy_passwords.seal(connection, asked.to_proxy(may_be_private=allowed))


async def _create(
    services: Services, owner: str, asked: NewConnection, proxy: Proxy | None, internal_id: str
) -> Connection:
    """Store a connection; raise ConnectionExistsError, QuotaExceededError or UserNotFoundError."""
    try:
        async with services.quotas.connections.room(owner):
            connection = await services.connections.create(
                owner,
                asked.connection_id,
                asked.name or asked.connection_id,
                asked.phone_number,
                services.now(),
                proxy,
                asked.pacing,
                internal_id,
            )
            await _keep(services, connection)
    except QuotaExceededError:
        # Creating it again reports that it exists, even if the quota is used up.
        with suppress(ConnectionNotFoundError):
            await services.connections.find(owner, asked.connection_id)
            raise ConnectionExistsError(asked.connection_id) from None
        raise
    return connection


async def _keep(services: Services, connection: Connection) -> None:
    """Delete a new connection again if its owner was removed meanwhile or the quota is exceeded.

    Raises UserNotFoundError or QuotaExceededError.
    """
    try:
        if not await services.users.can_own(connection.owner):
            raise UserNotFoundError("This user was removed.")
        await services.quotas.connections.check(connection.owner)
    except DomainError:
        await services.removals.begin(connection)
        await services.removals.finish_alone(connection.id)
        raise


async def _connection(request: web.Request) -> Connection:
    return await connection_of(request, request.match_info["id"])


async def _view(services: Services, connection: Connection) -> ConnectionView:
    return ConnectionView.of(connection, await services.outbox.depth(connection.id))


async def _sent(services: Services, connection: Connection, since: datetime) -> int:
    return (await services.outbox.sent_since([connection.id], since)).get(connection.id, 0)


async def _current_code(request: web.Request, wait: timedelta) -> QrCode:
    give_up = time.monotonic() + wait.total_seconds()
    while True:
        connection = await _connection(request)
        state, reason = connection.observed()
        shown = connection.qr if state is ConnectionState.AWAITING_SCAN else None
        if shown and shown.expires_at > request.app[SERVICES].now():
            return shown
        rests = state not in _WORTH_WAITING | {ConnectionState.AWAITING_SCAN}
        over = rests or time.monotonic() >= give_up
        if over or not await pause(request, _LOOK_EVERY):
            raise NoQrCodeError(state, reason)


def _accepted_format(request: web.Request) -> str:
    """Return the first format that Accept names, else png."""
    types = {"application/json": "json"} | {each.media_type: name for name, each in FORMATS.items()}
    accepted = [part.split(";")[0].strip() for part in request.headers.get("Accept", "").split(",")]
    return next((types[each] for each in accepted if each in types), "png")
