"""Handlers for appointments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from aiohttp import web

from business.appointments import new_appointment
from business.model import Appointment, AppointmentStatus
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
    times_of,
)
from control_api.schemas.business.appointments import (
    AppointmentChange,
    AppointmentList,
    AppointmentQuery,
    AppointmentView,
    NewAppointment,
    Reschedule,
)
from control_api.schemas.business.fields import RequestHeaders
from control_api.services import SERVICES
from sessions.common.callers import Scope

routes = Endpoints("Appointments", owned=True)

_NOT_FOUND = ("appointment_not_found",)
_MOVE = (*_NOT_FOUND, *EVERY_POST, "not_possible_now")
_USUAL = timedelta(hours=1)


@routes.post(
    "/api/appointments",
    needs=Scope.BUSINESS,
    answers={201: AppointmentView},
    problems=(*EVERY_POST, "customer_not_found", "connection_not_found", "already_exists"),
    example={
        "customer": "000000000000000000customer",
        "connectionId": "business_main",
        "service": "Haircut",
        "startsAt": "2040-01-31T09:00:00Z",
        "endsAt": "2040-01-31T09:30:00Z",
        "timeZone": "Asia/Jerusalem",
    },
)
async def create(
    request: web.Request, body: NewAppointment, headers: RequestHeaders
) -> web.Response:
    """Book an appointment; the messages that follow from it are planned in the same step."""
    business, services = business_of(request), request.app[SERVICES]
    owner = owner_of(request)
    await require_connection(request, owner, body.connection_id)
    customer = await business.customers.find(owner, body.customer)
    given = body.model_dump(exclude_none=True, exclude={"customer"})
    zone = customer.time_zone or business.default_zone
    fields: dict[str, Any] = {"ends_at": body.starts_at + _USUAL, "time_zone": zone, **given}

    async def make(record_id: str) -> Appointment:
        wanted = new_appointment(record_id, customer, services.now(), fields)
        return await business.appointments.book(wanted)

    made, ticket = await make_once(
        request,
        headers,
        make,
        lambda record_id: business.stores.appointments.find(owner, record_id),
    )
    return created(await _view(request, made), ticket, f"/api/appointments/{made.id}")


@routes.get("/api/appointments", needs=Scope.BUSINESS, answers={200: AppointmentList})
async def index(request: web.Request, query: AppointmentQuery) -> web.Response:
    """List appointments in the order of their times, page by page."""
    business = business_of(request)
    which = {
        **({"status": query.status} if query.status else {}),
        **({"customer": query.customer} if query.customer else {}),
    }
    found, cursor = await business.appointments.page(
        seen_owner(request), which, query.since, query.until, query.cursor, query.limit
    )
    return answer(AppointmentList(items=await _views(request, found), cursor=cursor))


@routes.get(
    "/api/appointments/{id}",
    needs=Scope.BUSINESS,
    answers={200: AppointmentView},
    problems=_NOT_FOUND,
)
async def show(request: web.Request) -> web.Response:
    """Show an appointment, and what became of its messages."""
    return answer(await _view(request, await _appointment(request)))


@routes.patch(
    "/api/appointments/{id}",
    needs=Scope.BUSINESS,
    answers={200: AppointmentView},
    problems=(*_NOT_FOUND, "already_exists", "not_possible_now"),
    example={"location": "12 Herzl Street"},
)
async def change(request: web.Request, body: AppointmentChange) -> web.Response:
    """Change an appointment; messages that wait are written anew."""
    found = await _appointment(request)
    appointments = business_of(request).appointments
    starts, ends = times_of(body, found)
    if changes := body.to_changes():
        found = await appointments.edit(found, changes)
    if body.starts_at or body.ends_at:
        found = await appointments.reschedule(found, starts, ends)
    return answer(await _view(request, found))


@routes.delete(
    "/api/appointments/{id}", needs=Scope.BUSINESS, answers={204: None}, problems=_NOT_FOUND
)
async def remove(request: web.Request) -> web.Response:
    """Delete an appointment; nothing that waits for it is sent, and nobody is told."""
    found = await _appointment(request)
    await business_of(request).appointments.remove(found)
    return web.Response(status=HTTPStatus.NO_CONTENT)


@routes.post(
    "/api/appointments/{id}/confirm",
    needs=Scope.BUSINESS,
    answers={200: AppointmentView},
    problems=_MOVE,
)
async def confirm(request: web.Request, headers: RequestHeaders) -> web.Response:
    """Confirm a booked appointment."""
    return await _move(request, headers, AppointmentStatus.CONFIRMED)


@routes.post(
    "/api/appointments/{id}/cancel",
    needs=Scope.BUSINESS,
    answers={200: AppointmentView},
    problems=_MOVE,
)
async def cancel(request: web.Request, headers: RequestHeaders) -> web.Response:
    """Cancel an appointment; what waits for it is not sent."""
    return await _move(request, headers, AppointmentStatus.CANCELLED)


@routes.post(
    "/api/appointments/{id}/complete",
    needs=Scope.BUSINESS,
    answers={200: AppointmentView},
    problems=_MOVE,
)
async def complete(request: web.Request, headers: RequestHeaders) -> web.Response:
    """Note that an appointment took place."""
    return await _move(request, headers, AppointmentStatus.COMPLETED)


@routes.post(
    "/api/appointments/{id}/no-show",
    needs=Scope.BUSINESS,
    answers={200: AppointmentView},
    problems=_MOVE,
)
async def no_show(request: web.Request, headers: RequestHeaders) -> web.Response:
    """Note that the customer did not come."""
    return await _move(request, headers, AppointmentStatus.NO_SHOW)


@routes.post(
    "/api/appointments/{id}/reschedule",
    needs=Scope.BUSINESS,
    answers={200: AppointmentView},
    problems=_MOVE,
    example={"startsAt": "2040-02-01T09:00:00Z"},
)
async def reschedule(
    request: web.Request, body: Reschedule, headers: RequestHeaders
) -> web.Response:
    """Move an appointment to another time; it keeps its id and its version rises."""
    found = await _appointment(request)
    ends = body.ends_at or body.starts_at + (found.ends_at - found.starts_at)
    appointments = business_of(request).appointments
    moved, ticket = await do_once(
        request,
        headers,
        lambda ticket: appointments.reschedule(found, body.starts_at, ends, ticket.id),
    )
    return done(await _view(request, moved), ticket)


async def _move(
    request: web.Request, headers: RequestHeaders, to: AppointmentStatus
) -> web.Response:
    found = await _appointment(request)
    appointments = business_of(request).appointments
    moved, ticket = await do_once(
        request, headers, lambda ticket: appointments.move(found, to, ticket.id)
    )
    return done(await _view(request, moved), ticket)


async def _appointment(request: web.Request) -> Appointment:
    stores = business_of(request).stores
    return await stores.appointments.find(seen_owner(request), request.match_info["id"])


async def _view(request: web.Request, found: Appointment) -> AppointmentView:
    (view,) = await _views(request, [found])
    return view


async def _views(request: web.Request, found: Sequence[Appointment]) -> list[AppointmentView]:
    business = business_of(request)
    customers = await business.stores.customers.by_ids({each.customer for each in found})
    messages = await business.plans.messages_about(found)
    omitted = await business.plans.omitted(found, customers, messages)
    return [
        AppointmentView.of(
            each,
            customers.get(each.customer),
            messages.get(each.id, ()),
            omitted.get(each.id, ()),
        )
        for each in found
    ]
