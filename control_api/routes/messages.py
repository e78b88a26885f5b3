"""Handlers for messages: accept a send, show what became of it."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from control_api.auth import owner_of
from control_api.requests import answer, read_body
from control_api.schemas import Accepted, MessageView, NewMessage, waiting_for
from control_api.services import SERVICES
from sessions.messages import MessageStatus, Priority
from sessions.recipients import parse_recipient

routes = web.RouteTableDef()


@routes.post("/api/whatsapp/send")
async def send(request: web.Request) -> web.Response:
    """Accept a message: it is stored durably before this answers 202."""
    body = await read_body(request, NewMessage)
    services = request.app[SERVICES]
    connection = await services.connections.find(owner_of(request), body.connection_id)
    to = parse_recipient(body.to).chat_id
    message = await services.outbox.add(
        connection, to, body.message, Priority.NORMAL, services.now()
    )
    if connection.lease and connection.leased:
        await services.doorbell.dispatch(connection.lease.worker, connection.id)
    accepted = Accepted(
        message_id=message.id, status=message.status, waiting=waiting_for(connection)
    )
    location = f"/api/whatsapp/messages/{message.id}"
    return answer(accepted, HTTPStatus.ACCEPTED, {"Location": location})


@routes.get("/api/whatsapp/messages/{id}")
async def show(request: web.Request) -> web.Response:
    """Tell where a message is, and why it waits if it does."""
    services = request.app[SERVICES]
    message = await services.outbox.find(owner_of(request), request.match_info["id"])
    waiting = None
    if message.status is MessageStatus.QUEUED:
        waiting = waiting_for(await services.connections.get(message.connection))
    return answer(MessageView.of(message, waiting))
