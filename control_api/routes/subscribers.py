"""Handlers for subscribers."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from aiohttp import web

from business.audience import audiences
from business.model import Subscriber, SubscriberStatus
from control_api.auth.identity import owner_of, seen_owner
from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.operations.business import (
    EVERY_POST,
    business_of,
    created,
    make_once,
    require_connection,
)
from control_api.operations.tables import CSV, file, import_table
from control_api.schemas.business.fields import RequestHeaders
from control_api.schemas.business.imports import ImportReport
from control_api.schemas.business.subscribers import (
    ListsView,
    ListView,
    NewSubscriber,
    SubscriberChange,
    SubscriberList,
    SubscriberQuery,
    SubscriberView,
)
from control_api.services import SERVICES
from sessions.common.callers import Scope

routes = Endpoints("Subscribers", owned=True)

_NOT_FOUND = ("subscriber_not_found",)


@routes.post(
    "/api/subscribers",
    needs=Scope.BUSINESS,
    answers={201: SubscriberView},
    problems=(*EVERY_POST, "connection_not_found", "already_exists", "queue_full"),
    example={"name": "Avi", "phone": "+972551234567", "list": "news"},
)
async def create(
    request: web.Request, body: NewSubscriber, headers: RequestHeaders
) -> web.Response:
    """Add a subscriber to a list; one who has opted out by a message stays unsubscribed."""
    business, services = business_of(request), request.app[SERVICES]
    owner = owner_of(request)
    await require_connection(request, owner, body.connection_id)
    fields = body.model_dump(exclude_none=True, exclude={"double_opt_in", "connection_id"})
    ask_by = body.connection_id if body.double_opt_in else None

    async def make(record_id: str) -> Subscriber:
        wanted = Subscriber(id=record_id, owner=owner, created_at=services.now(), **fields)
        return await business.subscribers.add(wanted, "api", ask_by)

    made, ticket = await make_once(
        request, headers, make, lambda record_id: business.stores.subscribers.find(owner, record_id)
    )
    return created(SubscriberView.of(made), ticket, f"/api/subscribers/{made.id}")


@routes.get("/api/subscribers", needs=Scope.BUSINESS, answers={200: SubscriberList})
async def index(request: web.Request, query: SubscriberQuery) -> web.Response:
    """List subscribers, newest first, page by page."""
    which: dict[str, Any] = {
        **({"list": {"$eq": query.list}} if query.list else {}),
        **({"status": query.status} if query.status else {}),
    }
    if query.search:
        part = {"$regex": re.escape(query.search), "$options": "i"}
        which["$or"] = [{"name": part}, {"phone": part}]
    subscribers = business_of(request).stores.subscribers
    found, cursor = await subscribers.page(seen_owner(request), which, query.cursor, query.limit)
    return answer(SubscriberList(items=[SubscriberView.of(each) for each in found], cursor=cursor))


@routes.get("/api/subscribers/lists", needs=Scope.BUSINESS, answers={200: ListsView})
async def lists(request: web.Request) -> web.Response:
    """List the lists, each with how many a campaign to it would reach now."""
    found = await audiences(business_of(request).stores.subscribers, seen_owner(request))
    return answer(ListsView(items=[ListView.of(each) for each in found]))


@routes.post(
    "/api/subscribers/import",
    needs=Scope.BUSINESS,
    answers={200: ImportReport},
    problems=(*EVERY_POST, "file_unreadable"),
    accepts=CSV,
)
async def import_subscribers(request: web.Request, headers: RequestHeaders) -> web.Response:
    """Import subscribers from a table; wrong lines are told."""
    return await import_table(request, headers, business_of(request).imports.subscribers)


@routes.get("/api/subscribers/export", needs=Scope.BUSINESS, answers={200: {CSV: None}})
async def export(request: web.Request) -> web.Response:
    """Export all subscribers as a table."""
    table = await business_of(request).imports.table_of_subscribers(owner_of(request))
    return file(table, "subscribers")


@routes.get(
    "/api/subscribers/{id}",
    needs=Scope.BUSINESS,
    answers={200: SubscriberView},
    problems=_NOT_FOUND,
)
async def show(request: web.Request) -> web.Response:
    """Show a subscriber of a list."""
    return answer(SubscriberView.of(await _subscriber(request)))


@routes.patch(
    "/api/subscribers/{id}",
    needs=Scope.BUSINESS,
    answers={200: SubscriberView},
    problems=_NOT_FOUND,
    example={"name": "Avi Cohen"},
)
async def change(request: web.Request, body: SubscriberChange) -> web.Response:
    """Change a subscriber, or take them off the list with the status `unsubscribed`."""
    found = await _subscriber(request)
    changes = body.to_changes()
    if body.status is not None:
        changes["status"] = SubscriberStatus(body.status)
    subscribers = business_of(request).subscribers
    changed = await subscribers.change(found, changes) if changes else found
    return answer(SubscriberView.of(changed))


@routes.delete(
    "/api/subscribers/{id}", needs=Scope.BUSINESS, answers={204: None}, problems=_NOT_FOUND
)
async def remove(request: web.Request) -> web.Response:
    """Remove a subscriber from a list."""
    await business_of(request).subscribers.remove(await _subscriber(request))
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def _subscriber(request: web.Request) -> Subscriber:
    subscribers = business_of(request).stores.subscribers
    return await subscribers.find(seen_owner(request), request.match_info["id"])
