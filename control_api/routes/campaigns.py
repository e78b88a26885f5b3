"""Handlers for campaigns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from business.model import Campaign, CampaignStatus
from control_api.auth.identity import owner_of, seen_owner
from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.operations.business import (
    EVERY_POST,
    business_of,
    created,
    do_once,
    done,
    make_once,
    require_connection,
)
from control_api.schemas.business.campaigns import (
    CampaignChange,
    CampaignList,
    CampaignView,
    NewCampaign,
)
from control_api.schemas.business.fields import PageQuery, RequestHeaders
from control_api.services import SERVICES
from sessions.common.callers import Scope

routes = Endpoints("Campaigns", owned=True)

_NOT_FOUND = ("campaign_not_found",)
_TEMPLATE = ("template_not_found", "template_unsuitable")
_MOVE = (*_NOT_FOUND, *EVERY_POST, "not_possible_now")


@routes.post(
    "/api/campaigns",
    needs=Scope.BUSINESS,
    answers={201: CampaignView},
    problems=(*EVERY_POST, *_TEMPLATE, "connection_not_found"),
    example={
        "name": "Spring",
        "template": "ready_welcome",
        "connectionId": "business_main",
        "list": "news",
    },
)
async def create(request: web.Request, body: NewCampaign, headers: RequestHeaders) -> web.Response:
    """Draft a campaign; nothing is sent before it is started."""
    business, services = business_of(request), request.app[SERVICES]
    owner = owner_of(request)
    await require_connection(request, owner, body.connection_id)
    await business.automations.require_suitable(owner, body.template, None)
    fields = body.model_dump(exclude_none=True)

    async def make(record_id: str) -> Campaign:
        wanted = Campaign(id=record_id, owner=owner, created_at=services.now(), **fields)
        return await business.stores.campaigns.add(wanted)

    made, ticket = await make_once(
        request, headers, make, lambda record_id: business.stores.campaigns.find(owner, record_id)
    )
    return created(await _view(request, made), ticket, f"/api/campaigns/{made.id}")


@routes.get("/api/campaigns", needs=Scope.BUSINESS, answers={200: CampaignList})
async def index(request: web.Request, query: PageQuery) -> web.Response:
    """List campaigns with their numbers, newest first, page by page."""
    campaigns = business_of(request).stores.campaigns
    found, cursor = await campaigns.page(seen_owner(request), {}, query.cursor, query.limit)
    items = [await _view(request, each) for each in found]
    return answer(CampaignList(items=items, cursor=cursor))


@routes.get(
    "/api/campaigns/{id}", needs=Scope.BUSINESS, answers={200: CampaignView}, problems=_NOT_FOUND
)
async def show(request: web.Request) -> web.Response:
    """Show a campaign and what became of its messages."""
    return answer(await _view(request, await _campaign(request)))


@routes.patch(
    "/api/campaigns/{id}",
    needs=Scope.BUSINESS,
    answers={200: CampaignView},
    problems=(*_NOT_FOUND, *_TEMPLATE, "not_possible_now"),
    example={"name": "Spring sale"},
)
async def change(request: web.Request, body: CampaignChange) -> web.Response:
    """Change a campaign that has not started."""
    business = business_of(request)
    found = await _campaign(request)
    if body.template is not None:
        await business.automations.require_suitable(found.owner, body.template, None)
    changes = body.to_changes()
    changed = await business.campaigns.edit(found, changes) if changes else found
    return answer(await _view(request, changed))


@routes.post(
    "/api/campaigns/{id}/start", needs=Scope.BUSINESS, answers={200: CampaignView}, problems=_MOVE
)
async def start(request: web.Request, headers: RequestHeaders) -> web.Response:
    """Start a campaign now, or at its `sendAt` if that is still to come."""
    return await _move(request, headers, business_of(request).campaigns.start)


@routes.post(
    "/api/campaigns/{id}/pause", needs=Scope.BUSINESS, answers={200: CampaignView}, problems=_MOVE
)
async def pause(request: web.Request, headers: RequestHeaders) -> web.Response:
    """Pause a campaign: what waits is not sent."""
    return await _move_to(request, headers, CampaignStatus.PAUSED)


@routes.post(
    "/api/campaigns/{id}/resume", needs=Scope.BUSINESS, answers={200: CampaignView}, problems=_MOVE
)
async def resume(request: web.Request, headers: RequestHeaders) -> web.Response:
    """Go on with a paused campaign where it was."""
    return await _move_to(request, headers, CampaignStatus.RUNNING)


@routes.post(
    "/api/campaigns/{id}/cancel", needs=Scope.BUSINESS, answers={200: CampaignView}, problems=_MOVE
)
async def cancel(request: web.Request, headers: RequestHeaders) -> web.Response:
    """Cancel a campaign for good: what waits is not sent."""
    return await _move_to(request, headers, CampaignStatus.CANCELLED)


async def _move_to(
    request: web.Request, headers: RequestHeaders, to: CampaignStatus
) -> web.Response:
    campaigns = business_of(request).campaigns
    return await _move(request, headers, lambda found, key: campaigns.move(found, to, key))


async def _move(
    request: web.Request,
    headers: RequestHeaders,
    move: Callable[[Campaign, str], Awaitable[Campaign]],
) -> web.Response:
    found = await _campaign(request)
    moved, ticket = await do_once(request, headers, lambda ticket: move(found, ticket.id))
    return done(await _view(request, moved), ticket)


async def _campaign(request: web.Request) -> Campaign:
    campaigns = business_of(request).stores.campaigns
    return await campaigns.find(seen_owner(request), request.match_info["id"])


async def _view(request: web.Request, campaign: Campaign) -> CampaignView:
    return CampaignView.of(campaign, await business_of(request).campaigns.counts(campaign))
