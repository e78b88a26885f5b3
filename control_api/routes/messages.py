"""Handlers for messages: send, show, search, cancel and retry."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus

from aiohttp import web

from control_api.auth.identity import (
    any_message_of,
    caller_of,
    connection_of,
    message_of,
    owner_of,
    seen_owner,
)
from control_api.endpoints.declaration import Endpoints
from control_api.http.bodies import receive
from control_api.http.problems import InvalidParameterError, NoGoodMessageError, fields_of_each
from control_api.http.requests import answer
from control_api.operations.accepted import accepted_one, replay_header
from control_api.operations.conversation_views import entry_views, received_view
from control_api.operations.forecast import forecast, waiting_of
from control_api.operations.message_views import view_of, view_of_one, views_of
from control_api.schemas.message_lists import AnyMessage, MessageList, MessageQuery, OneQuery
from control_api.schemas.messages import (
    Accepted,
    AcceptedList,
    BulkQuery,
    BulkSend,
    DryRun,
    MessageView,
    RefusedMessage,
    Retry,
    RetryFailed,
    SendHeaders,
)
from control_api.services import SERVICES
from sessions.common.callers import Scope
from sessions.conversations.received_search import ReceivedFilter
from sessions.conversations.sides import Place
from sessions.messages.acceptance import Receipt
from sessions.messages.requests import MessageRequest, SendRequest
from sessions.messages.search import MessageFilter
from sessions.storage.mongo import STORE_DOWN

routes = Endpoints("Messages", owned=True)

MEDIA_PROBLEMS = (
    "media_not_found",
    "media_unsuitable",
    "media_too_large",
    "media_empty",
    "media_quota_exceeded",
    "media_key_missing",
)
"""Why the file of a message is refused."""
_LARGEST_SEND = 24 * 1024 * 1024
"""Bytes: a file of 17 MiB in base64; larger ones are uploaded, which takes no memory."""
_LARGEST_BULK = 50 * 1024 * 1024
"""Bytes: 1,000 messages of 4,096 characters, each written as the two escapes of an emoji."""
_NOT_FOUND = ("message_not_found",)
_SEND_PROBLEMS = (
    "connection_not_found",
    "expired_already",
    "idempotency_key_reused",
    "queue_full",
    "reply_to_not_found",
    "text_key_missing",
    *MEDIA_PROBLEMS,
)


@routes.post(
    "/api/whatsapp/send",
    needs=Scope.SEND,
    answers={202: Accepted},
    problems=_SEND_PROBLEMS,
    most_bytes=_LARGEST_SEND,
    example={
        "connectionId": "business_main",
        "to": "+972501234567",
        "message": "Hello from ChatGrow!",
    },
)
async def send(request: web.Request, body: SendRequest, headers: SendHeaders) -> web.Response:
    """Accept a message: it is stored durably before the answer 202."""
    receipt = await _accept(request, body.connection_id, [body], headers)
    accepted, sent_back = accepted_one(request.app[SERVICES], receipt)
    return answer(accepted, HTTPStatus.ACCEPTED, sent_back)


@routes.post(
    "/api/whatsapp/send/bulk",
    needs=Scope.SEND,
    answers={200: DryRun, 202: AcceptedList},
    problems=_SEND_PROBLEMS,
    most_bytes=_LARGEST_BULK,
    example={
        "connectionId": "business_main",
        "priority": "low",
        "messages": [
            {"to": "+972501234567", "message": "First", "reference": "order-17"},
            {"to": "+972501234567", "message": "Second", "priority": "normal"},
        ],
    },
)
async def send_bulk(
    request: web.Request, body: BulkSend, query: BulkQuery, headers: SendHeaders
) -> web.Response:
    """Accept many messages for one connection, in order.

    `?dryRun=true` only estimates times. `?partial=true` accepts the good ones and names the others.
    """
    services = request.app[SERVICES]
    good, bad = body.sorted_out()
    if not good:
        raise NoGoodMessageError(bad)
    if query.dry_run:
        connection = await connection_of(request, body.connection_id)
        return answer(await forecast(services, connection, good))
    receipt = await _accept(request, body.connection_id, good, headers)
    items = [Accepted(message_id=each.id, status=each.status) for each in receipt.messages]
    refused = [
        RefusedMessage.model_validate({"index": place, "errors": fields})
        for place, fields in fields_of_each(bad).items()
    ]
    accepted = AcceptedList(items=items, refused=refused or None)
    return answer(accepted, HTTPStatus.ACCEPTED, replay_header(receipt))


@routes.get(
    "/api/whatsapp/messages",
    needs=Scope.READ,
    answers={200: MessageList},
    problems=("connection_not_found",),
)
async def index(request: web.Request, query: MessageQuery) -> web.Response:
    """List messages that were sent, or received ones with `direction=in`, newest first."""
    connection = None
    if query.connection_id:
        connection = (await connection_of(request, query.connection_id)).id
    list_ = _list_received if query.direction == "in" else _list_sent
    return answer(await list_(request, query, connection))


async def _list_received(
    request: web.Request, query: MessageQuery, connection: str | None
) -> MessageList:
    for name, value in (
        ("status", query.status),
        ("to", query.to),
        ("reference", query.reference),
        ("idempotencyKey", query.idempotency_key),
    ):
        if value:
            raise InvalidParameterError(name, "Received messages cannot be searched by it.")
    services = request.app[SERVICES]
    wanted = ReceivedFilter(
        owner=seen_owner(request),
        connection=connection,
        connections=caller_of(request).connections,
        since=query.since,
        until=query.until,
    )
    before = Place.parse(_cursor(query, received=True)) if query.cursor else None
    found, place = await services.received_search.page(wanted, before, query.limit)
    items = [received_view(services, each, query.fields) for each in found]
    return MessageList(items=[*items], cursor=None if place is None else str(place))


async def _list_sent(
    request: web.Request, query: MessageQuery, connection: str | None
) -> MessageList:
    services = request.app[SERVICES]
    wanted = await _filter(request, query, connection)
    before = _cursor(query, received=False) if query.cursor else None
    found, cursor = await services.search.page(wanted, before, query.limit)
    items = await views_of(services, found, query.fields)
    return MessageList(items=[*items], cursor=cursor)


def _cursor(query: MessageQuery, *, received: bool) -> str:
    """Return the cursor; raise InvalidParameterError for one of the other direction."""
    cursor = query.cursor or ""
    if ("-" in cursor) is not received:
        raise InvalidParameterError("cursor", "This cursor is of the other direction.")
    return cursor


async def _filter(
    request: web.Request, query: MessageQuery, connection: str | None
) -> MessageFilter:
    return MessageFilter(
        owner=seen_owner(request),
        connection=connection,
        connections=caller_of(request).connections,
        statuses=query.status,
        to=query.to,
        reference=query.reference,
        ids=await _ids_of(request, query.idempotency_key),
        since=query.since,
        until=query.until,
    )


async def _ids_of(request: web.Request, key: str | None) -> list[str] | None:
    """Return the messages of an Idempotency-Key; None if none was given."""
    if key is None:
        return None
    return await request.app[SERVICES].idempotency.messages_of(owner_of(request), key)


@routes.get(
    "/api/whatsapp/messages/{id}",
    needs=Scope.READ,
    answers={200: AnyMessage},
    problems=_NOT_FOUND,
)
async def show(request: web.Request, query: OneQuery) -> web.Response:
    """Show a message: of one that is sent its status, and why it waits if it does."""
    services = request.app[SERVICES]
    message = await any_message_of(request, request.match_info["id"])
    (view,) = await entry_views(services, [message], query.fields)
    return answer(view)


@routes.delete(
    "/api/whatsapp/messages/{id}",
    needs=Scope.SEND,
    answers={200: MessageView},
    problems=(*_NOT_FOUND, "wrong_status"),
)
async def cancel(request: web.Request) -> web.Response:
    """Cancel a message while it is queued."""
    services = request.app[SERVICES]
    found = await message_of(request, request.match_info["id"])
    message = await services.outbox.cancel(found.owner, found.id)
    return answer(await view_of_one(services, message))


@routes.post(
    "/api/whatsapp/messages/{id}/retry",
    needs=Scope.SEND,
    answers={202: MessageView},
    problems=(*_NOT_FOUND, "connection_not_found", "queue_full", "wrong_status"),
    example={"confirm": True},
)
async def retry(request: web.Request, body: Retry | None) -> web.Response:
    """Queue a failed message again; an unknown one only with `confirm`."""
    services = request.app[SERVICES]
    found = await message_of(request, request.match_info["id"])
    async with services.quotas.queue.room(found.owner, 1):
        message = await services.outbox.redrive(
            found.owner, found.id, unknown_too=body is not None and body.confirm
        )
    waiting = None
    # The message is queued, even if this read still shows its old status.
    with suppress(*STORE_DOWN):
        connection = await services.connections.get(message.connection)
        await services.doorbell.dispatch(connection)
        waiting = await waiting_of(services, connection, message)
    return answer(view_of(services, message, waiting), HTTPStatus.ACCEPTED)


@routes.post(
    "/api/whatsapp/messages/retry",
    needs=Scope.SEND,
    answers={202: AcceptedList},
    problems=("connection_not_found", "queue_full"),
    example={"connectionId": "business_main", "reason": "not_on_whatsapp"},
)
async def retry_failed(request: web.Request, body: RetryFailed) -> web.Response:
    """Queue failed messages of a connection again, in their order."""
    services = request.app[SERVICES]
    connection = await connection_of(request, body.connection_id)
    failed = await services.outbox.count_failed(connection, body.reason)
    async with services.quotas.queue.room(connection.owner, failed):
        messages = await services.outbox.redrive_failed(connection, body.reason)
    await services.doorbell.dispatch(connection)
    items = [Accepted(message_id=each.id, status=each.status) for each in messages]
    return answer(AcceptedList(items=items), HTTPStatus.ACCEPTED)


async def _accept(
    request: web.Request, connection_id: str, asked: Sequence[MessageRequest], headers: SendHeaders
) -> Receipt:
    return await request.app[SERVICES].acceptance.accept(
        owner_of(request),
        connection_id,
        asked,
        headers.idempotency_key,
        await receive(request),
        only=caller_of(request).connections,
        api_key=caller_of(request).key_id,
    )
