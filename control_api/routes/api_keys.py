"""Handlers for API keys: make one, list them, revoke one."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from control_api.account_schemas import ApiKeyList, ApiKeyView, CreatedApiKey, NewApiKey
from control_api.auth import caller_of, owner_of
from control_api.endpoints import Endpoints
from control_api.problems import ForbiddenError
from control_api.requests import answer
from control_api.services import SERVICES
from sessions.callers import Scope
from sessions.quotas import QuotaExceededError

routes = Endpoints("API keys", owned=True)


@routes.post(
    "/api/api-keys",
    needs=Scope.MANAGE,
    answers={201: CreatedApiKey},
    problems=("quota_exceeded",),
    example={"name": "Booking backend", "scopes": ["send", "read"]},
)
async def create(request: web.Request, body: NewApiKey) -> web.Response:
    """Make an API key; it is shown this once."""
    services, caller = request.app[SERVICES], caller_of(request)
    scopes = frozenset(body.scopes)
    if not scopes <= caller.scopes:
        raise ForbiddenError("A key cannot give scopes that it lacks.")
    owner = owner_of(request)
    async with services.quotas.api_keys.room(owner):
        made, key = await services.keys.create(caller, owner, body.name, scopes, services.now())
        try:
            await services.quotas.api_keys.check(owner)
        except QuotaExceededError:
            await services.keys.revoke(owner, made.id, services.now())
            raise
    view = CreatedApiKey(**ApiKeyView.of(made).model_dump(), key=key)
    return answer(view, HTTPStatus.CREATED, {"Cache-Control": "no-store"})


@routes.get("/api/api-keys", needs=Scope.MANAGE, answers={200: ApiKeyList})
async def index(request: web.Request) -> web.Response:
    """List API keys, without the keys themselves."""
    keys = await request.app[SERVICES].keys.of_owner(owner_of(request))
    return answer(ApiKeyList(items=[ApiKeyView.of(each) for each in keys]))


@routes.delete(
    "/api/api-keys/{id}",
    needs=Scope.MANAGE,
    answers={204: None},
    problems=("api_key_not_found",),
)
async def revoke(request: web.Request) -> web.Response:
    """Revoke an API key: it stops working at once."""
    services = request.app[SERVICES]
    await services.keys.revoke(owner_of(request), request.match_info["id"], services.now())
    return web.Response(status=HTTPStatus.NO_CONTENT)
