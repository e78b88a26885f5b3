"""Handlers for the provider's pages, as JSON."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from business.statistics import Span
from control_api.auth.identity import seen_owner
from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.operations.business import business_of
from control_api.routes.customers import list_customers
from control_api.schemas.business.customers import CustomerList, CustomerQuery
from control_api.schemas.business.statistics import (
    AppointmentStats,
    MessageStats,
    StatsQuery,
    StatsView,
)
from control_api.services import SERVICES
from sessions.common.callers import Scope

routes = Endpoints("Provider", owned=True)

_USUAL = timedelta(days=30)


@routes.get("/provider/customers", needs=Scope.BUSINESS, answers={200: CustomerList})
async def customers(request: web.Request, query: CustomerQuery) -> web.Response:
    """List customers, the same as /api/customers."""
    return answer(await list_customers(request, query))


@routes.get("/provider/stats", needs=Scope.BUSINESS, answers={200: StatsView})
async def stats(request: web.Request, query: StatsQuery) -> web.Response:
    """Count messages by time and automation, replies, and how appointments ended."""
    business, owner = business_of(request), seen_owner(request)
    until = query.until or request.app[SERVICES].now()
    since = query.since or until - _USUAL
    span = Span(since, until, query.by, business.default_zone)
    counted = business.statistics
    return answer(
        StatsView(
            since=since,
            until=until,
            messages=[MessageStats.of(each) for each in await counted.messages(owner, span)],
            automations=[MessageStats.of(each) for each in await counted.automations(owner, span)],
            appointments=[
                AppointmentStats.of(each) for each in await counted.appointments(owner, span)
            ],
            median_seconds_to_read=await counted.time_to_read(owner, span),
            replies=await counted.replies(owner, span),
        )
    )
