"""The OpenAPI document says what the API does: examples work, problems are told, /docs shows it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from openapi_spec_validator import validate
from playwright.async_api import Browser

from control_api.app import VIEWS, build_app
from control_api.http.problem_codes import STATUS_OF_CODE
from sessions.common.errors import DomainError
from tests.builders import OWNER, Stores
from tests.integration.operations import DOCUMENT, OPERATIONS, Operation, ends_last, full_body
from tests.integration.world import EXAMPLE_ID, World, for_connection, values_of
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from control_api.services import Services

    Client = TestClient[web.Request, web.Application]

UNDOCUMENTED = {
    "/openapi.json": "the document itself",
    "/docs": "a page about the document",
    "/docs/": "the way to that page",
    "/docs/start.js": "a part of that page",
    "/docs/{name}": "parts of that page",
    "/static/{version}/{name}": "parts of pages",
    "/link/{rest}": "a page for links that were cut off",
    "/dashboard/{rest}": "a page for what is not there",
    "/provider{rest}": "a page for what is not there",
    **{each.path: "a page for people" for group in VIEWS for each in group},
}
INTERNAL = {
    "error": "the base class of all",
    "illegal_move": "the worker's own mistake, and never an answer",
    "lease_lost": "told to workers only",
    "invalid_recipient": "told as invalid_fields, by the field",
    **dict.fromkeys(
        ("text_unreadable", "media_not_converted", "conversion_timed_out"),
        "a reason why a message failed, and never an answer",
    ),
    **dict.fromkeys(
        (
            "fetch_failed",
            "media_unavailable",
            "fetch_timed_out",
            "fetched_too_large",
            "too_many_redirects",
            "host_unreachable",
        ),
        "what another host did: told where its answer is shown",
    ),
}
"""Codes that no endpoint answers with."""
DEPENDS_ON_STATE = {
    "address_not_allowed",  # nobody resolves the example's proxy here
    "link_unknown",
    "no_qr_code",
    "wrong_status",
    "already_exists",
    "not_possible_now",
    "in_use",
    "wrong_state",
    "reply_to_not_found",
    "user_exists",
    "invalid_credentials",
    "invalid_refresh_token",
}
"""Problems with which an understood request is refused here: what it is about is not so far."""


async def test_the_document_is_valid_and_served(stranger: Client) -> None:
    served = await (await stranger.get("/openapi.json")).json()
    validate(served)
    assert served["paths"] == DOCUMENT["paths"]
    assert served["components"] == DOCUMENT["components"]


async def test_every_route_is_in_the_document(services: Services) -> None:
    routes = {
        (route.method, route.resource.canonical)
        for route in build_app(services).router.routes()
        if route.resource is not None and route.method not in ("HEAD", "OPTIONS")
    }
    documented = {(each.method, each.path) for each in OPERATIONS}
    assert {path for _, path in routes - documented} == set(UNDOCUMENTED)
    assert documented <= routes


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_every_operation_is_described(operation: Operation) -> None:
    assert len(operation.described["summary"].split()) > 2
    assert operation.described["tags"]
    statuses = operation.described["responses"]
    assert min(statuses) < "300"
    for status, response in statuses.items():
        assert response["description"]
        is_problem = "application/problem+json" in response.get("content", {})
        assert is_problem <= (status >= "400")
        assert response.get("content") or status < "300"
    if operation.content is not None:
        assert operation.example, "show an example of the body"


def test_every_code_has_its_status_and_every_status_its_code() -> None:
    workers = ("chatgrow_worker.", "sessions.blobs.", "sessions.encryption.")
    raised = {
        each.code for each in _subclasses(DomainError) if not each.__module__.startswith(workers)
    }
    assert raised - set(INTERNAL) <= set(STATUS_OF_CODE)
    told: set[str] = set().union(*(each.codes for each in OPERATIONS))
    assert told <= set(STATUS_OF_CODE)
    assert set(STATUS_OF_CODE) <= told | {"origin_not_allowed"}


@pytest.mark.parametrize("body", ["example", "full"])
async def test_every_example_works(world: World, body: str) -> None:
    wrong = []
    for operation in ends_last([each for each in OPERATIONS if each.content]):
        sent = operation.example if body == "example" else full_body(operation)
        if "connection_exists" in operation.codes:
            sent = for_connection(sent, "made_now")
        sent = for_connection(sent, EXAMPLE_ID, things=world.dana.things)
        person = world.admin if operation.is_open else world.dana
        answer = await world.call(
            operation,
            person.headers,
            values_of(operation, world.dana.things),
            sent,
            operation.wanted_query,
        )
        if answer.status >= 300 and answer.json["code"] not in DEPENDS_ON_STATE:
            wrong.append(f"{operation}: {sent} gets {answer}")
    assert wrong == []


@pytest.mark.parametrize(
    "operations",
    [1, pytest.param(len(OPERATIONS), marks=pytest.mark.slow)],
    ids=["in sight", "all"],
)
async def test_the_page_shows_the_document_and_asks_nobody_else(
    stranger: Client, person: Browser, operations: int
) -> None:
    base = str(stranger.make_url("/"))
    asked: list[str] = []
    complaints: list[str] = []
    async with await person.new_context() as context:
        page = await context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda line: complaints.append(f"{line.type}: {line.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        shown: set[str] = set()

        async def enough_shown() -> bool:
            """Scroll on: of so many operations, only those are drawn that are nearly in sight."""
            drawn = page.locator(".opblock")
            shown.update(await drawn.evaluate_all("all => all.map((each) => each.id)"))
            await page.evaluate("scrollBy(0, innerHeight / 2)")
            return len(shown) >= operations

        await page.goto(f"{base}docs")
        await page.locator(".opblock-summary-control").first.click()
        await page.locator(".opblock-body").wait_for()
        await until(enough_shown, every=timedelta(milliseconds=100))
    assert complaints == []
    assert [url for url in asked if not url.startswith((base, "data:"))] == []
    assert f"{base}openapi.json" in asked


def _subclasses(kind: type[DomainError]) -> set[type[DomainError]]:
    below = set(kind.__subclasses__())
    return below.union(*(_subclasses(each) for each in below))


async def test_a_retry_for_a_deleted_connection_is_told_as_the_document_says(
    client: Client, stores: Stores
) -> None:
    message = await stores.message(await stores.connection())
    await stores.outbox.cancel(OWNER, message.id)
    await client.delete("/api/whatsapp/connections/main")
    async with client.post(f"/api/whatsapp/messages/{message.id}/retry") as answer:
        code = (await answer.json())["code"]
    path = DOCUMENT["paths"]["/api/whatsapp/messages/{id}/retry"]
    assert code == "connection_not_found"
    assert f"`{code}`" in path["post"]["responses"]["404"]["description"]
