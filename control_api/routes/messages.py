"""Handlers for messages: accept them, show what became of them, cancel and redrive."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from control_api.auth import owner_of
from control_api.problems import InvalidParameterError
from control_api.requests import answer, read_body, read_idempotency_key
from control_api.schemas import (
    Accepted,
    AcceptedList,
    BulkSend,
    MessageList,
    MessageView,
    Retry,
    RetryFailed,
)
from control_api.services import SERVICES, Services
from control_api.waiting import forecast, waiting_of
from sessions.acceptance import Receipt, SendWish
from sessions.messages import Message, MessageStatus

routes = web.RouteTableDef()

_PAGE = 50
_LARGEST_PAGE = 200


@routes.post("/api/whatsapp/send")
async def send(request: web.Request) -> web.Response:
    """Accept a message: it is stored durably before this answers 202."""
    body = await read_body(request, SendWish)
    services = request.app[SERVICES]
    receipt = await services.acceptance.accept(
        owner_of(request),
        body.connection_id,
        [body],
        read_idempotency_key(request),
        await request.read(),
    )
    location = f"/api/whatsapp/messages/{receipt.messages[0].id}"
    accepted = await _accepted(services, receipt, receipt.messages[0])
    headers = {"Location": location, **_replay_header(receipt)}
    return answer(accepted, HTTPStatus.ACCEPTED, headers)


@routes.post("/api/whatsapp/send/bulk")
async def send_bulk(request: web.Request) -> web.Response:
    """Accept many messages for one connection, in their order; `?dryRun=true` tells when."""
    body = await read_body(request, BulkSend)
    services = request.app[SERVICES]
    if request.query.get("dryRun") == "true":
        connection = await services.connections.find(owner_of(request), body.connection_id)
        return answer(await forecast(services, connection, body.messages))
    receipt = await services.acceptance.accept(
        owner_of(request),
        body.connection_id,
        body.messages,
        read_idempotency_key(request),
        await request.read(),
    )
    items = [Accepted(message_id=each.id, status=each.status) for each in receipt.messages]
    return answer(AcceptedList(items=items), HTTPStatus.ACCEPTED, _replay_header(receipt))


@routes.get("/api/whatsapp/messages")
async def index(request: web.Request) -> web.Response:
    """List messages, newest first, page by page."""
    services = request.app[SERVICES]
    owner, connection_id = owner_of(request), request.query.get("connectionId")
    connection = await services.connections.find(owner, connection_id) if connection_id else None
    limit = _limit(request)
    found = await services.outbox.page(
        owner,
        connection.id if connection else None,
        _status(request),
        request.query.get("cursor"),
        limit,
    )
    items = [await _view(services, each) for each in found]
    cursor = found[-1].id if len(found) == limit else None
    return answer(MessageList(items=items, cursor=cursor))


@routes.get("/api/whatsapp/messages/{id}")
async def show(request: web.Request) -> web.Response:
    """Tell where a message is, and why it waits if it does."""
    services = request.app[SERVICES]
    message = await services.outbox.find(owner_of(request), request.match_info["id"])
    return answer(await _view(services, message))


@routes.delete("/api/whatsapp/messages/{id}")
async def cancel(request: web.Request) -> web.Response:
    """Take a message back while it is queued."""
    services = request.app[SERVICES]
    message = await services.outbox.cancel(owner_of(request), request.match_info["id"])
    return answer(await _view(services, message))


@routes.post("/api/whatsapp/messages/{id}/retry")
async def retry(request: web.Request) -> web.Response:
    """Put a failed message back into the queue; an unknown one only when that is confirmed."""
    body = await read_body(request, Retry) if request.can_read_body else Retry()
    services = request.app[SERVICES]
    message = await services.outbox.redrive(
        owner_of(request), request.match_info["id"], unknown_too=body.confirm
    )
    connection = await services.connections.get(message.connection)
    if connection.lease:
        await services.doorbell.dispatch(connection.lease.worker, connection.id)
    return answer(await _view(services, message), HTTPStatus.ACCEPTED)


@routes.post("/api/whatsapp/messages/retry")
async def retry_failed(request: web.Request) -> web.Response:
    """Put failed messages of a connection back into the queue, in their order."""
    body = await read_body(request, RetryFailed)
    services, owner = request.app[SERVICES], owner_of(request)
    connection = await services.connections.find(owner, body.connection_id)
    messages = await services.outbox.redrive_failed(owner, connection, body.reason)
    if connection.lease:
        await services.doorbell.dispatch(connection.lease.worker, connection.id)
    items = [Accepted(message_id=each.id, status=each.status) for each in messages]
    return answer(AcceptedList(items=items), HTTPStatus.ACCEPTED)


async def _view(services: Services, message: Message) -> MessageView:
    waiting = None
    if message.status is MessageStatus.QUEUED:
        connection = await services.connections.get(message.connection)
        waiting = await waiting_of(services, connection, message)
    return MessageView.of(message, waiting)


async def _accepted(services: Services, receipt: Receipt, message: Message) -> Accepted:
    waiting = await waiting_of(services, receipt.connection, message)
    return Accepted(message_id=message.id, status=message.status, waiting=waiting)


def _replay_header(receipt: Receipt) -> dict[str, str]:
    return {"Idempotent-Replayed": "true"} if receipt.replayed else {}


def _status(request: web.Request) -> MessageStatus | None:
    named = request.query.get("status")
    if named is None:
        return None
    try:
        return MessageStatus(named)
    except ValueError as error:
        raise InvalidParameterError("status", f"Give one of {', '.join(MessageStatus)}.") from error


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", str(_PAGE))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _LARGEST_PAGE):
        raise InvalidParameterError("limit", f"Give a number from 1 to {_LARGEST_PAGE}.")
    return int(text)
