"""Handlers for conversations: the chats of a connection, and the messages of a chat."""

from __future__ import annotations

from aiohttp import web

from control_api.auth.identity import connection_of
from control_api.endpoints.declaration import Endpoints
from control_api.http.problems import InvalidParameterError
from control_api.http.requests import answer
from control_api.operations.conversation_views import chat_views, entry_views
from control_api.schemas.conversations import (
    ChatList,
    ChatsQuery,
    ConversationPage,
    ConversationQuery,
)
from control_api.services import SERVICES
from sessions.common.callers import Scope
from sessions.common.errors import InvalidRecipientError
from sessions.conversations.sides import Place
from sessions.recipients.address import parse_recipient

routes = Endpoints("Conversations", owned=True)


@routes.get(
    "/api/whatsapp/chats",
    needs=Scope.READ,
    answers={200: ChatList},
    problems=("connection_not_found",),
)
async def index(request: web.Request, query: ChatsQuery) -> web.Response:
    """List the chats of a connection, the one with the newest message first."""
    services = request.app[SERVICES]
    connection = await connection_of(request, query.connection_id)
    after = Place.parse(query.cursor) if query.cursor else None
    found, place = await services.chats.page(connection.id, after, query.limit, services.now())
    items = await chat_views(services, connection, found)
    return answer(ChatList(items=items, cursor=None if place is None else str(place)))


@routes.get(
    "/api/whatsapp/chats/{chatId}/messages",
    needs=Scope.READ,
    answers={200: ConversationPage},
    problems=("connection_not_found",),
)
async def messages(request: web.Request, query: ConversationQuery) -> web.Response:
    """List the messages of a chat in both directions, newest first."""
    services = request.app[SERVICES]
    chat_id = chat_id_of(request)
    connection = await connection_of(request, query.connection_id)
    chat = await services.timeline.chat_of(connection.id, chat_id)
    before = Place.parse(query.cursor) if query.cursor else None
    found, place = await services.timeline.page(connection.id, chat, before, query.limit)
    items = await entry_views(services, found, query.fields)
    cursor = None if place is None else str(place)
    return answer(ConversationPage(chat_id=chat, items=items, cursor=cursor))


def chat_id_of(request: web.Request) -> str:
    """Return the chat that the path names, as a send names it; raise InvalidParameterError."""
    try:
        return parse_recipient(request.match_info["chatId"]).chat_id
    except InvalidRecipientError as error:
        raise InvalidParameterError("chatId", str(error)) from error
