"""Handlers for the paths that answer programs with JSON and browsers with a page."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from business.statistics import Span
from control_api.auth.identity import seen_owner
from control_api.endpoints.declaration import Endpoints
from control_api.http.problems import InvalidParameterError
from control_api.http.requests import answer
from control_api.operations.business import business_of
from control_api.routes import provider_pages
from control_api.routes.customers import list_customers, view_of_customer
from control_api.schemas.business.customers import CustomerList, CustomerQuery, CustomerView
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


@routes.get(
    "/provider/customers",
    needs=Scope.BUSINESS,
    answers={200: {"application/json": CustomerList, "text/html": None}},
    page=provider_pages.customers,
)
async def customers(request: web.Request, query: CustomerQuery) -> web.Response:
    """List customers, the same as /api/customers; a browser gets the page of customers."""
    return answer(await list_customers(request, query))


@routes.get(
    "/provider/customers/{id}",
    needs=Scope.BUSINESS,
    answers={200: {"application/json": CustomerView, "text/html": None}},
    problems=("customer_not_found",),
    page=provider_pages.customer,
)
async def customer(request: web.Request) -> web.Response:
    """Show a customer, the same as /api/customers/{id}; a browser gets the customer's page."""
    return answer(await view_of_customer(request))


@routes.get(
    "/provider/stats",
    needs=Scope.BUSINESS,
    answers={200: {"application/json": StatsView, "text/html": None}},
    page=provider_pages.stats,
)
async def stats(request: web.Request, query: StatsQuery) -> web.Response:
    """Count messages by time and automation, replies, and how appointments ended.

    A browser gets the page of statistics.
    """
    business, owner = business_of(request), seen_owner(request)
    until = query.until or request.app[SERVICES].now()
    since = query.since or until - _USUAL
    if since > until:
        raise InvalidParameterError("from", "This is later than now: give `to` as well.")
    span = Span(since, until, query.by, business.default_zone)
    counted = await business.statistics.of(owner, span)
    return answer(
        StatsView(
            since=since,
            until=until,
            time_zone=span.zone,
            messages=[MessageStats.of(each) for each in counted.messages],
            automations=[MessageStats.of(each) for each in counted.automations],
            appointments=[AppointmentStats.of(each) for each in counted.appointments],
            median_seconds_to_read=counted.time_to_read,
            replies=counted.replies,
        )
    )
