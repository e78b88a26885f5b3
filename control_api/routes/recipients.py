"""The handler that erases a recipient."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus

from aiohttp import web
from loguru import logger

from control_api.auth.identity import caller_of, owner_of, require_all_connections
from control_api.endpoints.declaration import Endpoints
from control_api.http.problems import ForbiddenError, InvalidParameterError
from control_api.http.requests import answer
from control_api.schemas.recipients import ErasedView, RecipientQuery
from control_api.services import SERVICES
from sessions.common.callers import Scope
from sessions.common.errors import InvalidRecipientError, StoreUnavailableError
from sessions.events.stream import STREAM_DOWN
from sessions.recipients.address import parse_recipient

routes = Endpoints("Recipients", owned=True)


@routes.delete(
    "/api/recipients/{number}",
    needs=Scope.MANAGE,
    answers={200: ErasedView, 202: ErasedView},
)
async def erase(request: web.Request, query: RecipientQuery) -> web.Response:
    """Erase a person: all messages to them, and everything known about the number.

    Queued messages are not sent. A message that is being sent cannot be cancelled; it is erased
    after it was sent, and the answer is 202. With `allOwners=true` an administrator erases the
    person from the records of all owners.
    """
    require_all_connections(request)
    if query.all_owners and not caller_of(request).is_admin:
        raise ForbiddenError("Only an administrator may erase somebody from everybody's records.")
    owner = None if query.all_owners else owner_of(request)
    chat_id = _chat_id(request)
    services = request.app[SERVICES]
    try:
        if services.business is not None:
            await services.business.erasure.forget(owner, chat_id)
        erased = await services.erasures.erase(owner, chat_id)
    except STREAM_DOWN as error:
        raise StoreUnavailableError(
            "Redis does not answer. What was begun goes on by itself when it does."
        ) from error
    logger.info("A recipient was erased, with {} messages", erased.messages)
    status = HTTPStatus.ACCEPTED if erased.sending else HTTPStatus.OK
    return answer(ErasedView(**asdict(erased)), status)


def _chat_id(request: web.Request) -> str:
    try:
        return parse_recipient(request.match_info["number"]).chat_id
    except InvalidRecipientError as error:
        raise InvalidParameterError("number", str(error)) from error
