"""Handlers for webhooks: create, change, delete, test, and show and repeat deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from control_api.auth.identity import (
    connection_of,
    owner_of,
    require_all_connections,
    seen_owner,
)
from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.operations.webhook_tests import send_test
from control_api.schemas.webhooks import (
    CreatedWebhook,
    DeliveryList,
    DeliveryQuery,
    DeliveryView,
    NewSecret,
    NewWebhook,
    Redriven,
    RedriveRequest,
    RotateSecret,
    TestResult,
    TryView,
    WebhookChanges,
    WebhookList,
    WebhookView,
    span_of,
)
from control_api.services import SERVICES, Services
from sessions.common.callers import Scope
from sessions.common.ids import new_id
from sessions.messages.quotas import QuotaExceededError
from sessions.messages.sealed_texts import TextKeyMissingError, TextUnreadableError
from sessions.network.guarded_client import check_url
from sessions.webhooks.deliveries import Redrive
from sessions.webhooks.model import ALL_EVENTS, Delivery, Try, Webhook

routes = Endpoints("Webhooks", owned=True)

_NOT_FOUND = ("webhook_not_found",)
_URL_PROBLEMS = ("address_not_allowed", "url_not_allowed", "connection_not_found")
_NO_STORE = {"Cache-Control": "no-store"}


@routes.post(
    "/api/webhooks",
    needs=Scope.MANAGE,
    answers={201: CreatedWebhook},
    problems=(*_URL_PROBLEMS, "no_encryption_keys", "quota_exceeded"),
    example={
        "url": "https://crm.example.com/whatsapp",
        "events": ["message.received", "message.status"],
        "connectionIds": ["business_main"],
        "description": "CRM",
    },
)
async def create(request: web.Request, body: NewWebhook) -> web.Response:
    """Create a webhook; its secret is shown only in this answer."""
    require_all_connections(request)
    services, owner = request.app[SERVICES], owner_of(request)
    _check_url(services, body.url)
    webhook_id, now = new_id(), services.now()
    secret, stored = services.webhook_secrets.new(webhook_id)
    webhook = Webhook(
        id=webhook_id,
        owner=owner,
        url=body.url,
        events=body.events,
        connections=await _ids(request, body.connection_ids),
        description=body.description,
        secrets=[stored],
        created_at=now,
    ).model_copy(update=_headers(services, webhook_id, body.headers))
    await _store(services, webhook)
    shown = await _view(services, webhook)
    created = CreatedWebhook(**shown.model_dump(), secret=secret)
    return answer(created, HTTPStatus.CREATED, _NO_STORE)


@routes.get("/api/webhooks", needs=Scope.READ, answers={200: WebhookList})
async def index(request: web.Request) -> web.Response:
    """List webhooks; an administrator sees those of all owners."""
    require_all_connections(request)
    services = request.app[SERVICES]
    found = await services.webhooks.of_owner(seen_owner(request))
    return answer(WebhookList(items=await _views(services, found)))


@routes.get("/api/webhooks/{id}", needs=Scope.READ, answers={200: WebhookView}, problems=_NOT_FOUND)
async def show(request: web.Request) -> web.Response:
    """Show a webhook and how it fares."""
    return answer(await _view(request.app[SERVICES], await _webhook_of(request)))


@routes.patch(
    "/api/webhooks/{id}",
    needs=Scope.MANAGE,
    answers={200: WebhookView},
    problems=(*_NOT_FOUND, *_URL_PROBLEMS, "no_encryption_keys"),
    example={"events": ["*"], "enabled": True},
)
async def change(request: web.Request, body: WebhookChanges) -> web.Response:
    """Change a webhook; switching it on again also delivers what still waits for it."""
    services, webhook = request.app[SERVICES], await _webhook_of(request)
    if body.url is not None:
        _check_url(services, body.url)
    given = body.model_dump(include={"url", "events", "description", "enabled"}, exclude_none=True)
    if body.connection_ids is not None:
        given["connections"] = await _ids(request, body.connection_ids, webhook.owner) or None
    if body.headers is not None:
        given |= services.webhook_secrets.seal_headers(webhook.id, body.headers)
    changed = await services.webhooks.change(webhook, given) if given else webhook
    return answer(await _view(services, changed))


@routes.delete("/api/webhooks/{id}", needs=Scope.MANAGE, answers={204: None}, problems=_NOT_FOUND)
async def delete(request: web.Request) -> web.Response:
    """Delete a webhook, with everything that was or is to be delivered to it."""
    services, webhook = request.app[SERVICES], await _webhook_of(request)
    await services.webhooks.delete(webhook)
    await services.deliveries.delete_of([webhook.id])
    return web.Response(status=HTTPStatus.NO_CONTENT)


@routes.post(
    "/api/webhooks/{id}/rotate-secret",
    needs=Scope.MANAGE,
    answers={200: NewSecret},
    problems=(*_NOT_FOUND, "no_encryption_keys"),
    example={"overlap": "24h"},
)
async def rotate_secret(request: web.Request, body: RotateSecret | None) -> web.Response:
    """Replace the secret; for a while, events are signed with the former one, too."""
    services, webhook = request.app[SERVICES], await _webhook_of(request)
    overlap, now = span_of((body or RotateSecret()).overlap), services.now()
    secret, stored = services.webhook_secrets.new(webhook.id)
    await services.webhooks.add_secret(webhook, stored, overlap, now)
    until = now + overlap if overlap else None
    return answer(NewSecret(secret=secret, former_until=until), headers=_NO_STORE)


@routes.post(
    "/api/webhooks/{id}/test",
    needs=Scope.MANAGE,
    answers={200: TestResult},
    problems=(*_NOT_FOUND, "no_encryption_keys", "too_many_waiting_requests"),
)
async def test(request: web.Request) -> web.Response:
    """Send an event of the type `webhook.test` now, and show what the receiver answers."""
    services, webhook = request.app[SERVICES], await _webhook_of(request)
    with services.quotas.waiting.room(webhook.owner):
        outcome = await send_test(request.app, webhook)
    return answer(TestResult.of_outcome(outcome))


@routes.get(
    "/api/webhooks/{id}/deliveries",
    needs=Scope.READ,
    answers={200: DeliveryList},
    problems=(*_NOT_FOUND, "delivery_not_found"),
)
async def deliveries(request: web.Request, query: DeliveryQuery) -> web.Response:
    """List what a webhook was and is to be told, newest first, with each try."""
    services, webhook = request.app[SERVICES], await _webhook_of(request)
    found, cursor = await services.deliveries.page(webhook, query.status, query.cursor, query.limit)
    items = [_delivery(services, each) for each in found]
    return answer(DeliveryList(items=items, cursor=cursor))


@routes.post(
    "/api/webhooks/{id}/redrive",
    needs=Scope.MANAGE,
    answers={202: Redriven},
    problems=_NOT_FOUND,
    example={"since": "2030-01-31T09:00:00Z", "events": ["message.received"]},
)
async def redrive(request: web.Request, body: RedriveRequest | None) -> web.Response:
    """Send events again, under their ids: those named, all since a time, or all that failed."""
    services, webhook = request.app[SERVICES], await _webhook_of(request)
    asked = body or RedriveRequest()
    types = None if asked.events in (None, [ALL_EVENTS]) else asked.events
    which = Redrive(events=asked.ids, since=asked.since, types=types)
    count = await services.deliveries.redrive(webhook, which)
    return answer(Redriven(redriven=count), HTTPStatus.ACCEPTED)


async def _webhook_of(request: web.Request) -> Webhook:
    """Return a webhook that the caller may see; raise WebhookNotFoundError or ForbiddenError."""
    require_all_connections(request)
    webhooks = request.app[SERVICES].webhooks
    return await webhooks.find(seen_owner(request), request.match_info["id"])


def _check_url(services: Services, url: str) -> None:
    check_url(url, services.settings.webhook_allowed_hosts)


async def _ids(
    request: web.Request, names: Sequence[str] | None, owner: str | None = None
) -> list[str] | None:
    """Return our ids of the named connections; raise ConnectionNotFoundError."""
    if names is None:
        return None
    if owner is None or owner == owner_of(request):
        return [(await connection_of(request, each)).id for each in names]
    connections = request.app[SERVICES].connections
    return [(await connections.find(owner, each)).id for each in names]


def _headers(
    services: Services, webhook_id: str, headers: Mapping[str, str] | None
) -> dict[str, Any]:
    """Return the fields of a webhook with these headers."""
    sealed = services.webhook_secrets.sealed_headers(webhook_id, headers or {})
    return {"header_names": list(headers or ()), "sealed_headers": sealed}


async def _store(services: Services, webhook: Webhook) -> None:
    async with services.quotas.webhooks.room(webhook.owner):
        await services.webhooks.add(webhook)
        try:
            await services.quotas.webhooks.check(webhook.owner)
        except QuotaExceededError:
            await services.webhooks.delete(webhook)
            raise


async def _view(services: Services, webhook: Webhook) -> WebhookView:
    (view,) = await _views(services, [webhook])
    return view


async def _views(services: Services, webhooks: Sequence[Webhook]) -> list[WebhookView]:
    named = {connection for each in webhooks for connection in each.connections or ()}
    found = await services.connections.by_ids(named) if named else {}
    names = {each.id: each.connection_id for each in found.values()}
    return [WebhookView.of(each, names) for each in webhooks]


def _delivery(services: Services, delivery: Delivery) -> DeliveryView:
    tries = [TryView.of(each, _answer(services, delivery, each)) for each in delivery.tries]
    return DeliveryView.of(delivery, tries)


def _answer(services: Services, delivery: Delivery, made: Try) -> str | None:
    """Return the receiver's answer; None if there was none or no key decrypts it."""
    if made.answer is None:
        return None
    try:
        return services.deliveries.answer(delivery, made.answer)
    except (TextKeyMissingError, TextUnreadableError):
        return None
