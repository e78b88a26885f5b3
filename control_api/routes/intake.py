"""The handler for arq jobs that were refused."""

from __future__ import annotations

from aiohttp import web

from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.schemas.intake import IntakeFailureList, IntakeFailureQuery, IntakeFailureView
from control_api.services import SERVICES
from sessions.common.callers import Scope

routes = Endpoints("Messages")


@routes.get(
    "/api/whatsapp/intake-failures",
    needs=Scope.READ,
    admin=True,
    answers={200: IntakeFailureList},
)
async def index(request: web.Request, query: IntakeFailureQuery) -> web.Response:
    """List messages from arq jobs that were refused, newest first: nothing else tells of them."""
    failures = request.app[SERVICES].intake_failures
    found, cursor = await failures.page(query.cursor, query.limit)
    items = [IntakeFailureView.of(each) for each in found]
    return answer(IntakeFailureList(items=items, cursor=cursor))
