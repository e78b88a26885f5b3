"""The handler for recent log records of all processes."""

from __future__ import annotations

from aiohttp import web

from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.schemas.logs import LogRecordList, LogRecordView, LogSearch
from control_api.services import SERVICES
from sessions.common.callers import Scope

routes = Endpoints("Logs")


@routes.get("/api/logs", needs=Scope.READ, admin=True, answers={200: LogRecordList})
async def index(request: web.Request, query: LogSearch) -> web.Response:
    """List what the API and the workers have logged, newest first."""
    found = await request.app[SERVICES].logs.page(query.to_query(), query.cursor, query.limit)
    items = [LogRecordView.of(each) for each in found]
    cursor = str(found[-1]["_id"]) if len(found) == query.limit else None
    return answer(LogRecordList(items=items, cursor=cursor))
