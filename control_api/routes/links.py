"""Handlers for signed links: create and revoke them, and serve their page, which needs no key."""

from __future__ import annotations

import hashlib
import time
from datetime import timedelta
from http import HTTPStatus

from aiohttp import web

from control_api.auth.identity import connection_of
from control_api.endpoints.declaration import Endpoints
from control_api.http.client_address import client_of
from control_api.http.closing import pause
from control_api.http.origin import require_own_origin
from control_api.http.problems import InvalidParameterError, OtherNumberError
from control_api.http.requests import answer
from control_api.operations.pairing import PAIRING_PROBLEMS, pairing_code_for, require_linkable
from control_api.pages.languages import wanted_language
from control_api.pages.shell import page
from control_api.phone_linking.link_stages import Stage, stage_of
from control_api.phone_linking.link_tokens import Link, LinkExpiredError, LinkUnknownError
from control_api.schemas.links import (
    LinkCode,
    LinkHeaders,
    LinkPairing,
    LinkState,
    PhoneRequest,
    QrLinkView,
    StateQuery,
)
from control_api.services import SERVICES, Services
from sessions.common.callers import Scope
from sessions.common.errors import ConnectionNotFoundError, InvalidRecipientError
from sessions.common.number_forms import same_line
from sessions.connections.model import Connection
from sessions.recipients.address import parse_phone_number

manage_routes = Endpoints("Connections", owned=True)
routes = Endpoints("Links")

_ENDS = ("link_unknown", "link_expired", "link_used")
_PAGE = {"text/html": None}
BROKEN_PATH = r"/link/{rest:(?!(?:state|start|pairing-code)$).*}"
"""Any other path below the links' prefix."""
_LOOK_EVERY = timedelta(milliseconds=250)
_NEVER_STORED = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}


@manage_routes.post(
    "/api/whatsapp/connections/{id}/qr-link",
    needs=Scope.MANAGE,
    answers={201: QrLinkView},
    problems=("connection_not_found",),
)
async def create(request: web.Request) -> web.Response:
    """Create a link to a page that links a phone to this connection.

    Its token stands after a `#`, which browsers do not send, so that it is in no log.
    """
    services = request.app[SERVICES]
    connection = await connection_of(request, request.match_info["id"])
    token, expires_at = services.links.make(connection)
    view = QrLinkView(url=f"{_base(request)}/link#{token}", expires_at=expires_at)
    return answer(view, HTTPStatus.CREATED, _NEVER_STORED)


@manage_routes.delete(
    "/api/whatsapp/connections/{id}/qr-link",
    needs=Scope.MANAGE,
    answers={204: None},
    problems=("connection_not_found",),
)
async def revoke(request: web.Request) -> web.Response:
    """Revoke all links to this connection; pages that are open show no more codes."""
    services = request.app[SERVICES]
    connection = await connection_of(request, request.match_info["id"])
    await services.connections.revoke_links(connection)
    return web.Response(status=HTTPStatus.NO_CONTENT)


@routes.get("/link/state", open=True, answers={200: LinkState}, problems=_ENDS)
async def state(request: web.Request, query: StateQuery, headers: LinkHeaders) -> web.Response:
    """Show the progress of linking and the current QR code; asking keeps new codes coming.

    With `seen` (the version seen last) and `wait` it answers once something has changed.
    """
    _, connection = await _opened(request, headers.token)
    # While a phone is linked, a link cannot link another one.
    by_link = connection.linked_number is None
    waits = timedelta(seconds=query.wait)
    await request.app[SERVICES].linking.ask_for_qr(connection.id, waits, by_link=by_link)
    return answer(await _changed(request, query, headers.token), headers=_NEVER_STORED)


@routes.post("/link/start", open=True, answers={204: None}, problems=(*_ENDS, "foreign_origin"))
async def start(request: web.Request, headers: LinkHeaders) -> web.Response:
    """Show codes again after nobody looked for a while or another phone was linked."""
    require_own_origin(request)
    services = request.app[SERVICES]
    _, connection = await _opened(request, headers.token)
    if stage_of(connection, services.now(), workers=1) in (Stage.ASLEEP, Stage.OTHER_NUMBER):
        await services.linking.ask_for_qr(connection.id, by_link=True)
        await services.connections.want(connection, "running")
        await services.doorbell.start_connection(connection.id)
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=_NEVER_STORED)


@routes.post(
    "/link/pairing-code",
    open=True,
    answers={200: LinkPairing},
    problems=(*_ENDS, "foreign_origin", "invalid_parameter", "other_number", *PAIRING_PROBLEMS),
    example={"phoneNumber": "+972501234567"},
)
async def pair(request: web.Request, body: PhoneRequest, headers: LinkHeaders) -> web.Response:
    """Ask WhatsApp for a code that links a phone by its number; the phone is alerted."""
    require_own_origin(request)
    services = request.app[SERVICES]
    _, connection = await _opened(request, headers.token)
    phone = _phone(request, body.phone_number)
    if connection.phone_number and phone not in same_line(connection.phone_number):
        raise OtherNumberError
    require_linkable(connection)
    code, expires_at = await pairing_code_for(request, connection, phone)
    left = expires_at - services.now()
    view = LinkPairing(code=code, expires_in_seconds=left.total_seconds())
    return answer(view, headers=_NEVER_STORED)


@routes.get("/link", open=True, answers=dict.fromkeys((200, 429), _PAGE))
async def show(request: web.Request) -> web.Response:
    """Show the page for links; its script reads the token from the address."""
    return page(request, "link.html", {})


async def show_broken(request: web.Request) -> web.Response:
    """Say that a link is damaged, or is an old one with its token in the path."""
    raise LinkUnknownError


async def _opened(request: web.Request, token: str) -> tuple[Link, Connection]:
    """Return a valid link and its connection; raise the error that says why it is not valid."""
    services = request.app[SERVICES]
    link = services.links.read(token)
    try:
        connection = await services.connections.get(link.connection)
    except ConnectionNotFoundError as error:
        raise LinkExpiredError from error
    link.check(connection)
    return link, connection


async def _changed(request: web.Request, query: StateQuery, token: str) -> LinkState:
    """Return the state once it differs from the one seen, or when the wait is over."""
    give_up = time.monotonic() + query.wait
    while True:
        link, connection = await _opened(request, token)
        stage = await _stage(request.app[SERVICES], connection)
        version = _version(connection, stage)
        over = version != query.seen or time.monotonic() >= give_up
        if over or not await pause(request, _LOOK_EVERY):
            return LinkState(
                connection=connection.name,
                link_expires_at=link.expires_at,
                stage=stage,
                version=version,
                qr=await _code(request.app[SERVICES], connection, stage),
            )


async def _stage(services: Services, connection: Connection) -> Stage:
    stage = stage_of(connection, services.now(), workers=1)
    if stage in (Stage.STARTING, Stage.RETURNING):
        return stage_of(connection, services.now(), await services.workers.count_alive())
    return stage


def _version(connection: Connection, stage: Stage) -> str:
    code = connection.qr.code if connection.qr and stage is Stage.SCAN else ""
    return hashlib.sha256(f"{stage} {code}".encode()).hexdigest()[:16]


async def _code(services: Services, connection: Connection, stage: Stage) -> LinkCode | None:
    if stage is not Stage.SCAN or connection.qr is None:
        return None
    svg = await services.qr_images.draw(connection.qr.code, "svg")
    left = connection.qr.expires_at - services.now()
    return LinkCode(svg=svg.decode(), expires_in_seconds=left.total_seconds())


def _phone(request: web.Request, text: str) -> str:
    try:
        return parse_phone_number(text, wanted_language(request).region)
    except InvalidRecipientError as error:
        raise InvalidParameterError("phoneNumber", str(error)) from error


def _base(request: web.Request) -> str:
    public = request.app[SERVICES].settings.public_url
    own = f"{client_of(request).scheme}://{request.host}"
    return str(public).rstrip("/") if public else own
