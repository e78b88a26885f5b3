"""Handlers for customers."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from business.model import Customer
from control_api.auth.identity import owner_of, seen_owner
from control_api.endpoints.declaration import Endpoints
from control_api.http.problems import InvalidParameterError
from control_api.http.requests import answer
from control_api.operations.business import EVERY_POST, business_of, created, make_once
from control_api.operations.tables import CSV, file, import_table
from control_api.schemas.business.customers import (
    MOST_ATTRIBUTES,
    ConsentHistory,
    CustomerChange,
    CustomerList,
    CustomerQuery,
    CustomerView,
    NewCustomer,
)
from control_api.schemas.business.fields import RequestHeaders
from control_api.schemas.business.imports import ImportReport
from control_api.services import SERVICES
from sessions.common.callers import Scope
from sessions.common.errors import StoreUnavailableError
from sessions.events.stream import STREAM_DOWN

routes = Endpoints("Customers", owned=True)

_NOT_FOUND = ("customer_not_found",)


@routes.post(
    "/api/customers",
    needs=Scope.BUSINESS,
    answers={201: CustomerView},
    problems=(*EVERY_POST, "already_exists"),
    example={"name": "Dana Levi", "phone": "+972541234567", "language": "he"},
)
async def create(request: web.Request, body: NewCustomer, headers: RequestHeaders) -> web.Response:
    """Add a customer; the number is unique."""
    business = business_of(request)
    owner, now = owner_of(request), request.app[SERVICES].now()

    async def make(record_id: str) -> Customer:
        about = {"attributes": body.attributes_after({}), "owner": owner, "createdAt": now}
        fields = {**body.to_fields(), **about, "_id": record_id}
        customer = Customer.model_validate(fields)
        return await business.customers.add(customer, body.to_states(), "api")

    made, ticket = await make_once(
        request, headers, make, lambda record_id: business.customers.find(owner, record_id)
    )
    return created(await _view(request, made), ticket, f"/api/customers/{made.id}")


@routes.get("/api/customers", needs=Scope.BUSINESS, answers={200: CustomerList})
async def index(request: web.Request, query: CustomerQuery) -> web.Response:
    """List customers, newest first, page by page."""
    return answer(await list_customers(request, query))


async def list_customers(request: web.Request, query: CustomerQuery) -> CustomerList:
    """Return a page of the customers that the caller may see."""
    customers = business_of(request).customers
    found, cursor = await customers.page(
        seen_owner(request), query.search, query.tag, query.cursor, query.limit
    )
    consents = await customers.consents_of(found)
    items = [CustomerView.of(each, consents.get(each.id)) for each in found]
    return CustomerList(items=items, cursor=cursor)


@routes.post(
    "/api/customers/import",
    needs=Scope.BUSINESS,
    answers={200: ImportReport},
    problems=(*EVERY_POST, "file_unreadable"),
    accepts=CSV,
)
async def import_customers(request: web.Request, headers: RequestHeaders) -> web.Response:
    """Import customers from a table; a known number is updated, and wrong lines are told."""
    return await import_table(request, headers, business_of(request).imports.customers)


@routes.get("/api/customers/export", needs=Scope.BUSINESS, answers={200: {CSV: None}})
async def export(request: web.Request) -> web.Response:
    """Export all customers as a table."""
    table = await business_of(request).imports.table_of_customers(owner_of(request))
    return file(table, "customers")


@routes.get(
    "/api/customers/{id}",
    needs=Scope.BUSINESS,
    answers={200: CustomerView},
    problems=_NOT_FOUND,
)
async def show(request: web.Request) -> web.Response:
    """Show a customer and what they have agreed to."""
    return answer(await view_of_customer(request))


async def view_of_customer(request: web.Request) -> CustomerView:
    """Return the customer that the path names, if the caller may see them."""
    return await _view(request, await _customer(request))


@routes.patch(
    "/api/customers/{id}",
    needs=Scope.BUSINESS,
    answers={200: CustomerView},
    problems=(*_NOT_FOUND, "already_exists"),
    example={"notes": "Prefers mornings", "consents": {"marketing": "in"}},
)
async def change(request: web.Request, body: CustomerChange) -> web.Response:
    """Change a customer; messages that wait are written anew."""
    found = await _customer(request)
    customers = business_of(request).customers
    if len(body.attributes_after(found.attributes)) > MOST_ATTRIBUTES:
        raise InvalidParameterError(
            "attributes", f"A customer has at most {MOST_ATTRIBUTES} of them: take some away."
        )
    changed = await customers.change(found, body.to_changes(), body.to_states(), "api")
    return answer(await _view(request, changed))


@routes.get(
    "/api/customers/{id}/consents",
    needs=Scope.BUSINESS,
    answers={200: ConsentHistory},
    problems=_NOT_FOUND,
)
async def consents(request: web.Request) -> web.Response:
    """List what a customer has agreed to and refused, newest first, with the messages as proof."""
    found = await _customer(request)
    known = await business_of(request).customers.consents_of([found])
    return answer(ConsentHistory.of(known.get(found.id)))


@routes.delete(
    "/api/customers/{id}", needs=Scope.BUSINESS, answers={204: None}, problems=_NOT_FOUND
)
async def erase(request: web.Request) -> web.Response:
    """Erase a customer everywhere: name, number, messages and consents.

    What they have booked for later is cancelled. Appointments stay, without what they say of a
    person, so that they are still counted.
    """
    found = await _customer(request)
    try:
        await business_of(request).erasure.erase(found)
    except STREAM_DOWN as error:
        raise StoreUnavailableError(
            "Redis does not answer. What was begun goes on by itself when it does."
        ) from error
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def _customer(request: web.Request) -> Customer:
    customers = business_of(request).customers
    return await customers.find(seen_owner(request), request.match_info["id"])


async def _view(request: web.Request, customer: Customer) -> CustomerView:
    consents = await business_of(request).customers.consents_of([customer])
    return CustomerView.of(customer, consents.get(customer.id))
