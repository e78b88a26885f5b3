"""Handlers for events that customers register for."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from aiohttp import web

from business.events import NOT_CANCELLED
from business.model import Event, Registration
from control_api.auth.identity import owner_of, seen_owner
from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.operations.business import (
    EVERY_POST,
    business_of,
    created,
    make_once,
    times_of,
)
from control_api.schemas.business.events import (
    EventChange,
    EventList,
    EventView,
    NewEvent,
    NewRegistration,
    RegistrationList,
    RegistrationView,
)
from control_api.schemas.business.fields import PageQuery, RequestHeaders
from control_api.services import SERVICES
from sessions.common.callers import Scope

routes = Endpoints("Events for customers", owned=True)

_NOT_FOUND = ("event_not_found",)
_USUAL = timedelta(hours=2)


@routes.post(
    "/api/events",
    needs=Scope.BUSINESS,
    answers={201: EventView},
    problems=EVERY_POST,
    example={"name": "Open evening", "startsAt": "2040-01-31T18:00:00Z", "capacity": 20},
)
async def create(request: web.Request, body: NewEvent, headers: RequestHeaders) -> web.Response:
    """Add an event."""
    business, services = business_of(request), request.app[SERVICES]
    owner = owner_of(request)
    fields = {
        "ends_at": body.starts_at + _USUAL,
        "time_zone": business.default_zone,
        **body.model_dump(exclude_none=True),
    }

    async def make(record_id: str) -> Event:
        wanted = Event(id=record_id, owner=owner, created_at=services.now(), **fields)
        return await business.stores.events.add(wanted)

    made, ticket = await make_once(
        request, headers, make, lambda record_id: business.events.find(owner, record_id)
    )
    return created(EventView.of(made), ticket, f"/api/events/{made.id}")


@routes.get("/api/events", needs=Scope.BUSINESS, answers={200: EventList})
async def index(request: web.Request, query: PageQuery) -> web.Response:
    """List events, newest first, page by page."""
    events = business_of(request).stores.events
    owner = seen_owner(request)
    found, cursor = await events.page(owner, NOT_CANCELLED, query.cursor, query.limit)
    return answer(EventList(items=[EventView.of(each) for each in found], cursor=cursor))


@routes.get("/api/events/{id}", needs=Scope.BUSINESS, answers={200: EventView}, problems=_NOT_FOUND)
async def show(request: web.Request) -> web.Response:
    """Show an event."""
    return answer(EventView.of(await _event(request)))


@routes.patch(
    "/api/events/{id}",
    needs=Scope.BUSINESS,
    answers={200: EventView},
    problems=_NOT_FOUND,
    example={"capacity": 30},
)
async def change(request: web.Request, body: EventChange) -> web.Response:
    """Change an event; messages that wait are written anew, and free places are filled."""
    found = await _event(request)
    changes = body.to_changes()
    _, ends = times_of(body, found)
    if body.starts_at or body.ends_at:
        changes["endsAt"] = ends
    changed = await business_of(request).events.edit(found, changes) if changes else found
    return answer(EventView.of(changed))


@routes.delete("/api/events/{id}", needs=Scope.BUSINESS, answers={204: None}, problems=_NOT_FOUND)
async def cancel(request: web.Request) -> web.Response:
    """Cancel an event and all registrations for it."""
    await business_of(request).events.cancel(await _event(request))
    return web.Response(status=HTTPStatus.NO_CONTENT)


@routes.post(
    "/api/events/{id}/registrations",
    needs=Scope.BUSINESS,
    answers={201: RegistrationView},
    problems=(*_NOT_FOUND, *EVERY_POST, "customer_not_found", "already_exists"),
    example={"customer": "000000000000000000customer"},
)
async def register(
    request: web.Request, body: NewRegistration, headers: RequestHeaders
) -> web.Response:
    """Register a customer for an event: they get a place, or wait for one."""
    business, services = business_of(request), request.app[SERVICES]
    event = await _event(request)
    customer = await business.customers.find(event.owner, body.customer)

    async def make(record_id: str) -> Registration:
        wanted = Registration(
            id=record_id,
            owner=event.owner,
            created_at=services.now(),
            event=event.id,
            customer=customer.id,
        )
        return await business.events.register(wanted)

    made, ticket = await make_once(
        request, headers, make, lambda record_id: business.events.registration(event, record_id)
    )
    location = f"/api/events/{event.id}/registrations/{made.id}"
    return created(RegistrationView.of(made, customer), ticket, location)


@routes.get(
    "/api/events/{id}/registrations",
    needs=Scope.BUSINESS,
    answers={200: RegistrationList},
    problems=_NOT_FOUND,
)
async def registrations(request: web.Request, query: PageQuery) -> web.Response:
    """List the registrations for an event, newest first, page by page."""
    event = await _event(request)
    found, cursor = await business_of(request).stores.registrations.page(
        event.owner, {"event": event.id}, query.cursor, query.limit
    )
    customers = await business_of(request).stores.customers.by_ids(
        {each.customer for each in found}
    )
    items = [RegistrationView.of(each, customers.get(each.customer)) for each in found]
    return answer(RegistrationList(items=items, cursor=cursor))


@routes.delete(
    "/api/events/{id}/registrations/{registrationId}",
    needs=Scope.BUSINESS,
    answers={204: None},
    problems=(*_NOT_FOUND, "registration_not_found"),
)
async def unregister(request: web.Request) -> web.Response:
    """Cancel a registration; the next one who waits gets the place."""
    events = business_of(request).events
    event = await _event(request)
    found = await events.registration(event, request.match_info["registrationId"])
    await events.unregister(event, found)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def _event(request: web.Request) -> Event:
    events = business_of(request).events
    return await events.find(seen_owner(request), request.match_info["id"])
