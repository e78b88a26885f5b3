"""Handlers for automations."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from business.model import Appointment, Automation
from business.ready_made import READY_AUTOMATIONS
from business.services import Business
from control_api.auth.identity import owner_of, seen_owner
from control_api.endpoints.declaration import Endpoints
from control_api.http.problems import InvalidParameterError
from control_api.http.requests import answer
from control_api.operations.business import (
    EVERY_POST,
    business_of,
    created,
    make_once,
    require_connection,
)
from control_api.schemas.business.automations import (
    AutomationChange,
    AutomationList,
    AutomationPreview,
    AutomationPreviewQuery,
    AutomationQuery,
    AutomationView,
    NewAutomation,
    PlannedView,
    missing_lead,
)
from control_api.schemas.business.fields import RequestHeaders
from control_api.services import SERVICES
from sessions.common.callers import Scope
from sessions.common.errors import DomainError

routes = Endpoints("Automations", owned=True)

_NOT_FOUND = ("automation_not_found",)
_NAMES = ("template_not_found", "template_unsuitable", "connection_not_found")
_LOOKED_THROUGH = 20
"""Among how many of the next appointments one is looked for that gets something."""


@routes.post(
    "/api/automations",
    needs=Scope.BUSINESS,
    answers={201: AutomationView},
    problems=(*EVERY_POST, *_NAMES),
    example={
        "name": "Remind a day before",
        "trigger": "before_appointment",
        "offset": "24h",
        "template": "ready_reminder",
        "purpose": "reminder",
        "connectionId": "business_main",
        "enabled": True,
    },
)
async def create(
    request: web.Request, body: NewAutomation, headers: RequestHeaders
) -> web.Response:
    """Add an automation; if it is enabled, its messages are planned at once."""
    business, services = business_of(request), request.app[SERVICES]
    owner = owner_of(request)
    await require_connection(request, owner, body.connection_id)

    async def make(record_id: str) -> Automation:
        fields = {**body.to_fields(), "_id": record_id, "owner": owner}
        wanted = Automation.model_validate({**fields, "createdAt": services.now()})
        return await business.automations.add(wanted)

    made, ticket = await make_once(
        request, headers, make, lambda record_id: business.stores.automations.find(owner, record_id)
    )
    return created(AutomationView.of(made), ticket, f"/api/automations/{made.id}")


@routes.get("/api/automations", needs=Scope.BUSINESS, answers={200: AutomationList})
async def index(request: web.Request, query: AutomationQuery) -> web.Response:
    """List automations, newest first, page by page; or those that come with the program."""
    automations = business_of(request).stores.automations
    if query.ready_made:
        return answer(AutomationList(items=[*map(AutomationView.offered, READY_AUTOMATIONS)]))
    found, cursor = await automations.page(seen_owner(request), {}, query.cursor, query.limit)
    return answer(AutomationList(items=[AutomationView.of(each) for each in found], cursor=cursor))


@routes.get(
    "/api/automations/{id}",
    needs=Scope.BUSINESS,
    answers={200: AutomationView},
    problems=_NOT_FOUND,
)
async def show(request: web.Request) -> web.Response:
    """Show an automation, and why it last could not plan a message."""
    return answer(AutomationView.of(await _automation(request)))


@routes.patch(
    "/api/automations/{id}",
    needs=Scope.BUSINESS,
    answers={200: AutomationView},
    problems=(*_NOT_FOUND, *_NAMES),
    example={"offset": "2h", "enabled": True},
)
async def change(request: web.Request, body: AutomationChange) -> web.Response:
    """Change an automation; what it has waiting is planned again."""
    found = await _automation(request)
    await require_connection(request, found.owner, body.connection_id)
    changes = body.to_fields()
    offset = changes.get("offset", found.offset)
    hour = changes.get("deliveryHour", found.delivery_hour)
    if question := missing_lead(found.trigger, offset, hour):
        raise InvalidParameterError("offset", question)
    automations = business_of(request).automations
    changed = await automations.change(found, changes) if changes else found
    return answer(AutomationView.of(changed))


@routes.delete(
    "/api/automations/{id}", needs=Scope.BUSINESS, answers={204: None}, problems=_NOT_FOUND
)
async def remove(request: web.Request) -> web.Response:
    """Delete an automation; what it has waiting is not sent."""
    await business_of(request).automations.remove(await _automation(request))
    return web.Response(status=HTTPStatus.NO_CONTENT)


@routes.get(
    "/api/automations/{id}/preview",
    needs=Scope.BUSINESS,
    answers={200: AutomationPreview},
    problems=(*_NOT_FOUND, "appointment_not_found"),
)
async def preview(request: web.Request, query: AutomationPreviewQuery) -> web.Response:
    """Show what an automation would send for an appointment, and when."""
    business = business_of(request)
    automation = await _automation(request)
    if query.appointment is not None:
        store = business.stores.appointments
        chosen = [await store.find(automation.owner, query.appointment)]
    else:
        chosen = await business.appointments.coming(automation.owner, _LOOKED_THROUGH)
    for each in chosen:
        if items := await _planned(business, automation, each):
            return answer(AutomationPreview(items=items))
    return answer(AutomationPreview(items=[]))


async def _planned(
    business: Business, automation: Automation, appointment: Appointment
) -> list[PlannedView]:
    """Return what an automation would send for an appointment."""
    store = business.stores.appointments
    return [
        PlannedView.of(
            appointment.id,
            slot.due,
            planned if isinstance(planned, DomainError) else planned.text,
        )
        for slot, planned in await business.plans.preview(store, appointment, automation)
    ]


async def _automation(request: web.Request) -> Automation:
    automations = business_of(request).stores.automations
    return await automations.find(seen_owner(request), request.match_info["id"])
