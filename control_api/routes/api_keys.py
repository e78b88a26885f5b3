"""Handlers for API keys: create, list, revoke."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web

from control_api.auth.identity import caller_of, connection_of, owner_of
from control_api.auth.key_grants import granted
from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.schemas.accounts import ApiKeyList, ApiKeyView, CreatedApiKey, NewApiKey
from control_api.services import SERVICES, Services
from sessions.accounts.api_keys import ApiKey, ApiKeyNotFoundError, Grant
from sessions.common.callers import Caller, Scope
from sessions.messages.quotas import QuotaExceededError

routes = Endpoints("API keys", owned=True)


@routes.post(
    "/api/api-keys",
    needs=Scope.MANAGE,
    answers={201: CreatedApiKey},
    problems=("connection_not_found", "invalid_parameter", "quota_exceeded"),
    example={"name": "Booking backend", "scopes": ["send", "read"]},
)
async def create(request: web.Request, body: NewApiKey) -> web.Response:
    """Create an API key; the key itself is shown only in this answer.

    It acts for its owner and never allows more than its maker may do. A key that was created with
    another key stops working together with it.
    """
    services = request.app[SERVICES]
    only = await _connections(request, body)
    grant = granted(caller_of(request), owner_of(request), body, only, services.now())
    made, key = await _make(services, grant)
    (shown,) = await _views(services, [made])
    view = CreatedApiKey(**shown.model_dump(), key=key)
    return answer(view, HTTPStatus.CREATED, {"Cache-Control": "no-store"})


@routes.get("/api/api-keys", needs=Scope.MANAGE, answers={200: ApiKeyList})
async def index(request: web.Request) -> web.Response:
    """List API keys, without the keys themselves."""
    services, caller = request.app[SERVICES], caller_of(request)
    keys = await services.keys.of_owner(owner_of(request))
    seen = [each for each in keys if _may_manage(caller, each)]
    return answer(ApiKeyList(items=await _views(services, seen)))


@routes.delete(
    "/api/api-keys/{id}",
    needs=Scope.MANAGE,
    answers={204: None},
    problems=("api_key_not_found",),
)
async def revoke(request: web.Request) -> web.Response:
    """Revoke an API key: it stops working at once, and so do the keys that it created."""
    services, owner = request.app[SERVICES], owner_of(request)
    key = await services.keys.find(owner, request.match_info["id"])
    if not _may_manage(caller_of(request), key):
        raise ApiKeyNotFoundError(f"There is no API key {key.id!r}.")
    await services.keys.revoke(owner, key.id, services.now())
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _may_manage(caller: Caller, key: ApiKey) -> bool:
    """Tell whether a caller sees a key; a limited key sees only itself and those it created."""
    return caller.connections is None or caller.key_id in (key.id, *key.makers)


async def _connections(request: web.Request, asked: NewApiKey) -> frozenset[str] | None:
    """Return our ids of the requested connections; raise ConnectionNotFoundError."""
    if asked.connection_ids is None:
        return None
    return frozenset([(await connection_of(request, each)).id for each in asked.connection_ids])


async def _make(services: Services, grant: Grant) -> tuple[ApiKey, str]:
    async with services.quotas.api_keys.room(grant.owner):
        made, key = await services.keys.create(grant, services.now())
        try:
            await services.quotas.api_keys.check(grant.owner)
        except QuotaExceededError:
            await services.keys.revoke(grant.owner, made.id, services.now())
            raise
    return made, key


async def _views(services: Services, keys: Sequence[ApiKey]) -> list[ApiKeyView]:
    named = {connection for each in keys for connection in each.connections or ()}
    found = await services.connections.by_ids(named) if named else {}
    names = {each.id: each.connection_id for each in found.values()}
    return [ApiKeyView.of(each, names) for each in keys]
