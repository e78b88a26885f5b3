"""Handlers that do something to a message: a reaction, an edit, a revocation."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from control_api.auth.identity import caller_of, seen_owner
from control_api.endpoints.declaration import Endpoints
from control_api.http.bodies import receive
from control_api.http.requests import answer
from control_api.operations.accepted import accepted_one
from control_api.schemas.message_actions import EditMessage, React
from control_api.schemas.messages import Accepted, SendHeaders
from control_api.services import SERVICES
from sessions.common.callers import Scope
from sessions.common.errors import MessageNotFoundError
from sessions.messages.actions import REFUSALS, ActionRequest
from sessions.messages.content import Action, Revoke
from sessions.messages.referred import Referred

routes = Endpoints("Messages", owned=True)

_PROBLEMS = (
    *REFUSALS,
    "connection_not_found",
    "idempotency_key_reused",
    "queue_full",
    "text_key_missing",
)


@routes.post(
    "/api/whatsapp/messages/{id}/reaction",
    needs=Scope.SEND,
    answers={202: Accepted},
    problems=_PROBLEMS,
    example={"emoji": "👍"},
)
async def react(request: web.Request, body: React, headers: SendHeaders) -> web.Response:
    """React to a message, sent or received, with one emoji; null takes the reaction back."""
    return await _accept(request, body.to_content(), headers)


@routes.post(
    "/api/whatsapp/messages/{id}/edit",
    needs=Scope.SEND,
    answers={202: Accepted},
    problems=_PROBLEMS,
    example={"message": "Hello from ChatGrow, corrected"},
)
async def edit(request: web.Request, body: EditMessage, headers: SendHeaders) -> web.Response:
    """Change the text of a sent message; WhatsApp takes this for 20 minutes after it."""
    return await _accept(request, body.to_content(), headers)


@routes.post(
    "/api/whatsapp/messages/{id}/revoke",
    needs=Scope.SEND,
    answers={202: Accepted},
    problems=_PROBLEMS,
)
async def revoke(request: web.Request, headers: SendHeaders) -> web.Response:
    """Delete a sent message for everybody; WhatsApp takes this for two and a half days after it."""
    return await _accept(request, Revoke(), headers)


async def _accept(request: web.Request, content: Action, headers: SendHeaders) -> web.Response:
    services = request.app[SERVICES]
    target = await _target(request)
    asked = ActionRequest(target, content)
    repeated = await services.acceptance.was_accepted(target.owner, headers.idempotency_key)
    if not repeated:
        asked.check(services.now())
    receipt = await services.acceptance.accept(
        target.owner,
        target.connection_id,
        [asked],
        headers.idempotency_key,
        # The same body means something else for another message.
        request.path.encode() + b"\n" + await receive(request),
        only=caller_of(request).connections,
    )
    accepted, sent_back = accepted_one(services, receipt)
    return answer(accepted, HTTPStatus.ACCEPTED, sent_back)


async def _target(request: web.Request) -> Referred:
    """Return the message, if the caller may see it and their key may use its connection."""
    message_id = request.match_info["id"]
    found = await request.app[SERVICES].referred.named(seen_owner(request), message_id)
    if not caller_of(request).may_use(found.connection):
        raise MessageNotFoundError(message_id)
    return found
