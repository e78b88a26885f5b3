"""Handlers for what is asked of a connection's page about its chats, and for its groups."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from control_api.auth.identity import connection_of
from control_api.endpoints.declaration import Endpoints
from control_api.http.problems import InvalidParameterError
from control_api.http.requests import answer
from control_api.operations.page_answers import PROBLEMS, answer_of_page
from control_api.schemas.chats import GroupList, OfConnection, ReadView, Typing, TypingView
from control_api.services import SERVICES
from sessions.common.callers import Scope
from sessions.common.errors import InvalidRecipientError
from sessions.connections.model import Connection
from sessions.connections.page_requests import Errand
from sessions.recipients.address import parse_recipient

routes = Endpoints("Conversations", owned=True)


@routes.post(
    "/api/whatsapp/chats/{chatId}/typing",
    needs=Scope.SEND,
    answers={200: TypingView},
    problems=PROBLEMS,
    example={"seconds": 5},
)
async def typing(request: web.Request, query: OfConnection, body: Typing | None) -> web.Response:
    """Show in a chat that somebody types, for some seconds; best effort."""
    chat_id = await _chat_of(request, query.connection_id)
    seconds = (body or Typing()).seconds
    usable = partial(connection_of, request, query.connection_id)
    done = await answer_of_page(request, usable, Errand.TYPING, chat_id, seconds)
    return answer(TypingView(chat_id=chat_id, shown=done["shown"]))


@routes.post(
    "/api/whatsapp/chats/{chatId}/read",
    needs=Scope.SEND,
    answers={200: ReadView},
    problems=PROBLEMS,
)
async def read(request: web.Request, query: OfConnection) -> web.Response:
    """Mark a chat read, which its people may see; messages that are sent mark it read, too."""
    chat_id = await _chat_of(request, query.connection_id)
    usable = partial(connection_of, request, query.connection_id)
    # Somebody has read it, whether or not WhatsApp can be told now.
    await _note_read(request, await usable(), chat_id)
    done = await answer_of_page(request, usable, Errand.READ, chat_id)
    return answer(ReadView(chat_id=chat_id, unread=done["unread"]))


@routes.get(
    "/api/whatsapp/groups",
    needs=Scope.READ,
    answers={200: GroupList},
    problems=PROBLEMS,
)
async def groups(request: web.Request, query: OfConnection) -> web.Response:
    """List the groups that the account of a connection is in, and who is in them."""
    usable = partial(connection_of, request, query.connection_id)
    found = await answer_of_page(request, usable, Errand.GROUPS)
    return answer(GroupList.model_validate({"items": found}))


async def _note_read(request: web.Request, connection: Connection, chat_id: str) -> None:
    """Note in the list of chats that nothing in this one is unread any more."""
    services = request.app[SERVICES]
    chat = await services.timeline.chat_of(connection.id, chat_id)
    await services.read_marks.mark(connection, chat)


async def _chat_of(request: web.Request, connection_id: str) -> str:
    """Return the chat that the path names; for a number, the chat that WhatsApp answered for it."""
    try:
        named = parse_recipient(request.match_info["chatId"]).chat_id
    except InvalidRecipientError as error:
        raise InvalidParameterError("chatId", str(error)) from error
    connection = await connection_of(request, connection_id)
    known = await request.app[SERVICES].numbers.of(connection.owner).find(named)
    return known.chat_id or named
